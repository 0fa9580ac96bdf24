"""How the numbers, times and lengths of time of a column are written, and SQL that reads them.

A `ColumnFormat` is what the configuration says of a column, of its file or of the whole export:
the decimal sign, the patterns of dates, the words that stand for a missing value. The functions
here make DuckDB expressions of it, over the text of one column, for `features.export.checked_rows`.
Without a word in the configuration, numbers have a decimal point and times are ISO 8601.
"""

import re
from dataclasses import dataclass
from typing import Literal

DurationFormat = Literal["HH:MM:SS", "MM:SS", "HH:MM"]

NULL_WORDS = (
    *("null", "(null)", "none", "nil", "nan", "nat", "na", "n/a", "#n/a", "<na>", "\\n"),
    *("-", "--", "0000-00-00", "0000-00-00 00:00:00"),
)
"""What programs write for a missing number or time; nothing of it can be one. In lower case."""

_LOCAL = r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?)?"
_ZONED = (
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)? ?"
    r"([Zz]|UTC|GMT|[+-](0\d|1[0-8])(:?[0-5]\d)?)"
)
_DAY = r"\d{4}-\d\d-\d\d"
# As DuckDB's strptime reads them; %Z would bring abbreviations that mean several zones.
_DIRECTIVE = re.compile(r"%-?([A-Za-z%])")
_DIRECTIVES = frozenset("aAbBdfgHIjmMpSyYz%")
_HOURS = frozenset("HI")
DATE_WORDS = ("iso", "epoch_s", "epoch_ms", "excel")
"""Formats of dates that are no pattern."""
_GAPS = " \u00a0\u202f"  # blanks that part thousands
_APOSTROPHES = "'\u2019"


@dataclass(frozen=True, slots=True)
class ColumnFormat:
    """How the values of one column are written.

    Attributes
    ----------
    decimal : {".", ","}
        The decimal sign of numbers.
    thousands : {".", ",", " ", "'"} or None
        What parts their thousands.
    dates : tuple of str
        Formats of times, tried in this order: ``iso``, ``epoch_s``, ``epoch_ms``, ``excel`` (days
        since 1899-12-30) or a pattern such as ``%d/%m/%Y %H:%M``.
    durations : {"HH:MM:SS", "MM:SS", "HH:MM"} or None
        How a number of seconds is written, where it is not one.
    missing : tuple of str
        Words that stand for a missing value.
    timezone : str or None
        Zone of times that are written without one.
    midnight : {"day", "moment"} or None
        Whether midnight stands for a day without an hour; None looks whether all times are.
    """

    decimal: str = "."
    thousands: str | None = None
    dates: tuple[str, ...] = ("iso",)
    durations: DurationFormat | None = None
    missing: tuple[str, ...] = ()
    timezone: str | None = None
    midnight: Literal["day", "moment"] | None = None


PLAIN = ColumnFormat()
"""Numbers with a decimal point, times of ISO 8601 that name their zone."""


def date_format_objection(text: str) -> str | None:
    """Reason for which a text is no format of dates.

    Parameters
    ----------
    text : str
        What the configuration says.

    Returns
    -------
    str or None
        The law that it breaks, or None.

    Examples
    --------
    >>> date_format_objection("%d/%m/%Y %H:%M")
    >>> date_format_objection("dd/mm/yyyy")
    'must be iso, epoch_s, epoch_ms, excel or a pattern such as %d/%m/%Y %H:%M'
    """
    if text in DATE_WORDS:
        return None
    directives = _DIRECTIVE.findall(text)
    unknown = sorted(set(directives) - _DIRECTIVES)
    if unknown:
        return f"knows no %{unknown[0]}; it may have {', '.join(f'%{d}' for d in 'YymbBdHIpMSfz')}"
    has_day = {"y", "Y"} & {*directives} and (
        "j" in directives or ("d" in directives and {"b", "B", "m"} & {*directives})
    )
    if not has_day or _DIRECTIVE.sub("", text).count("%") or len(text) > 80:
        return f"must be {', '.join(DATE_WORDS)} or a pattern such as %d/%m/%Y %H:%M"
    return None


@dataclass(frozen=True, slots=True)
class TimeReading:
    """One way to read a column's text as a time.

    Attributes
    ----------
    instant, wall : str or None
        Expression of an instant, or of a wall clock's time; null where the text is written in
        another way.
    is_day : str
        Condition under which the text names a day without an hour.
    """

    instant: str | None
    wall: str | None
    is_day: str


def time_readings(text: str, format_: ColumnFormat) -> list[TimeReading]:
    """Every way to read a text as a time.

    Parameters
    ----------
    text : str
        SQL expression of the text.
    format_ : ColumnFormat
        How the column is written.

    Returns
    -------
    list of TimeReading
        In the order in which they are tried.
    """
    return [reading for date in format_.dates for reading in _readings_of(text, date)]


