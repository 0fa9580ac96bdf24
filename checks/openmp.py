"""Give LightGBM the OpenMP library that it links and that a bare Debian lacks: ``libgomp.so.1``.

`make install` runs this as its last step. Where the library is missing, root installs Debian's
package ``libgomp1``. Anybody else takes the copy that scikit-learn's wheel brings. That copy has a
name of its own, under which LightGBM does not find it; so it is copied into the environment under
the usual name, and a ``.pth`` file loads it whenever the environment's Python starts.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

LIBRARY = "libgomp.so.1"
PACKAGE = "libgomp1"
LOADER = "openmp_of_this_environment.pth"
LOADS = (
    "import os, sys, ctypes; _path = os.path.join(sys.prefix, 'lib', {name!r}); "
    "os.path.exists(_path) and ctypes.CDLL(_path)\n"
)


def main() -> None:
    """Bring the library if it is missing, and see that LightGBM then loads."""
    problem = lightgbm_problem()
    if LIBRARY in problem and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"LightGBM needs {LIBRARY}: installing Debian's package {PACKAGE}")
        install_package()
        problem = lightgbm_problem()
    if LIBRARY in problem and (bundled := bundled_library()) is not None:
        print(f"LightGBM needs {LIBRARY}: taking scikit-learn's copy, for this environment alone")
        purelib = Path(sysconfig.get_path("purelib"))
        adopt_library(bundled, Path(sys.prefix) / "lib", purelib)
        problem = lightgbm_problem()
    if problem:
        sys.exit(
            f"LightGBM does not load: {problem}\nIf {LIBRARY} is missing, install OpenMP's "
            f"runtime (Debian: apt-get install {PACKAGE}), then run `make install` again."
        )


def lightgbm_problem() -> str:
    """Last line of what a new process says when it cannot import LightGBM; empty if it can."""
    command = [sys.executable, "-c", "import lightgbm"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stderr.strip().rpartition("\n")[2] if answer.returncode else ""


def install_package() -> None:
    """Install Debian's package; a failure is left to the next look at LightGBM."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603


def bundled_library() -> Path | None:
    """OpenMP's library of scikit-learn's wheel, if there is one."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parents[1] / "scikit_learn.libs"
    return next(iter(sorted(folder.glob("libgomp*.so*"))), None)


def adopt_library(bundled: Path, libraries: Path, packages: Path) -> None:
    """Copy a library under the name that LightGBM asks for, and have it loaded at each start.

    Parameters
    ----------
    bundled : pathlib.Path
        Library whose file has the name that it calls itself.
    libraries : pathlib.Path
        Folder of the copy, ``lib`` of the environment.
    packages : pathlib.Path
        Folder in which Python looks for ``.pth`` files.
    """
    (libraries / LIBRARY).write_bytes(renamed_library(bundled.read_bytes(), bundled.name))
    (packages / LOADER).write_text(LOADS.format(name=LIBRARY), encoding="utf-8")


def renamed_library(content: bytes, name: str) -> bytes:
    """A shared library that calls itself `LIBRARY`, which is no longer than its present name.

    Raises
    ------
    ValueError
        The name does not stand exactly once in the library, or is too short.
    """
    present, wanted = name.encode() + b"\0", LIBRARY.encode() + b"\0"
    if content.count(present) != 1 or len(wanted) > len(present):
        raise ValueError(f"The library cannot be renamed: {name!r} is not its name for itself.")
    return content.replace(present, wanted.ljust(len(present), b"\0"))


if __name__ == "__main__":
    main()
