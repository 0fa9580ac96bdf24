"""Where frozen values become JSON, and JSON becomes frozen values again, checked.

`to_json` and `from_json` do it for any value of the training's rooms; `card_document` and
`read_card` do it for a bundle's model card, whatever its format. Reading is strict: a field that is
missing, a wrong type and a name that the value does not have are refused, and the message says at
which path they stand.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from features.json_values import JsonObject
from models.card import CardDocument
from models.card_formats import newest_format
from training.card.schema import ModelCard

T = TypeVar("T")


def to_json(value: object) -> JsonObject:
    """JSON object of a frozen value.

    Parameters
    ----------
    value : object
        A dataclass.
    """
    values: JsonObject = _adapter(cast("Any", type(value))).dump_python(
        value, mode="json", by_alias=True
    )
    return values


def from_json(kind: type[T], values: object, name: str) -> T:
    """Frozen value of JSON values.

    Parameters
    ----------
    kind : type
        The dataclass.
    values : object
        JSON values, as `to_json` made them.
    name : str
        What they are, for messages, such as "card".

    Raises
    ------
    ValueError
        They are no such value; the message says where.
    """
    adapter = _adapter(cast("Any", kind))
    try:
        value = adapter.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(map(str, (name, *first["loc"])))
        raise ValueError(f"{path} is wrong: {first['msg']}.") from error
    for path in _unknown(name, values, adapter.dump_python(value, mode="json", by_alias=True)):
        raise ValueError(f"{path} is wrong: nothing of that name is known.")
    return cast("T", value)


def card_document(card: ModelCard) -> CardDocument:
    """Card as it travels in a bundle."""
    return CardDocument.of(to_json(card))


def read_card(document: CardDocument) -> ModelCard:
    """Card of a bundle, whatever its format.

    Parameters
    ----------
    document : CardDocument
        ``bundle.card``.

    Raises
    ------
    ValueError
        It is no model card, or the card of a later version.
    """
    return _card(document.text)


@functools.lru_cache(maxsize=8)
def _card(text: str) -> ModelCard:
    values = newest_format(CardDocument(text).values)
    try:
        return from_json(ModelCard, values, "card")
    except ValueError as error:
        raise ValueError(
            f"The model card cannot be read: {error} Train the model again with this version."
        ) from error


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _unknown(path: str, values: object, read_values: object) -> Iterator[str]:
    """Paths of names that stand in JSON values and not in what was read of them."""
    if isinstance(values, dict) and isinstance(read_values, dict):
        for name, value in values.items():
            if name not in read_values:
                yield f"{path}.{name}"
            else:
                yield from _unknown(f"{path}.{name}", value, read_values[name])
    elif isinstance(values, list) and isinstance(read_values, list):
        for index, (value, read_value) in enumerate(zip(values, read_values, strict=True)):
            yield from _unknown(f"{path}.{index}", value, read_value)
