"""Single texts read as a column of the export is: a time, a number.

`features.export.rules` reads whole columns in DuckDB. What a CRM sends to the server comes one by
one, where no DuckDB is, and must mean the same: `time_reader` and `number_reader` make of a
`ColumnFormat` a function that reads one text. The test holds them to DuckDB's answers. Where the
two could differ at all, a text is not read here: it is refused, never taken for something else.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from features.export.formats import (
    DURATION_PATTERNS,
    NULL_WORDS,
    ColumnFormat,
    number_pattern,
)

EXACT_FLOAT = 2.0**53
"""From here on a float no longer tells one whole number from the next."""
LONGEST_READ = 100
"""Characters of the longest text that is read as a number or a time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall clock's
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_BLANKS = " \t\u00a0\u202f"
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([Tt ](?P<clock>\d\d:\d\d(:\d\d(\.\d{1,6})?)?)\d*"
    r"( ?(?P<zone>[Zz]|UTC|GMT|[+-](0\d|1[0-8])(:?[0-5]\d)?))?)?",
    re.ASCII,
)
"""ISO 8601; digits beyond the sixth of a second are cut."""
_EPOCHS = {
    "epoch_s": (re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.ASCII), 1_000_000),
    "epoch_ms": (re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII), 1000),
}
_SERIAL = re.compile(r"\d{1,6}([.,]\d+)?", re.ASCII)
_WHOLE_SERIAL = re.compile(r"\d{1,6}([.,]0*)?", re.ASCII)
_DIRECTIVE = re.compile(r"%-?([A-Za-z%])")


@dataclass(frozen=True, slots=True)
class ReadTime:
    """A time that was read.

    Attributes
    ----------
    begin : int
        The instant, or the first one of a day without an hour; microseconds since the epoch, UTC.
    end : int or None
        The last instant of such a day; None where the hour is known.
    """

    begin: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A text as one format reads it: an instant or a wall clock's time, and whether it is a day."""

    instant: datetime | None = None
    wall: datetime | None = None
    is_day: bool = False


def known_part(text: str) -> str | None:
    """Text of a number or a time without blanks about it; None where it stands for none.

    Examples
    --------
    >>> known_part(" 12\u00a0"), known_part("N/A"), known_part("")
    ('12', None, None)
    """
    trimmed = text.strip(_BLANKS)
    return None if trimmed == "" or trimmed.lower() in NULL_WORDS else trimmed


def number_reader(format_: ColumnFormat) -> Callable[[str], float | None]:
    """Function that reads a number's text.

    Parameters
    ----------
    format_ : ColumnFormat
        How the column is written.

    Returns
    -------
    callable
        From a text (`known_part`) to its number; None where it is none, is not finite, or is so
        small that it would become 0.

    Examples
    --------
    >>> read = number_reader(ColumnFormat(decimal=",", thousands=".", durations="MM:SS"))
    >>> read("1.234,5"), read("02:30"), read("1.5")
    (1234.5, 150.0, None)
    """
    is_number = re.compile(number_pattern(format_).replace("(?i:inf|infinity)", "(?!)"), re.ASCII)
    gaps = {" ": " \u00a0\u202f", "'": "'\u2019"}.get(format_.thousands or "", format_.thousands)
    signs = str.maketrans(format_.decimal, ".", gaps or "")
    is_duration = (
        None
        if format_.durations is None
        else re.compile(DURATION_PATTERNS[format_.durations], re.ASCII)
    )
    smallest_unit = 1 if format_.durations in ("HH:MM:SS", "MM:SS") else 60

    def read(text: str) -> float | None:
        if len(text) > LONGEST_READ:
            return None
        if is_duration is not None and is_duration.fullmatch(text):
            length = 0.0
            for part in text.lstrip("-").split(":"):
                length = 60 * length + float(part)
            length *= smallest_unit
            return (-length if text.startswith("-") else length) + 0.0
        if not is_number.fullmatch(text):
            return None
        plain = text.translate(signs)
        number = float(plain)
        if not math.isfinite(number):
            return None
        vanishes = number == 0 and re.search("[1-9]", re.split("[eE]", plain)[0])
        return None if vanishes else number + 0.0  # negative zero is zero

    return read


def time_reader(
    format_: ColumnFormat, midnight_in: str | None = None
) -> Callable[[str], ReadTime | None]:
    """Function that reads a time's text.

    Parameters
    ----------
    format_ : ColumnFormat
        How the column is written.
    midnight_in : str, optional
        Zone in which midnight stands for a day without an hour, as it does in the whole column.

    Returns
    -------
    callable
        From a text (`known_part`) to its time; None where it is none, names no zone where it must,
        or is skipped by the clocks of its zone.

    Examples
    --------
    >>> read = time_reader(ColumnFormat(dates=("%d/%m/%Y %H:%M",), timezone="Europe/Rome"))
    >>> read("01/02/1970 01:00").begin == 31 * 86_400 * 1_000_000
    True
    """
    readings = [_candidate_reader(date) for date in format_.dates]
    zone = None if format_.timezone is None else ZoneInfo(format_.timezone)
    midnight_zone = None if midnight_in is None else ZoneInfo(midnight_in)

    def read(text: str) -> ReadTime | None:
        if len(text) > LONGEST_READ:
            return None
        try:
            return _read_time([reading(text) for reading in readings], zone, midnight_zone)
        except OverflowError:  # beyond the years that a calendar has
            return None

    return read


