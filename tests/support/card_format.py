"""The format of ``card.json`` as a listing: one line for each field, with its JSON types.

`python -m tests.support.card_format` prints the listing of the card as it is now. The listing of
each format is kept as ``tests/data/card_format_<number>.txt``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from training.card.schema import ModelCard

DATA = Path(__file__).parents[1] / "data"


def listing_path(number: int) -> Path:
    """File that keeps the listing of a format."""
    return DATA / f"card_format_{number}.txt"


def card_format(kind: Any = ModelCard) -> str:
    """Listing of every field that the JSON of a value has, in the order of their paths."""
    schema = TypeAdapter(kind).json_schema(by_alias=True, mode="validation")
    definitions = schema.get("$defs", {})
    return "".join(f"{path}: {types}\n" for path, types in sorted(_fields("", schema, definitions)))


def _fields(path: str, schema: Any, definitions: Any) -> Iterator[tuple[str, str]]:
    """Path and types of a value, then of what it holds; `[]` is an item, `{}` a value by name."""
    choices = list(_choices(schema, definitions))
    if path:
        yield path, " | ".join(sorted({_type(choice) for choice in choices}))
    for choice in choices:
        required = choice.get("required", ())
        for name, part in choice.get("properties", {}).items():
            mark = "" if name in required else "?"
            yield from _fields(f"{path}.{name}{mark}".lstrip("."), part, definitions)
        if isinstance(choice.get("additionalProperties"), dict):
            yield from _fields(f"{path}{{}}", choice["additionalProperties"], definitions)
        for index, part in enumerate(choice.get("prefixItems", ())):
            yield from _fields(f"{path}[{index}]", part, definitions)
        if "items" in choice:
            yield from _fields(f"{path}[]", choice["items"], definitions)


def _choices(schema: Any, definitions: Any) -> Iterator[Any]:
    """Schemas that a value may follow, without references."""
    if "$ref" in schema:
        yield from _choices(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return
    choices = schema.get("anyOf") or schema.get("oneOf")
    if not choices:
        yield schema
        return
    for choice in choices:
        yield from _choices(choice, definitions)


def _type(schema: Any) -> str:
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " | ".join(sorted(map(repr, schema["enum"])))
    kind = schema.get("type", "anything")
    return f"{kind} {schema['format']}" if "format" in schema else kind


if __name__ == "__main__":
    print(card_format(), end="")
