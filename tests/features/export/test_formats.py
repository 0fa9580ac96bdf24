"""Numbers, times and lengths of time in the ways in which exports write them."""

import datetime as dt

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.formats import (
    PLAIN,
    ColumnFormat,
    date_format_objection,
    known_text,
    number_expression,
    sql_literal,
    time_readings,
)

CONNECTION = duckdb.connect()
CONNECTION.execute("SET TimeZone = 'UTC'").fetchall()


def evaluate(expression: str, text: str | None) -> object:
    source = "NULL::VARCHAR" if text is None else sql_literal(text)
    query = f"SELECT {expression} AS value FROM (SELECT {source} AS t)"  # noqa: S608 - our own
    return CONNECTION.sql(query).to_arrow_table()["value"][0].as_py()


def number(text: str, format_: ColumnFormat = PLAIN) -> object:
    return evaluate(number_expression("t", format_), text)


def time(text: str, *dates: str) -> dt.datetime | None:
    """What a time is read as, on the wall clock or in UTC."""
    for reading in time_readings("t", ColumnFormat(dates=dates)):
        value = evaluate(f"CAST({reading.instant or reading.wall} AS VARCHAR)", text)
        if value is not None:
            return dt.datetime.fromisoformat(str(value).removesuffix("+00"))
    return None


def is_day(text: str, *dates: str) -> bool:
    readings = time_readings("t", ColumnFormat(dates=dates))
    return any(evaluate(f"coalesce({reading.is_day}, false)", text) is True for reading in readings)


SIGNS = [
    (decimal, thousands)
    for decimal in ".,"
    for thousands in (None, ".", ",", " ", "'")
    if decimal != thousands
]


@pytest.mark.parametrize(("decimal", "thousands"), SIGNS)
@given(st.decimals(-(10**11), 10**11, places=2))
def test_a_number_is_read_as_it_was_written(decimal, thousands, value) -> None:
    plain = f"{value:,.2f}" if thousands else f"{value:.2f}"
    written = plain.translate(str.maketrans({",": thousands or "", ".": decimal}))
    assert number(written, ColumnFormat(decimal=decimal, thousands=thousands)) == float(value)


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("1.5", ColumnFormat(decimal=",")),
        ("1.5", ColumnFormat(decimal=",", thousands=".")),
        ("1.2500", ColumnFormat(decimal=",", thousands=".")),
        ("1,25,000", ColumnFormat(thousands=",")),
        (",123", ColumnFormat(thousands=",")),
        ("1,5", PLAIN),
        ("1 000", PLAIN),
        ("1_000", PLAIN),
        ("", PLAIN),
        ("e5", PLAIN),
    ],
)
def test_a_number_in_another_way_is_none(text, format_) -> None:
    assert number(text, format_) is None


def test_blanks_of_every_kind_part_thousands() -> None:
    blanks = ColumnFormat(decimal=",", thousands=" ")
    assert [number(f"1{blank}234,5", blanks) for blank in " \u00a0\u202f"] == [1234.5] * 3
    assert number("1\u2019234.5", ColumnFormat(thousands="'")) == 1234.5


@given(st.integers(0, 10**6))
def test_a_length_of_time_is_its_seconds(seconds) -> None:
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    in_hours = ColumnFormat(durations="HH:MM:SS")
    assert number(f"{hour:02}:{minute:02}:{second:02}", in_hours) == seconds
    assert number(f"-{hour}:{minute:02}:{second:02}", in_hours) == -seconds
    assert number(f"{minutes}:{second:02}", ColumnFormat(durations="MM:SS")) == seconds
    assert number(f"{hour}:{minute:02}", ColumnFormat(durations="HH:MM")) == seconds - second
    assert number(str(seconds), in_hours) == seconds


def test_minutes_past_59_are_no_length_of_time() -> None:
    assert number("0:60:00", ColumnFormat(durations="HH:MM:SS")) is None


MOMENTS = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2199, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
PATTERNS = [
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S",
    "%Y%m%d %H%M%S",
    "%d-%b-%Y, %H:%M:%S",
    "%B %d, %Y %H:%M:%S",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(MOMENTS)
def test_a_time_is_read_by_its_pattern(pattern, moment) -> None:
    assert date_format_objection(pattern) is None
    assert time(moment.strftime(pattern), pattern) == moment
    assert not is_day(moment.strftime(pattern), pattern)


@given(MOMENTS)
def test_a_time_is_read_from_the_numbers_of_programs(moment) -> None:
    seconds = int(moment.replace(tzinfo=dt.UTC).timestamp())
    assert time(str(seconds), "epoch_s") == moment
    assert time(str(seconds * 1000 + 5), "epoch_ms") == moment + dt.timedelta(milliseconds=5)
    days = (moment - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)  # noqa: DTZ001
    assert time(repr(days), "excel") == moment
    assert is_day(str(int(days)), "excel")
    assert not is_day(f"{int(days)}.25", "excel")


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01T09:30:00Z",
        "2024-07-01t09:30:00z",
        "2024-07-01 09:30:00 UTC",
        "2024-07-01 11:30:00+0200",
        "2024-07-01 11:30:00 +02",
        "2024-07-01T09:30:00.000GMT",
        "2024-07-01 09:30",
    ],
)
def test_iso_is_read_in_every_spelling(text) -> None:
    assert time(text, "iso") == dt.datetime(2024, 7, 1, 9, 30)  # noqa: DTZ001


def test_the_first_format_that_fits_is_taken() -> None:
    formats = ("%d/%m/%Y %H:%M", "%d/%m/%Y", "iso")
    assert time("05/01/2024 10:30", *formats) == dt.datetime(2024, 1, 5, 10, 30)  # noqa: DTZ001
    assert time("2024-01-05", *formats) == dt.datetime(2024, 1, 5)  # noqa: DTZ001
    assert is_day("05/01/2024", *formats)
    assert not is_day("05/01/2024 10:30", *formats)
    assert time("31/02/2024", *formats) is None


@pytest.mark.parametrize("date", ["epoch_s", "epoch_ms", "excel"])
@pytest.mark.parametrize("text", ["9" * 30, "1e300", "-1e5", "x", "", "1.2.3"])
def test_a_number_that_is_no_time_is_none(date, text) -> None:
    assert time(text, date) is None


@pytest.mark.parametrize(
    "text", ["dd/mm/yyyy", "%d/%m", "%H:%M", "%Q", "%d/%m/%Y %", "", "%c", "%d" * 60, "epoch"]
)
def test_a_format_that_is_none_is_refused(text) -> None:
    assert date_format_objection(text)


@pytest.mark.parametrize("text", ["NULL", "n/a", " NaN ", "\\N", "-", "", "\u00a0", "0000-00-00"])
def test_what_programs_write_for_nothing_is_missing(text) -> None:
    assert evaluate(known_text("t"), text) is None


def test_blanks_about_a_value_are_no_part_of_it() -> None:
    assert evaluate(known_text("t"), " 5\u00a0") == "5"
