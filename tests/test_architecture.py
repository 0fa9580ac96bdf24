"""The rooms of the house: what lies where, and who may import whom."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import features
import lead_temperature
import models
import serving
import training

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "models", "training", "serving")
OURS = {*ROOMS, "lead_temperature", "demo", "benchmarks", "checks", "tests"}
PEERS = {"bentoml", "litserve"}
"""What only benchmarks import, where it is installed: in an environment of its own."""
LABORATORY = ("train", "pdf", "spark")


@pytest.mark.parametrize("room", [features, models, training, serving, lead_temperature])
def test_the_code_under_test_is_this_checkout(room) -> None:
    assert Path(room.__file__).is_relative_to(ROOT)


@pytest.mark.process
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
    for path in (p for room in (*ROOMS, "lead_temperature") for p in (ROOT / room).rglob("*.py")):
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


@pytest.mark.parametrize(
    ("place", "extras"),
    [
        *((f"lead_temperature/{part}", ()) for part in ("verbs", "tables", "command.py")),
        *((f"lead_temperature/{part}.py", ()) for part in ("__init__", "shadowing", "inputs")),
        ("lead_temperature", ("train",)),
        ("models", ()),
        *(
            (f"serving/{room}", ("client", "otel"))
            for room in ("answers", "http", "pages", "process")
        ),
        ("serving/client.py", ("client",)),
        ("serving/bulk", LABORATORY),
        ("features", LABORATORY),
        ("training", LABORATORY),
        ("demo.py", ("train",)),
        ("benchmarks", (*LABORATORY, "dev")),
        ("tests", (*LABORATORY, "client", "otel", "dev")),
    ],
)
def test_what_is_imported_is_declared(place: str, extras: Sequence[str]) -> None:
    """What another package happens to bring may go with its next release."""
    paths = [ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py")
    names = {name for path in paths for name in imported(path)} - OURS - PEERS
    brought_by, allowed = packages_distributions(), declared(extras)
    undeclared = {
        name
        for name in names - sys.stdlib_module_names
        if not allowed & {plain(package) for package in brought_by.get(name, [name])}
    }
    assert not undeclared


def declared(extras: Sequence[str]) -> set[str]:
    """Packages that `pyproject.toml` names for the server, in these extras and groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["project"]["optional-dependencies"] | project["dependency-groups"]
    requirements = [*project["project"]["dependencies"], *(r for g in extras for r in groups[g])]
    return {plain(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def plain(package: str) -> str:
    """Name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.process
def test_help_answers_without_the_laboratory() -> None:
    code = (
        "import sys, lead_temperature.command\n"
        "print([m for m in ('pandas', 'sklearn', 'duckdb', 'mlflow', 'lightgbm', 'numpy') "
        "if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert told.stdout.decode().strip() == "[]"
