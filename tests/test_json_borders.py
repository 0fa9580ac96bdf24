"""JSON stays at its borders: no room hands another one a dictionary of anything.

The law is over the syntax trees of training, models and serving: no parameter, no return value and
no field is a mapping from str to Any. Where JSON itself enters or leaves, it is called
`features.json_values.JsonObject`, and only in the files that are listed here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("training", "models", "serving")
ANYTHING = re.compile(r"\b(dict|Dict|Mapping|MutableMapping)\[\s*(int \| )?str, Any\]")
NAMED = re.compile(r"\bJsonObject\b")
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
    "serving/answers/examples.py": "the example lead of the OpenAPI document",
    "serving/answers/golden.py": "the request of a golden lead",
    "serving/answers/json_text.py": "the body of a request",
    "serving/http/docs.py": "the OpenAPI document",
    "serving/http/routes.py": "the OpenAPI document",
    "serving/pages/try_page.py": "the lead and the words of the page",
    "training/report/past.py": "backtest --json",
}
"""Files whose signatures speak of JSON objects, and which JSON that is."""
VALIDATED = {
    "serving/answers/caution.py": "interactions, whose fields the bundle's schema names",
    "serving/answers/schemas.py": "the card within GET /v1/model, and fields of a closed schema",
    "serving/answers/scorer.py": "an interaction, whose fields the bundle's schema names",
    "serving/client.py": "the card within GET /v1/model",
    "training/config.py": "features that a configuration adds, by their parameters",
}
"""Files with a mapping to Any whose names a schema checks, and which values they are."""


def annotations(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each annotation of a parameter, a return value and a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            found = [argument.annotation for argument in every]
            found += [one.annotation for one in (arguments.vararg, arguments.kwarg) if one]
            found.append(node.returns)
        elif isinstance(node, ast.ClassDef):
            found = [one.annotation for one in node.body if isinstance(one, ast.AnnAssign)]
        else:
            continue
        for annotation in found:
            if annotation is not None:
                yield annotation.lineno, ast.unparse(annotation)


def spoken(pattern: re.Pattern[str]) -> dict[str, list[int]]:
    """Lines of annotations that match a pattern, by file."""
    lines: dict[str, list[int]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for line, text in annotations(ast.parse(path.read_text(encoding="utf-8"))):
                if pattern.search(text):
                    lines.setdefault(name, []).append(line)
    return lines


def test_no_signature_takes_or_gives_a_dictionary_of_anything() -> None:
    assert set(spoken(ANYTHING)) == set(VALIDATED)


def test_json_objects_are_named_at_the_listed_borders_alone() -> None:
    assert set(spoken(NAMED)) == set(BORDERS)


def test_the_law_sees_what_it_forbids() -> None:
    source = "class A:\n    x: dict[str, Any]\ndef f(y: list[Mapping[str, Any]]) -> int: ...\n"
    texts = [text for _, text in annotations(ast.parse(source)) if ANYTHING.search(text)]
    assert texts == ["list[Mapping[str, Any]]", "dict[str, Any]"] or len(texts) == 2
