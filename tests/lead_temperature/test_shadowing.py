"""A module of the user's that hides one of our packages is named, with a way out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lead_temperature.shadowing import HOME, ROOMS

pytestmark = pytest.mark.process
ODD = "my $ project, ‘Übung’ [1] 100%"
COMMAND = "import sys; sys.path.insert(0, {folder!r}); {before}import lead_temperature"


def imported(folder: Path, before: str = "", home: str = "") -> subprocess.CompletedProcess[str]:
    """Import the package in a process that has a folder first on sys.path, and then our home.

    ``-S`` leaves out the environment's packages, among which ours may be installed as well.
    """
    code = COMMAND.format(folder=str(folder), before=before)
    return subprocess.run(
        [sys.executable, "-S", "-P", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": home or str(HOME)},
        check=False,
    )


def package(folder: Path, room: str) -> Path:
    (folder / room).mkdir(parents=True)
    (folder / room / "__init__.py").write_text("print('loaded')\n")
    return folder / room


def module(folder: Path, room: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{room}.py").write_text("print('loaded')\n")
    return folder / f"{room}.py"


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("make", [package, module])
def test_a_module_that_hides_a_package_is_named_and_not_loaded(
    tmp_path: Path, make, room: str
) -> None:
    hiding = make(tmp_path / ODD, room)
    ended = imported(tmp_path / ODD)
    assert ended.returncode == 1
    message = ended.stderr.splitlines()[-1]
    assert message.startswith(f"ImportError: {hiding} hides the package '{room}'")
    assert "Rename it, run from another folder, or put" in message
    assert "loaded" not in ended.stdout


@pytest.mark.parametrize("make", [package, module])
def test_a_module_that_was_imported_before_is_named(tmp_path: Path, make) -> None:
    hiding = make(tmp_path, "models")
    ended = imported(tmp_path, before="import models; ")
    assert ended.returncode == 1
    message = ended.stderr.splitlines()[-1]
    assert message.startswith(f"ImportError: {hiding} is imported already as 'models'")


def test_a_folder_without_init_that_was_imported_before_is_named(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "data.csv").write_text("x\n")
    # Our own package is not yet on the path when the user's folder is imported.
    later = f"sys.path[:] = [p for p in sys.path if p != {str(HOME)!r}]; import training; "
    ended = imported(tmp_path, before=f"{later}sys.path.append({str(HOME)!r}); ")
    assert ended.returncode == 1
    assert f"ImportError: {tmp_path / 'training'} is imported already" in ended.stderr


def test_a_module_made_in_memory_is_noticed(tmp_path: Path) -> None:
    before = "import types; sys.modules['serving'] = types.ModuleType('serving'); "
    ended = imported(tmp_path, before=before)
    assert "ImportError: A module without a file is imported already as 'serving'" in ended.stderr


def test_a_folder_of_data_hides_nothing(tmp_path: Path) -> None:
    """Python prefers a package with an ``__init__.py`` to a plain folder of the same name."""
    for room in ROOMS:
        (tmp_path / room).mkdir()
    ended = imported(tmp_path, home=str(HOME))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_our_own_packages_do_not_hide_themselves(tmp_path: Path) -> None:
    """Neither when they are reached by another path nor when they are imported already."""
    link = tmp_path / ODD
    link.symlink_to(HOME)
    ended = imported(link, before="import features, models; ", home=str(link))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_missing_package_is_said_to_be_missing(tmp_path: Path) -> None:
    shutil.copytree(HOME / "lead_temperature", tmp_path / "lead_temperature")
    ended = imported(tmp_path, home=str(tmp_path))
    assert f"The package 'features' is missing beside {tmp_path}" in ended.stderr


def test_the_command_says_in_one_line_which_file_is_in_the_way(tmp_path: Path) -> None:
    hiding = module(tmp_path / ODD, "features")
    ended = subprocess.run(
        [sys.executable, "-m", "lead_temperature", "--help"],
        cwd=tmp_path / ODD,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        check=False,
    )
    assert ended.returncode == 1
    assert f"{hiding} hides the package 'features'" in ended.stderr
    assert "Traceback" not in ended.stderr
