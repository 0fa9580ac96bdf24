"""Times as they travel: RFC 3339 text outside, whole microseconds since the epoch inside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

TIME_EXAMPLE = "2026-03-01T09:30:00+01:00"

RECENT = 64
"""So many texts are remembered: an interaction is mostly recorded when it occurs, and a time that
was just read is then not read again."""

_FORMAT = "Must be a time with a zone, as in RFC 3339"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_END = (datetime(2201, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def microseconds(value: object) -> int:
    """Time of a request as whole microseconds since the epoch, UTC; finer digits are cut.

    Raises
    ------
    pydantic_core.PydanticCustomError
        It is no RFC 3339 text with a zone, no day of the calendar, or outside of 1970 to 2200.

    Examples
    --------
    >>> microseconds("1970-01-01T01:00:00.5+01:00")
    500000
    """
    if not isinstance(value, str):
        raise PydanticCustomError("time_format", _FORMAT)
    return _microseconds(value)


@lru_cache(maxsize=RECENT)
def _microseconds(text: str) -> int:
    if not _RFC3339.fullmatch(text):
        raise PydanticCustomError("time_format", _FORMAT)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError("time_calendar", "Must be a day of the calendar") from error
    instant = (moment - _EPOCH) // _MICROSECOND
    if not 0 <= instant < _END:
        raise PydanticCustomError("time_range", "Must lie in the years 1970 to 2200, in UTC")
    return instant


def rfc3339(instant: int) -> str:
    """Microseconds since the epoch as text in UTC.

    Examples
    --------
    >>> rfc3339(500_000)
    '1970-01-01T00:00:00.500000Z'
    """
    return (_EPOCH + instant * _MICROSECOND).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    int,
    PlainValidator(microseconds),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [TIME_EXAMPLE]}),
]
"""A time of a request; `microseconds` reads it."""
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time of an answer, as `rfc3339` writes it."""