def _read_time(
    candidates: list[_Candidate], zone: ZoneInfo | None, midnight_zone: ZoneInfo | None
) -> ReadTime | None:
    instant = next((c.instant for c in candidates if c.instant is not None), None)
    wall = next((c.wall for c in candidates if c.wall is not None), None)
    is_day = any(candidate.is_day for candidate in candidates)
    if midnight_zone is not None and (instant is not None or wall is not None):
        clock = wall if wall is not None or instant is None else _wall(instant, midnight_zone)
        if clock is not None and clock.time() == datetime.min.time():
            is_day, wall = True, clock
    if zone is None:
        if instant is None:
            return None
        begin = _micros(instant)
        return ReadTime(begin, begin + _DAY // _MICROSECOND - 1 if is_day else None)
    if is_day and wall is not None:
        next_midnight = datetime.combine(wall.date() + _DAY, datetime.min.time())
        return ReadTime(_micros(_first(wall, zone)), _micros(_first(next_midnight, zone)) - 1)
    if instant is None:
        instant = None if wall is None else _first(wall, zone)
    if instant is None or (wall is not None and _wall(instant, zone) != wall):
        return None  # the clocks skip it, or two formats read two times
    return ReadTime(_micros(instant))


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _first(wall: datetime, zone: ZoneInfo) -> datetime:
    """Instant of a wall clock's time: the first of two where the clocks were put back."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _candidate_reader(date: str) -> Callable[[str], _Candidate]:
    match date:
        case "iso":
            return _iso
        case "epoch_s" | "epoch_ms":
            pattern, unit = _EPOCHS[date]

            def epoch(text: str) -> _Candidate:
                if not pattern.fullmatch(text):
                    return _Candidate()
                units, _, digits = text.partition(".")
                sign = -1 if units.startswith("-") else 1
                # In whole millionths of the unit, rounded half away from zero as decimals are.
                millionths = abs(int(units)) * 1_000_000 + int(digits.ljust(6, "0"))
                micros = sign * ((millionths * unit + 500_000) // 1_000_000)
                return _Candidate(instant=_EPOCH + micros * _MICROSECOND)

            return epoch
        case "excel":
            return _excel
    directives = set(_DIRECTIVE.findall(date))
    # Python knows neither unpadded directives nor %g. Without %p it takes 12 for midnight.
    python_names = {"g": "f"} | ({} if "p" in directives else {"I": "H"})
    pattern_text = _DIRECTIVE.sub(lambda m: f"%{python_names.get(m[1], m[1])}", date)
    hours = range(1, 13) if "I" in directives and "p" not in directives else range(24)

    def by_pattern(text: str) -> _Candidate:
        try:
            moment = datetime.strptime(text, pattern_text)  # noqa: DTZ007 - a wall clock's
        except ValueError:
            return _Candidate()
        if moment.hour not in hours:
            return _Candidate()
        if moment.tzinfo is not None:
            return _Candidate(instant=moment.astimezone(UTC))
        return _Candidate(wall=moment, is_day=not directives & {"H", "I"})

    return by_pattern


def _iso(text: str) -> _Candidate:
    match = _ISO.fullmatch(text)
    if match is None:
        return _Candidate()
    day, clock, zone = match["day"], match["clock"] or "00:00", match["zone"]
    try:
        wall = datetime.fromisoformat(f"{day}T{clock}")
        if zone is None:
            return _Candidate(wall=wall, is_day=match["clock"] is None)
        offset = "+00:00" if zone[0] not in "+-" else zone
        return _Candidate(instant=datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(UTC))
    except ValueError:  # written as ISO 8601, and no time of any calendar
        return _Candidate()


def _excel(text: str) -> _Candidate:
    if not _SERIAL.fullmatch(text):
        return _Candidate()
    days = float(text.replace(",", "."))
    wall = _EXCEL_EPOCH + timedelta(milliseconds=round(days * 86_400_000))
    return _Candidate(wall=wall, is_day=_WHOLE_SERIAL.fullmatch(text) is not None)


def text_of_scalar(value: bool | int | float) -> str:  # noqa: PYI041 - the three differ
    """Text of a number or a truth value of JSON, as `features.export.texts.text_of` has it.

    Examples
    --------
    >>> text_of_scalar(3.0), text_of_scalar(2.5), text_of_scalar(1e16), text_of_scalar(True)
    ('3', '2.5', '1e+16', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if abs(value) >= EXACT_FLOAT and math.isfinite(value):
        return np.format_float_scientific(value, trim="-")
    return str(int(value)) if value.is_integer() else str(value)
