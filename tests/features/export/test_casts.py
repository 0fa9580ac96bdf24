"""What is cast is what the rules would read: the same values, rejects and days."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export import checked_rows
from features.export.casts import cast_numbers, cast_times
from features.export.checked_rows import CheckedRows, check_rows, readable
from features.export.formats import PLAIN, ColumnFormat
from features.export.rules import AFTER_END, UNKNOWN_LEAD, Check, ColumnPlan, TablePlan

IDS = (None, "L1", "1.23E+15", "1E5", "x" * 300, "é" * 199, "\ufdd0", "E")
NUMBERS = (
    *(None, "1", "-1.5", "+1", "1.", ".5", "1e5", "1e400", "nan", "inf", "0x10", " 1", "-0", "0e5"),
    *("1e-330", "00012", "1,5", "-", "9e11", "9.1e11", "0.00001", "0.00006", "0.000", "null", "١"),
)
TIMES = (
    *(None, "2024-01-02", "2024-01-02 10", "2024-01-02 10:11", "2024-01-02T10:11:12.123456"),
    *("2024-01-02 10:11:12.1234567", "2024-01-02 24:00:00", "2024-02-29 10:00:00", "2024-02-30"),
    *("2024-01-02 10:11:12Z", "2024-01-02T10Z", "2024-01-02T10:11Z", "2024-01-02T10:11+01"),
    *("2024-01-02T10:11:12+01:30", "2024-01-02T10:11:12+19:00", "2024-01-02T10+01:00"),
    *("2024-03-31 02:30:00", "2024-10-27 02:30:00", "1969-12-31 23:59:59", "2300-01-01T00:00:00Z"),
    *("-", " 2024-01-02 10:11:12", "2024-01-02 00:00:00", "2024-01-02T00:00:00Z", "soon"),
)
END = 1_704_190_272_000_000


@st.composite
def chunks(draw: st.DrawFn) -> tuple[TablePlan, pa.Table]:
    """Plan of a table, and text for it: columns of one way of writing, and of many."""
    zone = draw(st.sampled_from([None, "Europe/Rome", "America/Santiago"]))
    midnight = draw(st.sampled_from([None, None, zone or "UTC"]))
    format_ = ColumnFormat(timezone=zone)

    def time(name: str, *, required: bool = False, of_day: str = "start") -> ColumnPlan:
        form = {"format_": format_, "of_day": of_day, "midnight_in": midnight}
        return ColumnPlan(name, name, "time", required, not required, **form)

    fields = (
        ColumnPlan("lead_id", "lead_id", "id", required=True),
        time("created_at", required=True),
        time("occurred_at", of_day="end"),
        time("converted_at", of_day="outcome"),
        ColumnPlan("kind", "kind", "text", value_alone=True),
        ColumnPlan("value", "value", "measure", value_alone=True),
        ColumnPlan("size", "size", "number", value_alone=True),
        ColumnPlan("since", "since", "timestamp", value_alone=True, format_=format_),
    )
    pools = {"id": IDS, "text": IDS, "number": NUMBERS, "measure": NUMBERS}
    rows = draw(st.integers(1, 12))
    columns = []
    for field in fields:
        texts = st.sampled_from(pools.get(field.kind, TIMES))
        # A plan of few texts: most columns of an export are written in one way.
        few = draw(st.lists(texts, min_size=1, max_size=draw(st.sampled_from([1, 2, 6]))))
        columns.append(draw(st.lists(st.sampled_from(few), min_size=rows, max_size=rows)))
    malformed = draw(st.lists(st.sampled_from([None] * 9 + ["a,b"]), min_size=rows, max_size=rows))
    known = draw(st.lists(st.sampled_from([True, True, False]), min_size=rows, max_size=rows))
    table = pa.table(
        {
            "row": pa.array(range(1, rows + 1), pa.int64()),
            "malformed": pa.array(malformed, pa.string()),
            "file": pa.array(["leads.csv"] * rows),
            **{f"t{i}": pa.array(texts, pa.string()) for i, texts in enumerate(columns)},
            "known": pa.array(known),
        }
    )
    relations = (
        Check(UNKNOWN_LEAD, 0, "NOT known"),
        Check(AFTER_END, 2, f"epoch_us(begin2) > {END}", value_alone=True),
    )
    return TablePlan("leads", fields, relations), table


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def by_rules_alone(
    connection: duckdb.DuckDBPyConnection, plan: TablePlan, table: pa.Table
) -> CheckedRows:
    """What the rules make of every row, none of which is cast."""
    nothing = np.zeros(table.num_rows, np.bool_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checked_rows, "_cast", lambda _, chunk: (chunk, nothing))
        return check_rows(connection, plan, table)


@given(chunk=chunks())
def test_a_cast_decides_as_the_rules_do(connection, chunk: tuple[TablePlan, pa.Table]) -> None:
    plan, table = chunk
    cast, ruled = check_rows(connection, plan, table), by_rules_alone(connection, plan, table)
    assert cast.accepted.equals(ruled.accepted)
    assert cast.rejects.equals(ruled.rejects)
    assert cast.is_accepted.to_pylist() == ruled.is_accepted.to_pylist()
    assert cast.outcome_lost.to_pylist() == ruled.outcome_lost.to_pylist()
    assert cast.days == ruled.days


@given(texts=st.lists(st.sampled_from(TIMES), min_size=1, max_size=6))
def test_as_many_times_are_readable_as_by_the_rules(connection, texts: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(texts, pa.string())])
    by_rules = checked_rows._readable_by_rules(connection, column, "timestamp", PLAIN)
    assert readable(connection, column, "timestamp", PLAIN) == by_rules


@given(texts=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=6))
def test_as_many_numbers_are_readable_as_by_the_rules(connection, texts: list[str | None]) -> None:
    column = pa.chunked_array([pa.array(texts, pa.string())])
    by_rules = checked_rows._readable_by_rules(connection, column, "number", PLAIN)
    assert readable(connection, column, "number", PLAIN) == by_rules


def test_plain_columns_are_cast_as_a_whole() -> None:
    zoned = cast_times(pa.chunked_array([["2024-01-02T10:11:12+01:30", None]]), PLAIN)
    wall = cast_times(pa.chunked_array([["2024-01-02 10:11", "2024-02-29"]]), PLAIN)
    numbers = cast_numbers(pa.chunked_array([["1.5", "1e5", None]]), PLAIN)
    assert (zoned.is_plain, wall.is_plain, numbers.is_plain) == (None, None, None)
    assert wall.day_text.to_pylist() == [False, True]


def test_one_odd_text_leaves_the_others_cast() -> None:
    times = cast_times(pa.chunked_array([["2024-01-02 10:11", "soon", "2024-01-31Z"]]), PLAIN)
    numbers = cast_numbers(pa.chunked_array([["1.5", "much", "nan"]]), PLAIN)
    assert times.is_plain.to_pylist() == [True, False, False]
    assert numbers.is_plain.to_pylist() == [True, False, False]


def test_other_ways_of_writing_are_left_to_the_rules() -> None:
    column = pa.chunked_array([["1.250,50"]])
    assert cast_numbers(column, ColumnFormat(decimal=",", thousands=".")) is None
    assert cast_times(column, ColumnFormat(dates=("%d/%m/%Y",))) is None
