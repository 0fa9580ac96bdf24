"""JSON stays at its borders: no room hands another one a dictionary of anything.

The law is over the syntax trees of training, models and serving: no parameter, no return value, no
field and no alias is a mapping from str to Any, to object or to a composition of them, or a mapping
of what is not said; and nothing that is returned is Any. Where JSON itself enters or leaves, it is
called `features.json_values.JsonObject`, and only in the files that are listed here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
ROOMS = ("training", "models", "ledger", "serving")
MAPPINGS = frozenset(
    "dict Dict defaultdict DefaultDict OrderedDict Mapping MutableMapping".split()  # noqa: SIM905
)
BORDERS = {
    "models/bands.py": "bundle.json",
    "models/bundle.py": "the manifest of a bundle",
    "models/calibration.py": "bundle.json",
    "models/card.py": "card.json and GET /v1/model",
    "models/card_formats.py": "card.json of earlier formats",
    "models/evidence.py": "bundle.json",
    "models/golden.py": "golden.json",
    "models/predictors/linear.py": "hot.linear.json",
    "models/predictors/predictor.py": "files of a predictor",
    "models/predictors/scorecard.py": "hot.json",
    "models/predictors/tree_shares.py": "LightGBM's own JSON",
    "models/training_shares.py": "card.json, whose shares samples are compared with",
    "serving/answers/examples.py": "the example lead of the OpenAPI document",
    "serving/answers/golden.py": "the request of a golden lead",
    "serving/answers/json_text.py": "the body of a request",
    "serving/bulk/writeback.py": "bodies of a CRM's API",
    "serving/http/docs.py": "the OpenAPI document",
    "serving/http/routes.py": "the OpenAPI document",
    "serving/process/link.py": "what a supervisor and its workers tell each other",
    "serving/process/prover.py": "the verdict of a prover",
    "serving/process/supervisor.py": "the outcome of a reload, for the worker that asked",
    "serving/pages/try_page.py": "the lead and the words of the page",
    "training/card/values.py": "card.json, and every value that is written to a file",
    "training/report/past.py": "backtest --json",
    "training/versions/run_figures.py": "card.json, whose numbers a run keeps",
}
"""Files whose signatures speak of JSON objects, and which JSON that is."""
VALIDATED = {
    "models/plays.py": "sections of plays.toml, which its schema checks",
    "ledger/store.py": "rows of tables, whose columns `ledger.schema` names",
    "serving/answers/caution.py": "interactions, whose fields the bundle's schema names",
    "serving/answers/schemas.py": "the card within GET /v1/model, and fields of a closed schema",
    "serving/desk/people.py": "sections of people.toml, which its schema checks",
    "serving/http/batches.py": "leads of a batch, each of which its schema checks",
    "serving/answers/scorer.py": "an interaction, whose fields the bundle's schema names",
    "serving/client.py": "the card within GET /v1/model, and the answer of any route",
    "serving/http/openapi_frame.py": "parts of the OpenAPI document",
    "serving/http/openapi.py": "parts of the OpenAPI document, which are completed",
    "serving/http/openapi_terms.py": "parts of the OpenAPI document, which are described",
    "training/config.py": "sections, and features that they add by their parameters",
}
"""Files with a mapping to Any whose names a schema checks, and which values they are."""


def annotations(tree: ast.Module) -> Iterator[ast.expr]:
    """Annotations of parameters, return values and fields, and what an alias stands for."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                arguments = node.args
                every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                every += [one for one in (arguments.vararg, arguments.kwarg) if one]
                yield from (one.annotation for one in every if one.annotation is not None)
                if node.returns is not None:
                    yield node.returns
            case ast.ClassDef(body=body):
                yield from (field.annotation for field in body if isinstance(field, ast.AnnAssign))
            case ast.Module(body=body):
                yield from (alias for statement in body for alias in aliased(statement))


def aliased(statement: ast.stmt) -> Iterator[ast.expr]:
    """Types that a statement of a module gives another name."""
    match statement:
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            match value:
                case ast.Name() | ast.Attribute() | ast.BinOp(op=ast.BitOr()):
                    yield value
                case ast.Subscript(slice=index) if not isinstance(index, ast.Constant):
                    yield value
        case ast.ImportFrom(names=imports):
            yield from (ast.Name(item.name) for item in imports if item.asname not in (None, "Any"))
        case _ if type(statement).__name__ == "TypeAlias":  # `type X = …`, from Python 3.12 on
            yield statement.value  # type: ignore[attr-defined]


