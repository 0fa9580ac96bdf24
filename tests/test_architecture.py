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
import ledger
import models
import serving
import training

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "models", "ledger", "training", "serving")
OURS = {*ROOMS, "lead_temperature", "demo", "benchmarks", "checks", "integrations", "tests"}
PEERS = {"bentoml", "litserve"}
"""What only benchmarks import, where it is installed: in an environment of its own."""
GENERATED = {"openapi_client"}
"""What a test makes before a program imports it."""
LABORATORY = ("train", "pdf", "spark")
NOT_YET: frozenset[str] = frozenset()
"""Modules without a test file of their name; the list only shrinks."""


@pytest.mark.parametrize("room", [features, models, ledger, training, serving, lead_temperature])
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
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.split(".")[0])
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "extras"),
    [
        *((f"lead_temperature/{part}", ()) for part in ("verbs", "tables", "command.py")),
        *((f"lead_temperature/{part}.py", ()) for part in ("__init__", "shadowing", "inputs")),
        ("lead_temperature", ("train",)),
        ("models", ()),
        ("ledger", ("ledger",)),
        *(
            (f"serving/{room}", ("client", "otel"))
            for room in ("answers", "http", "pages", "process")
        ),
        ("serving/client.py", ("client",)),
        ("integrations/hubspot", ("client",)),
        ("serving/bulk", (*LABORATORY, "client")),
        ("serving/desk", ("train",)),
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
    names = {name for path in paths for name in imported(path)} - OURS - PEERS - GENERATED
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


def test_each_module_has_a_test_file_of_its_name() -> None:
    """At the mirrored place, or where the last line of the module's docstring says."""
    missing = {module for module in modules() if not held_by(module)}
    assert missing - NOT_YET == set()
    assert NOT_YET - missing == set(), "these have their tests: take them off the list"


def modules() -> list[str]:
    """Every module of the five rooms but those that only name a package."""
    paths = (path for room in (*ROOMS, "lead_temperature") for path in (ROOT / room).rglob("*.py"))
    names = (path.relative_to(ROOT) for path in paths)
    return sorted(name.as_posix() for name in names if name.stem not in ("__init__", "__main__"))


def held_by(module: str) -> bool:
    """Whether the mirrored test file exists, or the one that the docstring's last line names."""
    path = Path(module)
    if (ROOT / "tests" / path.with_name(f"test_{path.name}")).exists():
        return True
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    named = re.fullmatch(
        r"Tests: (tests/\S+/test_\w+\.py|tests/test_\w+\.py)\.", docstring.split("\n")[-1]
    )
    return named is not None and (ROOT / named[1]).exists()


def test_documented_parameters_are_parameters() -> None:
    """What a docstring describes can be given: a parameter that was renamed is renamed there."""
    stale = [
        f"{module}:{node.lineno} {node.name}({name})"
        for module in modules()
        for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in documented(ast.get_docstring(node) or "") - parameters(node)
    ]
    assert stale == []


def documented(docstring: str) -> set[str]:
    """Names in the section of parameters; `a, b : int` names two."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    lines = section[1].splitlines() if section else []
    heads = [line.partition(" : ")[0] for line in lines if re.match(r"[\w*]", line)]
    return {name.strip(" *") for head in heads for name in head.split(",")}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function can be given."""
    every = function.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    return {argument.arg for argument in named if argument is not None}


def test_a_planted_stale_parameter_is_found() -> None:
    text = "Sum.\n\nParameters\n----------\nrows, leads : int\n    Both.\n*more : int\n    Others."
    (function,) = ast.parse("def total(rows, *more): ...").body
    assert isinstance(function, ast.FunctionDef)
    assert documented(text) - parameters(function) == {"leads"}
