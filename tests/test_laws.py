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
    assert found - {"training/config.py", "serving/process/worker.py"} == WHOLE_CONFIGURATION


MATURITY = "training/dataset/snapshots.py"
"""The home of the law that says when an outcome is known."""


def spells_maturity(tree: ast.AST) -> bool:
    """Whether a module adds days to a look, or takes them from the end of the data, by itself."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                names = _names(left)
                days = "MICROSECONDS_PER_DAY" in _names(right)
                if days and "as_of" in names and isinstance(node.op, ast.Add):
                    return True
                if "data_end" in names and (days or _names(right) & {"horizon", "gap", "days"}):
                    return True
    return False


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("mature = spine.as_of + days * MICROSECONDS_PER_DAY <= data_end", True),
        ("latest = tables.data_end - days * MICROSECONDS_PER_DAY", True),
        ("latest = lives.data_end - horizon", True),
        ("watched = (tables.data_end - created_at) / MICROSECONDS_PER_DAY", False),
        ("age = (as_of - created_at) / MICROSECONDS_PER_DAY", False),
    ],
)
def test_the_search_finds_spellings_of_maturity(text: str, spelled: bool) -> None:
    assert spells_maturity(ast.parse(text)) == spelled


def test_when_an_outcome_is_known_is_written_once() -> None:
    spelled = {path for path, tree in modules("training") if spells_maturity(tree)}
    # A calendar week begins on Monday, and the epoch did not.
    assert spelled - {"training/bands/capacity.py"} == {MATURITY}


def constants(tree: ast.Module) -> set[str]:
    """Public constants that a module defines; a type variable is none."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                continue
            case ast.Assign(targets=targets):
                stored = [name for target in targets for name in ast.walk(target)]
            case ast.AnnAssign(target=target):
                stored = [target]
            case _:
                continue
        names |= {
            name.id
            for name in stored
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
    return {name for name in names if name.isupper() and name[0] != "_"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("BLOCK = 64", {"BLOCK"}),
        ("NODES: int = 6", {"NODES"}),
        ("ROWS, TREES = 64, 16", {"ROWS", "TREES"}),
        ("_STEPS = 50\nstart = 1", set()),
        ("T = TypeVar('T')", set()),
        ("COLOURS[PAPER] = 'white'", set()),
        ("def fit():\n    LOCAL = 1", set()),
    ],
)
def test_the_search_finds_public_constants(text: str, names: set[str]) -> None:
    assert constants(ast.parse(text)) == names


def test_a_constant_is_defined_once() -> None:
    """Two constants of one name are either one law in two places or two laws under one name."""
    homes: dict[str, list[str]] = {}
    for path, tree in modules(*PRODUCT):
        for name in constants(tree):
            homes.setdefault(name, []).append(path)
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def calls_with_starred_displays(tree: ast.AST) -> list[int]:
    """Lines of calls such as ``f(*(a, b))``, which hide which argument is which."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for argument in node.args
        if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple | ast.List)
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("looks(*(matrix, lead), weight)", [1]),
        ("looks(\n    *[matrix, lead])", [1]),
        ("looks(*parts)", []),
        ("looks(*(one for one in parts))", []),
        ("parts = [*(matrix, lead)]", []),
    ],
)
def test_the_search_finds_starred_displays(text: str, lines: list[int]) -> None:
    assert calls_with_starred_displays(ast.parse(text)) == lines


def test_no_call_hides_its_arguments_behind_a_star() -> None:
    """Arrays of one type are easily confused: they are handed over by their keywords."""
    hidden = {
        path: lines
        for path, tree in modules(*PRODUCT, "tests/training", "benchmarks")
        if (lines := calls_with_starred_displays(tree))
    }
    assert hidden == {}