def returned(tree: ast.Module) -> Iterator[ast.expr]:
    """Annotations of what functions return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns


def unquoted(annotation: ast.AST) -> ast.AST:
    """An annotation, or the one that a text holds."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return annotation
    return annotation


def name_of(annotation: ast.AST) -> str:
    """Last name of a type, such as "Any" of `typing.Any`."""
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def names(annotation: ast.AST) -> Iterator[str]:
    """All names of an annotation, those within texts included."""
    annotation = unquoted(annotation)
    if name := name_of(annotation):
        yield name
    for child in ast.iter_child_nodes(annotation):
        yield from names(child)


def is_anything(annotation: ast.AST) -> bool:
    """Whether a mapping from str to anything, or of what is not said, stands in an annotation."""
    annotation = unquoted(annotation)
    match annotation:
        case ast.Subscript(value=value, slice=ast.Tuple(elts=[key, item])) if (
            name_of(value) in MAPPINGS
        ):
            open_ended = "str" in names(key) and not {"Any", "object"}.isdisjoint(names(item))
            return open_ended or is_anything(key) or is_anything(item)
        case ast.Subscript(value=value) if name_of(value) == "Literal":
            return False
        case ast.Name() | ast.Attribute():
            return name_of(annotation) in MAPPINGS
        case _:
            return any(map(is_anything, ast.iter_child_nodes(annotation)))


def is_any(annotation: ast.AST) -> bool:
    """Whether an annotation is Any, or one of several types of which one is."""
    annotation = unquoted(annotation)
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return is_any(left) or is_any(right)
        case _:
            return name_of(annotation) == "Any"


def forbidden(tree: ast.Module) -> list[str]:
    """Annotations that say nothing of what a mapping holds, or of what is returned."""
    aliases = [alias for statement in tree.body for alias in aliased(statement)]
    return [
        *(ast.unparse(one) for one in annotations(tree) if is_anything(one)),
        *(ast.unparse(one) for one in (*returned(tree), *aliases) if is_any(one)),
    ]


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Path, relative to the checkout, and syntax tree of each module of these rooms."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_no_signature_takes_or_gives_a_dictionary_of_anything() -> None:
    found = {name: texts for name, tree in trees() if (texts := forbidden(tree))}
    assert {name: found[name] for name in found if name not in VALIDATED} == {}
    assert set(VALIDATED) <= set(found), "a file that has none any more leaves the list"


def test_json_objects_are_named_at_the_listed_borders_alone() -> None:
    spoken = {
        name
        for name, tree in trees()
        if any("JsonObject" in names(one) for one in annotations(tree))
    }
    assert spoken == set(BORDERS)


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("class A:\n    x: dict[str, Any]", ["dict[str, Any]"]),
        ("def f(y: list[Mapping[str, Any]]) -> int: ...", ["list[Mapping[str, Any]]"]),
        ("def f(*y: Mapping[int | str, Any]): ...", ["Mapping[int | str, Any]"]),
        ("def f(y: dict[str, object]): ...", ["dict[str, object]"]),
        ("def f(y: dict): ...", ["dict"]),
        ("def f(y: list[dict] | None): ...", ["list[dict] | None"]),
        ("async def f() -> dict[str, list[Any]]: ...", ["dict[str, list[Any]]"]),
        ("def f(y: dict[int, dict[str, Any]]): ...", ["dict[int, dict[str, Any]]"]),
        ("def f(y: typing.Mapping[str, typing.Any]): ...", ["typing.Mapping[str, typing.Any]"]),
        ("def f(y: 'dict[str, Any]'): ...", ["'dict[str, Any]'"]),
        ("def f(y: list['dict']): ...", ["list['dict']"]),
        ("X = dict[str, Any]", ["dict[str, Any]"]),
        ("X: TypeAlias = dict[str, Any] | None", ["dict[str, Any] | None"]),
        ("X = Any", ["Any"]),
        ("from typing import Any as X", ["Any"]),
        ("from collections.abc import Mapping as X", ["Mapping"]),
        ("def f() -> Any: ...", ["Any"]),
        ("def f() -> 'Any | None': ...", ["'Any | None'"]),
        ("def f(y: dict[str, int], z: Any) -> JsonObject: ...", []),
        ("def f(y: TypeAdapter[Any]) -> object: ...", []),
        ("def f(y: Literal['dict', 'Any']) -> dict[int, object]: ...", []),
        ("X = rows['dict']\nY = dict(a=1)\nZ: Final = rows.mapping", []),
    ],
)
def test_the_law_sees_what_it_forbids(source: str, texts: list[str]) -> None:
    assert forbidden(ast.parse(source)) == texts
