"""The type of a JSON object, for the few functions that read or write one.

Rooms hand each other frozen values. Only where JSON itself enters or leaves (a bundle's files, the
model card, an HTTP answer) does a signature speak of a JSON object, and then by this name, so that
these borders can be listed.

Tests: tests/test_json_borders.py.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]
"""An object of JSON: names and JSON values."""


def parse_finite_json(text: str) -> JsonObject:
    """Object of a JSON text whose numbers are all finite, which Python's own reader does not ask.

    Parameters
    ----------
    text : str
        One JSON object.

    Raises
    ------
    ValueError
        It is not JSON, no object, or holds NaN, an infinity or a number that no float can hold.

    Examples
    --------
    >>> parse_finite_json('{"base": -2.5}')
    {'base': -2.5}
    >>> parse_finite_json('{"base": 1e999}')
    Traceback (most recent call last):
    ...
    ValueError: A number in JSON must be finite, found 1e999.
    """
    value = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - the text is wrong, not the caller's type
            f"A JSON object is needed, found {type(value).__name__}."
        )
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _not_finite(digits)


def _not_finite(digits: str) -> NoReturn:
    raise ValueError(f"A number in JSON must be finite, found {digits[:20]}.")
