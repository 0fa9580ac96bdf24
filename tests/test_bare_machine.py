"""The two commands of the README, on a Debian that holds nothing but what the README asks for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.required import missing, require_command

ROOT = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
"""The oldest Debian whose Python is new enough."""
PACKAGES = "python3,python3-venv,git,make,ca-certificates"
NETWORK = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/xdg/pip", "/etc/uv"),
    *("/etc/apt/apt.conf.d", "/etc/ssl/certs/ca-certificates.crt"),
)
"""How this machine reaches packages; the bare one is to reach them, too."""
VARIABLES = ("PIP_", "UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LEADS = 4_000
TRAINING = """
import lightgbm, numpy
numbers = numpy.random.default_rng(1).random((500, 4))
data = lightgbm.Dataset(numbers, label=numbers[:, 0])
print(lightgbm.train({"verbosity": -1}, data, 3).num_trees())
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]


def copy_network_settings(debian: Path) -> None:
    """Copy the settings of pip, uv and apt, with the certificates that they trust."""
    for name in NETWORK:
        source, target = Path(name), debian / name.lstrip("/")
        if source.is_dir():
            shutil.copytree(
                source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("docker-*")
            )
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)


def copy_sources(target: Path) -> None:
    """Copy what Git knows of this checkout, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a bare Debian."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("Only root on Linux can make a Debian within this machine.")
    debootstrap = require_command("debootstrap", "debootstrap")
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        missing("the right to mount is missing: a container needs CAP_SYS_ADMIN")
    folder = tmp_path_factory.mktemp("bare") / "debian"
    command = [debootstrap, "--variant=minbase", f"--include={PACKAGES}", SUITE, str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2_000:] + made.stderr[-2_000:]
    copy_network_settings(folder)
    within(folder, "useradd --create-home ana")
    return folder


def within(debian: Path, command: str, user: str = "root") -> str:
    """Output of a command in the bare Debian; what it mounts is gone with it."""
    entered = (
        'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm" && '
        f'exec chroot "$0" su {user} -s /bin/sh -c "$1"'
    )
    environment = {
        name: value for name, value in os.environ.items() if name.upper().startswith(VARIABLES)
    }
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", entered, str(debian), command],
        env={"PATH": PATH, "LANG": "C.UTF-8", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:]
    return done.stdout


def test_who_is_not_root_installs_what_lightgbm_needs(debian: Path) -> None:
    home = debian / "home" / "ana" / "lead temperature"
    copy_sources(home)
    within(debian, "chown -R ana /home/ana")
    installed = within(debian, "cd ~/lead* && make install", user="ana")
    assert "taking scikit-learn's copy" in installed
    trained = within(debian, f"cd ~/lead* && .venv/bin/python -c '{TRAINING}'", user="ana")
    assert trained.split()[-1] == "3"


def test_the_two_commands_of_the_readme(debian: Path) -> None:
    copy_sources(debian / "srv" / "lead-temperature")
    installed = within(debian, "cd /srv/lead-temperature && make install")
    assert "installing Debian's package libgomp1" in installed
    shown = within(debian, f"cd /srv/lead-temperature && make demo LEADS={LEADS}")
    assert "Done in" in shown
    assert "reasons (points on the hot probability)" in shown
