"""Laws of the product that the syntax tree shows: what is written in one place alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("features", "models", "ledger", "serving", "training", "lead_temperature")

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
    rooms = ("features", "models", "ledger", "training", "serving")
    found = {path for path, tree in modules(*rooms) if mentions_configuration(tree)}
    # uvicorn has a class of that name too.
    assert found - {"training/config.py", "serving/process/worker.py"} == WHOLE_CONFIGURATION


MATURITY = "training/dataset/snapshots.py"
"""The home of the law that says when an outcome is known."""

OTHER_USES_OF_DATA_END = {
    "features/export/blindness.py": "which leads were watched up to the same age",
    "features/export/data_end.py": "which times of an export lie after its end",
    "features/scale/scoring_notes.py": "how long after the end leads are scored",
    "serving/answers/examples.py": "times of an invented lead in the documentation",
    "training/audit/ageing.py": "how leads that ended just before the end differ from others",
    "training/audit/clock.py": "how old leads are at the end, and what lies beyond it",
    "training/audit/findings.py": "which refused leads are still looked at when the data end",
    "training/audit/overwriting.py": "how leads that ended just before the end differ from others",
    "training/team/aftermath.py": "for how many days a lead was watched after a contact",
    "training/team/grouping.py": "for how many days a lead was watched since its creation",
    "training/team/today.py": "the end itself, written as a date",
}
"""Files that reckon with the end of the data to ask something else, and what they ask."""

ORDERINGS = {"less", "less_equal", "greater", "greater_equal", "searchsorted"}
DIFFERENCES = {"add", "subtract"}


def spells_maturity(tree: ast.AST) -> bool:
    """Whether a module compares the end of the data with something, or adds to it or subtracts."""
    ends = {"data_end", *_aliases(tree, "data_end")}
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=operators) if any(
                isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for operator in operators
            ):
                operands: list[ast.AST] = [node]
            case ast.BinOp(op=ast.Add() | ast.Sub()) | ast.AugAssign(op=ast.Add() | ast.Sub()):
                operands = [node]
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if (
                name in ORDERINGS | DIFFERENCES
            ):
                operands = [*node.args, *(keyword.value for keyword in node.keywords)]
            case _:
                continue
        if any(ends & _names(operand) for operand in operands):
            return True
    return False


def _aliases(tree: ast.AST, name: str) -> set[str]:
    """Variables that are assigned a name, an attribute or a key of that name, or each other."""
    aliases: set[str] = set()
    while True:
        found = {
            target.id
            for node in ast.walk(tree)
            for target, value in _assignments(node)
            if isinstance(target, ast.Name) and _ends_in(value, {name, *aliases})
        }
        if found <= aliases:
            return aliases
        aliases |= found


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets of an assignment with their values, those of tuples one by one."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    yield from zip(target.elts, value.elts, strict=False)
                else:
                    yield target, value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.NamedExpr(target=target, value=value):
            yield target, value


def _ends_in(value: ast.expr, names: set[str]) -> bool:
    """Whether an expression is one of the names, or an attribute or a key of that name."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in names
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name in names
        case ast.Call(func=ast.Name(id="int"), args=[converted]):
            return _ends_in(converted, names)
        case _:
            return False


def _names(tree: ast.AST) -> set[str]:
    return (
        {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        | {
            node.slice.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Subscript)
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        }
    )


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("mature = spine.as_of + days * MICROSECONDS_PER_DAY <= data_end", True),
        ("latest = tables.data_end - days * MICROSECONDS_PER_DAY", True),
        ("latest = lives.data_end - horizon", True),
        ("mature = spine.as_of + horizon <= data_end", True),
        ("mature = days * MICROSECONDS_PER_DAY + spine.as_of <= data_end", True),
        ("mature = data_end - as_of >= days * MICROSECONDS_PER_DAY", True),
        ("end = tables.data_end\nmature = as_of + days <= end", True),
        ("end: int = tables.data_end\nlast = end\nmature = as_of + days <= last", True),
        ("if (end := int(tables.data_end)) and as_of + days < end: ...", True),
        ("end, begin = tables.data_end, 0\nmature = as_of + days <= end", True),
        ('mature = values["data_end"] > as_of', True),
        ("latest = data_end - window", True),
        ("latest = data_end\nlatest -= window", True),
        ("mature = np.less_equal(as_of + days, tables.data_end)", True),
        ("age = (as_of - created_at) / MICROSECONDS_PER_DAY", False),
        ("mature = is_mature(as_of, days, tables.data_end)", False),
        ("same = earlier.data_end == later.data_end", False),
    ],
)
def test_the_search_finds_spellings_of_maturity(text: str, spelled: bool) -> None:
    assert spells_maturity(ast.parse(text)) == spelled


def test_when_an_outcome_is_known_is_written_once() -> None:
    spelled = {path for path, tree in modules(*PRODUCT) if spells_maturity(tree)}
    assert spelled == {MATURITY, *OTHER_USES_OF_DATA_END}


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
