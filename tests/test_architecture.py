"""The rooms of the house: what lies where, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import features
import lead_temperature
import models
import serving
import training

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "models", "training", "serving")


@pytest.mark.parametrize("room", [features, models, training, serving, lead_temperature])
def test_the_code_under_test_is_this_checkout(room) -> None:
    assert Path(room.__file__).is_relative_to(ROOT)


def test_the_import_rules_hold() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_the_front_door(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        assert "lead_temperature" not in imported(path), path


def test_no_room_of_tests_shadows_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nothing_loads_pickles() -> None:
    """Model files are text: no module that could run code from a file is imported anywhere."""
    banned = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    for path in [
        ROOT / "lead_temperature.py",
        *(p for r in ROOMS for p in (ROOT / r).rglob("*.py")),
    ]:
        assert not imported(path) & banned, path


def imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.split(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module.split(".")[0])
    return found


def test_help_answers_without_the_laboratory() -> None:
    code = (
        "import sys, lead_temperature\n"
        "print([m for m in ('pandas', 'sklearn', 'duckdb', 'mlflow', 'lightgbm', 'numpy') "
        "if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert told.stdout.decode().strip() == "[]"
