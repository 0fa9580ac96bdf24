"""What `make install` does with an environment that it finds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REMOVES = "rm -rf .venv"

pytestmark = pytest.mark.process


def plan(folder: Path) -> str:
    """What `make install` would do in a folder, without doing it."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    return subprocess.check_output(["make", "-n", "install"], cwd=folder, text=True)


def environment(folder: Path, python: str | None = sys.executable) -> Path:
    """A folder `.venv` whose Python is a link to another one, or to nothing."""
    venv = folder / ".venv"
    (venv / "bin").mkdir(parents=True)
    if python is not None:
        (venv / "bin" / "python").symlink_to(python)
    return venv


def test_where_there_is_none_it_is_made(tmp_path: Path) -> None:
    assert REMOVES not in plan(tmp_path)
    assert "-m venv .venv" in plan(tmp_path)


def test_one_whose_making_was_cut_off_is_made_anew_and_it_is_said(tmp_path: Path) -> None:
    (environment(tmp_path) / ".making").touch()
    assert REMOVES in plan(tmp_path)
    assert "half made" in plan(tmp_path)


@pytest.mark.parametrize("python", [None, "/nowhere/python"])
def test_one_without_a_python_that_runs_is_made_anew(tmp_path: Path, python: str | None) -> None:
    environment(tmp_path, python)
    assert REMOVES in plan(tmp_path)


def test_a_whole_one_that_something_else_made_is_kept(tmp_path: Path) -> None:
    environment(tmp_path)
    assert REMOVES not in plan(tmp_path)


def test_a_whole_one_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    venv = environment(tmp_path)
    plan(tmp_path)
    (venv / ".installed").touch()
    assert "uv sync" not in subprocess.check_output(
        ["make", "-n", "install"], cwd=tmp_path, text=True
    )
