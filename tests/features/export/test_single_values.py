"""A single text is read as DuckDB reads a column of it, or not at all."""

from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export.checked_rows import check_rows
from features.export.formats import NULL_WORDS, ColumnFormat
from features.export.rules import ColumnPlan, FieldKind, TablePlan
from features.export.single_values import (
    LONGEST_READ,
    ReadTime,
    known_part,
    number_reader,
    time_reader,
)

ZONES = (None, "UTC", "Europe/Rome", "America/Sao_Paulo", "Asia/Kolkata")
PATTERNS = (
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M",
    "%d.%m.%y %H:%M:%S",
    "%d %b %Y",
    "%B %d, %Y %H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S.%g",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%-d/%-m/%Y",
    "%Y%j",
)
FORMATS = (*((pattern,) for pattern in PATTERNS), ("iso",), ("epoch_s",), ("epoch_ms",), ("excel",))
MIXED = (("%d/%m/%Y", "iso"), ("epoch_s", "excel"), ("%m/%d/%Y", "%d/%m/%Y"))

EXCEL_EPOCH, FIRST, END = (datetime.fromisoformat(f"{y}-12-30") for y in (1899, 1971, 2100))


def in_duckdb(texts: list[str], column: ColumnPlan) -> list:
    plan = TablePlan("leads", (column,))
    rows = pa.table(
        {
            "row": pa.array(range(len(texts))),
            "malformed": pa.nulls(len(texts), pa.string()),
            "file": pa.array(["leads.csv"] * len(texts)),
            "t0": pa.array(texts, pa.string()),
        }
    )
    with duckdb.connect() as connection:
        values = check_rows(connection, plan, rows).accepted["x"]
    return values.to_pylist()


def plan_of(kind: FieldKind, format_: ColumnFormat, **settings) -> ColumnPlan:
    return ColumnPlan("x", "x", kind, value_alone=True, format_=format_, **settings)


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else round((moment.timestamp()) * 1_000_000)


def read_time(text: str, format_: ColumnFormat, midnight_in: str | None) -> ReadTime | None:
    known = known_part(text)
    return None if known is None else time_reader(format_, midnight_in)(known)


def text_as(moment: datetime, pattern: str) -> str:
    """The moment as a program would write it."""
    match pattern:
        case "iso":
            return moment.isoformat(sep=" ")
        case "epoch_s":
            return str(int(moment.replace(tzinfo=UTC).timestamp()))
        case "epoch_ms":
            return str(int(moment.replace(tzinfo=UTC).timestamp() * 1000))
        case "excel":
            return f"{(moment - EXCEL_EPOCH).total_seconds() / 86_400:.6f}".rstrip("0")
    thousandths = f"{moment.microsecond // 1000:03}"
    plain = pattern.replace("%-", "%").replace("%g", thousandths).replace("%z", "+0200")
    return moment.strftime(plain)


moments = st.datetimes(FIRST, END).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
slips = st.sampled_from(["", " ", "x", "Z", "z", " UTC", "+0000", "+02", "-05:30", "\u00a0"])


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(moments, min_size=1, max_size=5),
    dates=st.sampled_from([*FORMATS, *MIXED]),
    zone=st.sampled_from(ZONES),
    midnight=st.sampled_from([None, "UTC", "Europe/Rome"]),
    end=slips,
    data=st.data(),
)
def test_a_time_is_that_of_the_column(moments, dates, zone, midnight, end, data):
    midnight = midnight and (zone or "UTC")
    format_ = ColumnFormat(dates=dates, timezone=zone)
    if data.draw(st.booleans()):
        moments = [moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in moments]
    texts = [text_as(m, data.draw(st.sampled_from(dates))) + end for m in moments]
    expected = {
        of_day: in_duckdb(texts, plan_of("time", format_, of_day=of_day, midnight_in=midnight))
        for of_day in ("start", "end")
    }
    for text, begin, last in zip(texts, expected["start"], expected["end"], strict=True):
        value = read_time(text, format_, midnight)
        if value is None:
            assert begin is None or "%z" in dates[0], (text, begin)
        elif begin is not None:
            assert value.begin == micros(begin), text
            assert (value.begin if value.end is None else value.end) == micros(last), text
        else:  # DuckDB's pattern knows no Z
            assert "%z" in dates[0], (text, value)


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/Sao_Paulo", "Africa/Cairo"])
def test_hours_that_clocks_skip_or_repeat_are_those_of_the_column(zone):
    format_ = ColumnFormat(timezone=zone)
    days = ("2018-11-04", "2018-02-17", "2018-03-25", "2018-10-28")
    hours = ("", " 00:00:00", " 00:30", " 02:30:00", " 03:00", " 23:30:00")
    texts = [day + hour for day in days for hour in hours]
    for midnight in (None, zone):
        expected = in_duckdb(texts, plan_of("time", format_, midnight_in=midnight))
        values = [read_time(text, format_, midnight) for text in texts]
        assert [v and v.begin for v in values] == [micros(moment) for moment in expected]


@pytest.mark.parametrize("number", [0, 1, 12, 13])
def test_an_hour_of_twelve_without_am_or_pm_stays_as_it_is(number):
    format_ = ColumnFormat(dates=("%m/%d/%Y %I:%M",), timezone="UTC")
    text = f"01/02/2020 {number}:30"
    (expected,) = in_duckdb([text], plan_of("time", format_))
    value = read_time(text, format_, None)
    assert (value and value.begin) == micros(expected)


numbers = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.floats(-1e9, 1e9).map(repr),
    st.from_regex(r"[+-]?[0-9]{1,3}([., '\u00a0][0-9]{3}){0,2}([.,][0-9]{0,3})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{1,3}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9])?)?", fullmatch=True),
    st.sampled_from(["", "-", "N/A", "inf", "-Infinity", "1e400", "1e-400", "-0", ".5", "5."]),
    st.text(max_size=6),
)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(numbers, min_size=1, max_size=10),
    signs=st.sampled_from([(".", None), (".", ","), (",", "."), (",", " "), (".", "'")]),
    durations=st.sampled_from([None, "HH:MM:SS", "MM:SS", "HH:MM"]),
)
def test_a_number_is_that_of_the_column(texts, signs, durations):
    format_ = ColumnFormat(decimal=signs[0], thousands=signs[1], durations=durations)
    read = number_reader(format_)
    expected = in_duckdb(texts, plan_of("number", format_))
    for text, number in zip(texts, expected, strict=True):
        plain = known_part(text)
        assert (None if plain is None else read(plain)) == number, text


@pytest.mark.parametrize("word", NULL_WORDS)
def test_what_programs_write_for_no_value_is_none(word):
    assert known_part(f" {word.upper()} ") is None


def test_a_text_that_no_person_wrote_is_not_read():
    assert number_reader(ColumnFormat())("1" * (LONGEST_READ + 1)) is None
    assert time_reader(ColumnFormat())("2024-01-01 00:00:00." + "1" * LONGEST_READ) is None