def _readings_of(text: str, date: str) -> list[TimeReading]:
    match date:
        case "iso":
            zoned = (
                f"regexp_replace(regexp_replace(upper({text}), ' ?(UTC|GMT)$', 'Z'), "
                "' ([Z+-])', '\\1')"
            )
            return [
                TimeReading(
                    f"CASE WHEN regexp_full_match({text}, '{_ZONED}') "
                    f"THEN try_cast({zoned} AS TIMESTAMPTZ) END",
                    None,
                    "false",
                ),
                TimeReading(
                    None,
                    f"CASE WHEN regexp_full_match({text}, '{_LOCAL}') "
                    f"THEN try_cast(upper({text}) AS TIMESTAMP) END",
                    f"regexp_full_match({text}, '{_DAY}')",
                ),
            ]
        case "epoch_s" | "epoch_ms":
            # Twelve digits of seconds reach past every year that a database knows.
            digits, unit = (
                (r"-?\d{1,12}", 1_000_000) if date == "epoch_s" else (r"-?\d{1,15}", 1000)
            )
            micros = f"CAST(round(CAST({text} AS DECIMAL(24, 6)) * {unit}) AS BIGINT)"
            instant = f"make_timestamptz({micros})"
            return [
                TimeReading(
                    f"CASE WHEN regexp_full_match({text}, '{digits}(\\.\\d{{1,6}})?') "
                    f"THEN {instant} END",
                    None,
                    "false",
                )
            ]
        case "excel":
            serial = r"\d{1,6}([.,]\d+)?"
            days = f"CAST(replace({text}, ',', '.') AS DOUBLE)"
            millis = f"to_milliseconds(CAST(round({days} * 86400000) AS BIGINT))"
            return [
                TimeReading(
                    None,
                    f"CASE WHEN regexp_full_match({text}, '{serial}') "
                    f"THEN TIMESTAMP '1899-12-30' + {millis} END",
                    f"regexp_full_match({text}, '\\d{{1,6}}([.,]0*)?')",
                )
            ]
    parsed = f"try_strptime({text}, {sql_literal(date)})"
    directives = set(_DIRECTIVE.findall(date))
    if "z" in directives:
        return [TimeReading(parsed, None, "false")]
    is_day = "false" if directives & _HOURS else f"{parsed} IS NOT NULL"
    return [TimeReading(None, parsed, is_day)]


def number_expression(text: str, format_: ColumnFormat) -> str:
    """Expression of a number; null where the text is not written as one.

    Parameters
    ----------
    text : str
        SQL expression of the text.
    format_ : ColumnFormat
        How the column is written.

    Returns
    -------
    str
        A DOUBLE, infinite where the text says so or is beyond it.
    """
    plain = text
    if format_.thousands:
        plain = f"regexp_replace({plain}, {sql_literal(_class(format_.thousands))}, '', 'g')"
    if format_.decimal != ".":
        plain = f"replace({plain}, {sql_literal(format_.decimal)}, '.')"
    number = (
        f"CASE WHEN regexp_full_match({text}, {sql_literal(number_pattern(format_))}) "
        f"THEN try_cast({plain} AS DOUBLE) END"
    )
    if format_.durations is None:
        return number
    return f"coalesce({_seconds(text, format_.durations)}, {number})"


def number_pattern(format_: ColumnFormat) -> str:
    """Regular expression of a whole text that is a number.

    Parameters
    ----------
    format_ : ColumnFormat
        How the column is written.
    """
    decimal = re.escape(format_.decimal)
    whole_part = r"\d+"
    if format_.thousands:
        whole_part = rf"(\d{{1,3}}({_class(format_.thousands)}\d{{3}})+|\d+)"
    finite = rf"({whole_part}({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d+)?"
    return rf"[+-]?({finite}|(?i:inf|infinity))"


def _class(thousands: str) -> str:
    """Characters that part thousands, as a class of a regular expression."""
    match thousands:
        case " ":
            return f"[{_GAPS}]"
        case "'":
            return f"[{_APOSTROPHES}]"
    return re.escape(thousands)


DURATION_PATTERNS: dict[DurationFormat, str] = {
    "HH:MM:SS": r"-?\d{1,7}:[0-5]?\d:[0-5]?\d(\.\d+)?",
    "MM:SS": r"-?\d{1,7}:[0-5]?\d(\.\d+)?",
    "HH:MM": r"-?\d{1,7}:[0-5]?\d",
}
"""Regular expression of a whole text that is a length of time, by its format."""
_UNITS: dict[DurationFormat, tuple[int, ...]] = {
    "HH:MM:SS": (3600, 60, 1),
    "MM:SS": (60, 1),
    "HH:MM": (3600, 60),
}


def _seconds(text: str, format_: DurationFormat) -> str:
    parts = [
        f"CAST(split_part(ltrim({text}, '-'), ':', {i}) AS DOUBLE) * {seconds}"
        for i, seconds in enumerate(_UNITS[format_], start=1)
    ]
    sign = f"CASE WHEN starts_with({text}, '-') THEN -1 ELSE 1 END"
    return (
        f"CASE WHEN regexp_full_match({text}, {sql_literal(DURATION_PATTERNS[format_])}) "
        f"THEN ({sign}) * ({' + '.join(parts)}) END"
    )


def known_text(column: str) -> str:
    """Expression of a number's or time's text: without blanks about it, null where it is missing.

    Parameters
    ----------
    column : str
        SQL name of the column of text.
    """
    words = ", ".join(sql_literal(word) for word in NULL_WORDS)
    trimmed = f"trim({column}, ' \t\u00a0\u202f')"
    return f"CASE WHEN {trimmed} = '' OR lower({trimmed}) IN ({words}) THEN NULL ELSE {trimmed} END"


def sql_literal(text: str) -> str:
    """Text as a literal of SQL.

    Examples
    --------
    >>> sql_literal("it's")
    "'it''s'"
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
