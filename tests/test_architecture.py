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
NOT_YET: frozenset[str] = frozenset(
    (
        "features/arrays.py",
        "features/engine/codebook.py",
        "features/engine/events.py",
        "features/engine/exact.py",
        "features/engine/executor.py",
        "features/engine/plan.py",
        "features/engine/questions.py",
        "features/export/columns.py",
        "features/export/csv_rows.py",
        "features/export/data_end.py",
        "features/export/inspection.py",
        "features/export/mapping.py",
        "features/export/privacy.py",
        "features/export/rows.py",
        "features/export/rules.py",
        "features/export/sources.py",
        "features/export/sql_rows.py",
        "features/json_values.py",
        "features/language/catalogue.py",
        "features/language/kinds.py",
        "features/language/spec.py",
        "features/language/wording.py",
        "features/progress.py",
        "features/scale/batch.py",
        "features/scale/instants.py",
        "features/scale/partition.py",
        "features/scale/requests.py",
        "features/scale/scoring_notes.py",
        "features/scale/spark.py",
        "features/scale/stream.py",
        "features/spine.py",
        "lead_temperature/tables/comparison.py",
        "lead_temperature/tables/training.py",
        "models/card_formats.py",
        "models/course/forecast.py",
        "models/course/freshness.py",
        "models/course/looks.py",
        "models/course/trend.py",
        "models/folder.py",
        "models/predictors/linear.py",
        "models/predictors/predictor.py",
        "models/predictors/scorecard.py",
        "models/predictors/single_row.py",
        "models/predictors/tree_shares.py",
        "training/bands/capacity.py",
        "training/bands/cutoffs.py",
        "training/bands/learning_curve.py",
        "training/bands/results.py",
        "training/calibration/choice.py",
        "training/calibration/curves.py",
        "training/calibration/drift.py",
        "training/card/fresh.py",
        "training/card/schema.py",
        "training/card/values.py",
        "training/config.py",
        "training/dataset/as_of_cut.py",
        "training/dataset/coverage.py",
        "training/dataset/draws.py",
        "training/dataset/examples.py",
        "training/dataset/frame.py",
        "training/dataset/lives.py",
        "training/dataset/matrices.py",
        "training/dataset/readiness.py",
        "training/dataset/snapshots.py",
        "training/dataset/split.py",
        "training/dataset/thinning.py",
        "training/dataset/values.py",
        "training/evaluation/baselines.py",
        "training/evaluation/dependence.py",
        "training/evaluation/evaluation.py",
        "training/evaluation/gains.py",
        "training/evaluation/importance.py",
        "training/evaluation/outcomes.py",
        "training/evaluation/refits.py",
        "training/evaluation/reliability.py",
        "training/fitting/booster.py",
        "training/fitting/bundle.py",
        "training/fitting/horizon.py",
        "training/fitting/linear.py",
        "training/fitting/monotone.py",
        "training/fitting/predictor.py",
        "training/fitting/scorecard.py",
        "training/report/changes.py",
        "training/report/figures.py",
        "training/report/meters.py",
        "training/report/model_card.py",
        "training/report/past.py",
        "training/report/pdf.py",
        "training/report/pictures.py",
        "training/report/render.py",
        "training/report/standalone.py",
        "training/report/words/language.py",
        "training/report/words/messages.py",
        "training/report/words/numerals.py",
        "training/report/words/reasons.py",
        "training/report/words/vocabulary.py",
        "training/search/backtest.py",
        "training/search/rolling.py",
        "training/search/tune.py",
        "training/versions/comparison.py",
        "training/versions/fingerprint.py",
        "training/versions/gate.py",
        "training/versions/mlflow_store.py",
        "training/versions/promotion.py",
        "training/versions/registry.py",
        "training/versions/run_figures.py",
        "training/versions/watch.py",
    )
)
"""Modules without a test file of their name; the list only shrinks."""


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
