"""Times in JSON: RFC 3339 text outside, whole microseconds since the epoch inside.

`Instant` is the type of a time in a request, `Moment` that of a time in an answer. `microseconds`
reads a text, `rfc3339` writes one.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import Field, GetPydanticSchema, TypeAdapter, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import (
    custom_error_schema,
    no_info_after_validator_function,
    str_schema,
)

TIME_EXAMPLE = "2026-03-01T09:30:00+01:00"

REMEMBERED_TEXTS = 64
"""How many texts are remembered with their instants. Most interactions are recorded when they
occur, so the same text often comes twice in a row."""

_FORMAT = "Must be a time with a zone, as in RFC 3339"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
END_OF_TIME = (datetime(2201, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The first instant, in microseconds, that no time of a CRM reaches."""
_RFC3339 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _instant(text: str) -> int:
    """Instant of a text that has the form of RFC 3339."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError("time_calendar", "Must be a day of the calendar") from error
    instant = (moment - _EPOCH) // _MICROSECOND
    if not 0 <= instant < END_OF_TIME:
        raise PydanticCustomError("time_range", "Must lie in the years 1970 to 2200, in UTC")
    return instant


def _schema(*_: object) -> CoreSchema:
    """Check the form first, by pydantic's compiled code, and then the value."""
    text = str_schema(strict=True, pattern=_RFC3339)
    rfc3339_text = custom_error_schema(text, "time_format", custom_error_message=_FORMAT)
    return no_info_after_validator_function(_instant, rfc3339_text)


Instant = Annotated[
    int,
    GetPydanticSchema(_schema),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [TIME_EXAMPLE]}),
]
"""A time of a request; see `microseconds` for what is accepted."""
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time of an answer, as `rfc3339` writes it."""

_INSTANT: TypeAdapter[int] = TypeAdapter(Instant)


def microseconds(value: object) -> int:
    """Time of a request as whole microseconds since the epoch, UTC; finer digits are cut.

    Raises
    ------
    pydantic.ValidationError
        It is no RFC 3339 text with a zone, no day of the calendar, or outside of 1970 to 2200.

    Examples
    --------
    >>> microseconds("1970-01-01T01:00:00.5+01:00")
    500000
    """
    return _INSTANT.validate_python(value)


def rfc3339(instant: int) -> str:
    """Microseconds since the epoch as text in UTC.

    Examples
    --------
    >>> rfc3339(500_000)
    '1970-01-01T00:00:00.500000Z'
    """
    return (_EPOCH + instant * _MICROSECOND).isoformat().replace("+00:00", "Z")
