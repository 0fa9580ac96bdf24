"""The table of leads: one rule, one reject, and the times that it may hold."""

import pytest

from features.spine import ended_at, open_leads_at
from tests.support.exports import (
    at,
    broken,
    micros,
    read_attribute,
    read_leads,
    write_text,
)

LEAD_RULES = {
    "missing value": ",2024-01-01Z,,",
    "duplicate lead": "1,2024-01-01T00:00:00Z,,",
    "unparsable time": "2,01/02/2024,,",
    "time without zone": "2,2024-01-01 00:00:00,,",
    "absurd year": "2,9999-12-31T00:00:00Z,,",
    "after the end of the data": "2,2024-06-01T00:00:01Z,,",
    "rounded id": "1.23457E+15,2024-01-02T00:00:00Z,,",
    "text too long": f"{'2' * 201},2024-01-02T00:00:00Z,,",
    "malformed line": "2,2024-01-02T00:00:00Z,,,,",
}


@pytest.mark.parametrize("rule", LEAD_RULES)
def test_a_lead_that_breaks_a_rule_is_rejected_and_the_good_ones_go_on(tmp_path, rule):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at,converted_at,closed_at",
        "1,2024-01-01T00:00:00Z,,",
        LEAD_RULES[rule],
        "3,2024-01-01T00:00:00Z,,",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads["lead_id"].to_pylist() == ["1", "3"]
    assert ("leads", 2, rule) in broken(tables)
    assert {row for _, row, _ in broken(tables)} == {2}


OUTCOME_RULES = {
    "unparsable time": "soon",
    "wrong encoding": "2024-02-01T00:00:00Z\ufdd0",
    "time without zone": "2024-02-01 00:00:00",
    "absurd year": "9999-12-31T00:00:00Z",
    "after the end of the data": "2024-06-01T00:00:01Z",
    "converted before created": "2024-01-01T23:59:59Z",
}


@pytest.mark.parametrize("column", ["converted_at", "closed_at"])
@pytest.mark.parametrize("rule", OUTCOME_RULES)
def test_an_outcome_that_cannot_be_read_is_unknown_and_its_lead_stays(tmp_path, rule, column):
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "2,2024-01-20T00:00:00Z")
    tables = read_leads(
        tmp_path,
        f"lead_id,created_at,{column}",
        "1,2024-01-02T00:00:00Z,",
        f"2,2024-01-02T00:00:00Z,{OUTCOME_RULES[rule]}",
        "3,2024-01-02T00:00:00Z,2024-01-02T00:00:00Z",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads["lead_id"].to_pylist() == ["1", "2", "3"]
    assert tables.leads[column].is_null().to_pylist() == [True, True, False]
    assert tables.outcome_unknown == {"2"}
    rule = rule.replace("converted", column.removesuffix("_at"))
    assert ("leads", 2, rule) in broken(tables)
    assert set(tables.rejects["row"].to_pylist()) == {2}
    assert tables.interactions.num_rows == 1
    # Nobody knows whether the lead is open: it is neither learned from nor scored.
    assert ended_at(tables)[1] == micros("2024-01-02 00:00:00")
    spine = open_leads_at(micros("2024-03-01 00:00:00"), tables).spine
    assert spine.lead.tolist() == [0]


def test_an_outcome_that_a_word_says_is_missing_is_no_outcome(tmp_path):
    words = ["NULL", "\\N", "None", "NaN", "NaT", "n/a", " ", "-", "0000-00-00 00:00:00"]
    lines = [f"{i},2024-01-02T00:00:00Z,{word}" for i, word in enumerate(words)]
    tables = read_leads(tmp_path, "lead_id,created_at,converted_at", *lines)
    assert tables.leads["converted_at"].null_count == len(words)
    assert tables.rejects.num_rows == 0
    assert not tables.outcome_unknown


def test_a_reject_names_row_column_and_value_as_the_export_writes_them(tmp_path):
    tables = read_leads(
        tmp_path,
        "id,created",
        "x,soon",
        leads={"columns": {"lead_id": "id", "created_at": "created"}},
    )
    (reject,) = tables.rejects.to_pylist()
    assert (reject["lead_id"], reject["column"], reject["value"]) == ("x", "created", "soon")
    assert "ISO 8601" in reject["explanation"]


TIMES = {
    "2024-07-01": "2024-06-30 22:00:00",
    "2024-07-01 09:30": "2024-07-01 07:30:00",
    "2024-07-01T09:30:00.123456789": "2024-07-01 07:30:00.123456",
    "2024-07-01 09:30:00Z": "2024-07-01 09:30:00",
    "2024-07-01 09:30:00+0530": "2024-07-01 04:00:00",
    "2024-07-01 09:30:00 -03": "2024-07-01 12:30:00",
    "2024-10-27 02:30:00": "2024-10-27 00:30:00",  # shown twice: the first
    "2024-10-27 03:00:00": "2024-10-27 02:00:00",
    "2024-10-27 01:59:59": "2024-10-26 23:59:59",
    "2024-03-31 03:00:00": "2024-03-31 01:00:00",
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_in_its_own_zone_or_the_configured_one(tmp_path, text):
    data = {"timezone": "Europe/Amsterdam"}
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data=data)
    assert tables.leads["created_at"].to_pylist() == [at(TIMES[text])]


def test_half_an_hour_shown_twice_is_read_as_the_first(tmp_path):
    data = {"timezone": "Australia/Lord_Howe"}
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-04-07 01:45:00", data=data)
    assert tables.leads["created_at"].to_pylist() == [at("2024-04-06 14:45:00")]


@pytest.mark.parametrize("text", ["2024-03-31 02:00:00", "2024-03-31 02:59:59"])
def test_a_time_that_the_clocks_skipped_is_rejected(tmp_path, text):
    data = {"timezone": "Europe/Amsterdam"}
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data=data)
    assert broken(tables) == [("leads", 1, "nonexistent local time")]


@pytest.mark.parametrize(
    "text", ["infinity", "epoch", "2024-13-01T00:00:00Z", "1317422324", "20240101"]
)
def test_what_only_looks_like_a_time_is_rejected(tmp_path, text):
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data={"timezone": "UTC"})
    assert broken(tables) == [("leads", 1, "unparsable time")]


def test_what_was_recorded_at_the_very_end_is_kept(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-06-01T00:00:00Z",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads.num_rows == 1


def test_a_mistyped_name_in_allow_sensitive_is_reported(tmp_path):
    tables = read_attribute(tmp_path, "age", ["1", "2"], allow_sensitive=["agee"])
    assert tables.unused["allow_sensitive.agee"].endswith("Did you mean 'age'?")
    assert "allow_sensitive.age" not in tables.unused


def test_a_column_that_is_not_declared_is_not_used(tmp_path):
    tables = read_leads(tmp_path, "lead_id,created_at,card", "1,2024-01-01T00:00:00Z,7")
    assert tables.unused == {"card": "not declared in fixed_at_creation"}
