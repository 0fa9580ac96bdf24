"""Values of the report as they stand in a model's card: plain JSON, and back again, checked."""

from typing import Any

from pydantic import TypeAdapter, ValidationError


def carded(kind: Any, value: object) -> Any:
    """JSON values of a frozen value.

    Parameters
    ----------
    kind : type
        A dataclass, or a tuple of one.
    value : object
        Of that type.
    """
    return TypeAdapter(kind).dump_python(value, mode="json")


def uncarded(kind: Any, values: object, name: str) -> Any:
    """Frozen value of JSON values.

    Parameters
    ----------
    kind : type
        As `carded` was given.
    values : object
        JSON values.
    name : str
        Where they stand in the card, for messages.

    Raises
    ------
    ValueError
        They are no such value.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, (name, *first["loc"])))
        raise ValueError(f"The card's {place} is wrong: {first['msg']}. Train again.") from error
