"""Laws of the product that the syntax tree shows: what is written in one place alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("features", "models", "serving", "training", "lead_temperature")

WHOLE_CONFIGURATION = {
    "training/pipeline.py",
    "training/search/backtest.py",
    "training/versions/promotion.py",
    "training/versions/fingerprint.py",
}
"""A training is made of all sections, again or to be compared, and a recipe names all of them."""
WITH_CONFIGURATION = WHOLE_CONFIGURATION | {
    "training/card/fresh.py",
    "training/evaluation/evaluation.py",
    "training/report/past.py",
}


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Path, relative to the checkout, and syntax tree of each module."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def mentions_configuration(tree: ast.AST) -> bool:
    """Whether a module names the class of the whole configuration, or imports its module."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id="Config") | ast.Constant(value="Config") | ast.Attribute(attr="Config")
            ):
                return True
            case ast.ImportFrom(names=names) if any(alias.name == "Config" for alias in names):
                return True
            case ast.Import(names=names) if any(a.name == "training.config" for a in names):
                return True
    return False


@pytest.mark.parametrize(
    "text",
    [
        "from training.config import Config",
        "from training import config\ndef train(settings: config.Config): ...",
        "import training.config",
        'def train(settings: "Config"): ...',
    ],
)
def test_the_search_finds_every_way_to_name_the_configuration(text: str) -> None:
    assert mentions_configuration(ast.parse(text))


def test_only_whole_trainings_see_the_whole_configuration() -> None:
    """Everybody else is handed the sections it needs."""
    rooms = ("features", "models", "training", "serving")
    found = {path for path, tree in modules(*rooms) if mentions_configuration(tree)}
    # uvicorn has a class of that name too.
    assert found - {"training/config.py", "serving/process/worker.py"} == WITH_CONFIGURATION
