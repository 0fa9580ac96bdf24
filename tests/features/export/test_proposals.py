"""What to write where a column is written in another way."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.formats import PLAIN, ColumnFormat
from features.export.proposals import (
    fails_as_a_whole,
    is_misread,
    number_proposal,
    time_proposal,
)
from features.export.sources import read_export
from tests.support.exports import csv_mapping, write_text

CONNECTION = duckdb.connect()
LOCAL = ColumnFormat(timezone="UTC")


def column(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def times(*values: str) -> tuple[str, ...]:
    proposal = time_proposal(CONNECTION, column([*values]), LOCAL)
    return () if proposal is None else proposal.lines


def numbers(*values: str) -> tuple[str, ...]:
    proposal = number_proposal(CONNECTION, column([*values]), PLAIN)
    return () if proposal is None else proposal.lines


@pytest.mark.parametrize(
    ("values", "dates"),
    [
        (["31/01/2024", "01/02/2024"], "%d/%m/%Y"),
        (["01/31/2024 10:30", "02/01/2024 09:05"], "%m/%d/%Y %H:%M"),
        (["31.01.2024 10:30:59"], "%d.%m.%Y %H:%M:%S"),
        (["1/31/2024 9:05 PM", "2/1/2024 10:30 AM"], "%m/%d/%Y %I:%M %p"),
        (["31-Jan-2024", "1-Feb-2024"], "%d-%b-%Y"),
        (["2024/01/31 10:30"], "%Y/%m/%d %H:%M"),
        (["1704103200000", "1706781600000"], "epoch_ms"),
        (["1704103200", "1706781600"], "epoch_s"),
        (["45292.4167", "45293"], "excel"),
        (["20240131", "20240201"], "%Y%m%d"),
    ],
)
def test_times_written_in_another_way_are_answered_with_the_line(values, dates) -> None:
    assert f'dates = "{dates}"' in times(*values)


def test_what_only_a_person_can_tell_is_left_to_them() -> None:
    assert set(times("01/02/2024", "03/04/2024")) >= {'dates = "%d/%m/%Y"', 'dates = "%m/%d/%Y"'}


def test_a_column_with_and_without_hours_gets_two_patterns() -> None:
    assert times("31/01/2024 10:30", "31/01/2024") == ('dates = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]',)


@pytest.mark.parametrize("values", [["soon", "31/01/2024"], ["5", "7"], [""], ["a"]])
def test_nothing_is_proposed_for_what_is_no_time(values) -> None:
    assert times(*values) == ()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["1.250,50", "3.000", "12"], 'decimal = ",", thousands = "."'),
        (["1,5", "2"], 'decimal = ","'),
        (["1 250,5", "3"], 'decimal = ",", thousands = " "'),
        (["1,250.50", "3"], 'thousands = ","'),
        (["1'250.50", "3"], 'thousands = "\'"'),
        (["0:05:00", "12:00:01"], 'durations = "HH:MM:SS"'),
    ],
)
def test_numbers_written_in_another_way_are_answered_with_the_line(values, line) -> None:
    assert numbers(*values) == (line,)


def test_a_comma_that_may_part_thousands_or_be_the_decimal_sign_is_asked_about() -> None:
    assert numbers("1,094", "500") == ('thousands = ","', 'decimal = ","')
    assert numbers("5:30", "12:00") == ('durations = "MM:SS"', 'durations = "HH:MM"')


@pytest.mark.parametrize("values", [["one", "1,5"], [""], ["1,5", "2.5"]])
def test_nothing_is_proposed_for_what_is_no_number(values) -> None:
    assert numbers(*values) == ()


def test_numbers_that_prove_the_others_misread_are_noticed() -> None:
    assert is_misread(CONNECTION, column(["1.250,50", "3.000"]), PLAIN)
    assert not is_misread(CONNECTION, column(["1.250", "3.000"]), PLAIN)
    assert not is_misread(CONNECTION, column(["1,5", "3"]), PLAIN)
    swapped = ColumnFormat(decimal=",", thousands=".")
    assert not is_misread(CONNECTION, column(["1.250,50", "3.000"]), swapped)


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_column_fails_as_a_whole_beyond_slips(readable_values, failing) -> None:
    fails = fails_as_a_whole(readable_values, readable_values + failing)
    if readable_values + failing >= 2 and failing >= readable_values:
        assert fails
    if failing == 0 or (failing < 10 and failing < readable_values):
        assert not fails


# What a reading makes of it ---------------------------------------------------------------------


def write_leads(folder, created: list[str], budgets: list[str]) -> None:
    lines = [f'{i};"{c}";{b}' for i, (c, b) in enumerate(zip(created, budgets, strict=True))]
    write_text(folder / "leads.csv", "lead_id;created_at;budget", *lines)


def test_a_column_of_times_that_fails_stops_the_reading_and_the_line_mends_it(tmp_path) -> None:
    write_leads(tmp_path, [f"{day}/01/2024 10:00" for day in (13, 14, 31)], ["1"] * 3)
    leads: dict[str, object] = {"delimiter": ";", "timezone": "UTC"}
    with pytest.raises(ValueError, match=r"'created_at' cannot be read in 3 of 3") as caught:
        read_export(csv_mapping(tmp_path, leads=leads))
    assert 'dates = "%d/%m/%Y %H:%M"' in str(caught.value)
    assert "[leads.formats.created_at]" in str(caught.value)
    for place in (
        {"formats": {"created_at": {"dates": "%d/%m/%Y %H:%M"}}},
        {"dates": "%d/%m/%Y %H:%M"},
    ):
        tables = read_export(csv_mapping(tmp_path, leads={**leads, **place}))
        assert tables.leads["created_at"].to_pylist()[0].isoformat() == "2024-01-13T10:00:00+00:00"


def test_an_attribute_that_is_misread_is_not_used_and_the_line_mends_it(tmp_path) -> None:
    write_leads(tmp_path, ["2024-01-01"] * 3, ["1.250,50", "3.000", "12"])
    leads = {"delimiter": ";", "timezone": "UTC", "fixed_at_creation": ["budget"]}
    unused = read_export(csv_mapping(tmp_path, leads=leads)).unused["budget"]
    assert 'decimal = ",", thousands = "."' in unused
    data = {"decimal": ",", "thousands": "."}
    tables = read_export(csv_mapping(tmp_path, leads=leads, data=data))
    assert tables.leads["budget"].to_pylist() == [1250.5, 3000.0, 12.0]


def test_a_measure_that_fails_stops_the_reading_and_the_line_mends_it(tmp_path) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    rows = [f"1,2024-01-02T00:00:00Z,0:0{i}:30" for i in range(3)]
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at,length", *rows)
    interactions: dict[str, object] = {"measures": ["length"]}
    with pytest.raises(ValueError, match=r"'length' cannot be read in 3 of 3 .*HH:MM:SS"):
        read_export(csv_mapping(tmp_path, interactions=interactions))
    interactions["formats"] = {"length": {"durations": "HH:MM:SS"}}
    tables = read_export(csv_mapping(tmp_path, interactions=interactions))
    assert tables.interactions["length"].to_pylist() == [30.0, 90.0, 150.0]


def test_a_word_that_is_declared_missing_is_missing_in_every_column(tmp_path) -> None:
    write_leads(tmp_path, ["2024-01-01"] * 3, ["unknown", "n/d", "web"])
    leads = {
        "delimiter": ";",
        "fixed_at_creation": ["budget"],
        "missing": ["n/d"],
        "formats": {"budget": {"missing": "unknown"}},
    }
    tables = read_export(csv_mapping(tmp_path, leads=leads, data={"timezone": "UTC"}))
    assert tables.leads["budget"].to_pylist() == [None, None, "web"]


def test_each_attribute_of_the_log_may_be_written_in_its_own_way(tmp_path) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        '1,2024-01-02T00:00:00Z,budget,"1.250,5"',
        "1,2024-01-02T00:00:00Z,size,1.5",
        "1,2024-01-02T00:00:00Z,meets,31/01/2024",
    )
    attributes = {
        "kinds": {"budget": "number", "size": "number", "meets": "timestamp"},
        "formats": {
            "budget": {"decimal": ",", "thousands": "."},
            "meets": {"dates": "%d/%m/%Y", "timezone": "Europe/Rome"},
        },
    }
    tables = read_export(csv_mapping(tmp_path, attributes=attributes))
    # 31 January in Rome begins an hour before it does in UTC.
    assert tables.attribute_log["number"].to_pylist() == [1250.5, 1.5, 1706655600e6]
