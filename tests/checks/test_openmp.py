"""LightGBM's OpenMP library is renamed, adopted and loaded; what cannot be helped is said."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from checks import openmp
from checks.openmp import LIBRARY, adopt_library, bundled_library, main, renamed_library

linux = pytest.mark.skipif(sys.platform != "linux", reason="shared libraries of Linux")


def test_only_the_name_changes_and_no_byte_moves() -> None:
    content = b"\x7fELF\0libgomp-1a2b.so.1.0.0\0GOMP_4.0\0"
    renamed = renamed_library(content, "libgomp-1a2b.so.1.0.0")
    assert renamed == b"\x7fELF\0libgomp.so.1" + b"\0" * 10 + b"GOMP_4.0\0"
    assert len(renamed) == len(content)


@pytest.mark.parametrize("content", [b"", b"libgomp-1a2b.so.1\0 libgomp-1a2b.so.1\0", b"other\0"])
def test_a_library_of_another_name_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be renamed"):
        renamed_library(content, "libgomp-1a2b.so.1")


def test_a_name_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be renamed"):
        renamed_library(b"libg.so\0", "libg.so")


@linux
@pytest.mark.process
def test_the_adopted_library_is_found_under_the_name_that_lightgbm_asks_for(tmp_path: Path) -> None:
    bundled = bundled_library()
    assert bundled is not None
    adopt_library(bundled, tmp_path, tmp_path)
    (loader,) = tmp_path.glob("*.pth")
    code = (
        f"import sys; sys.prefix = {str(tmp_path.parent)!r}\n"
        + loader.read_text().replace("'lib'", repr(tmp_path.name))
        + f"ctypes.CDLL({LIBRARY!r}).omp_get_max_threads()\n"
        "print(*{line.split()[-1] for line in open('/proc/self/maps') if 'libgomp' in line})"
    )
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == [str(tmp_path / LIBRARY)]


@linux
def test_scikit_learns_copy_loads_as_it_is() -> None:
    assert ctypes.CDLL(str(bundled_library())).omp_get_max_threads() >= 1


def test_where_lightgbm_loads_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openmp, "lightgbm_problem", lambda: "")
    monkeypatch.setattr(openmp, "install_package", lambda: pytest.fail("nothing is missing"))
    main()
    assert capsys.readouterr().out == ""


def test_what_cannot_be_helped_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"OSError: {LIBRARY}: cannot open shared object file"
    monkeypatch.setattr(openmp, "lightgbm_problem", lambda: said)
    monkeypatch.setattr(openmp, "bundled_library", lambda: None)
    monkeypatch.setattr(openmp, "install_package", lambda: None)
    with pytest.raises(SystemExit, match=r"apt-get install libgomp1\), then run `make install`"):
        main()


def test_root_asks_apt_first_and_the_wheel_only_if_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problems = iter([f"OSError: {LIBRARY}", ""])
    asked = []
    monkeypatch.setattr(openmp, "lightgbm_problem", lambda: next(problems))
    monkeypatch.setattr(openmp.os, "geteuid", lambda: 0)
    monkeypatch.setattr(openmp.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(openmp, "install_package", lambda: asked.append("apt"))
    monkeypatch.setattr(openmp, "adopt_library", lambda *_: asked.append("wheel"))
    main()
    assert asked == ["apt"]
