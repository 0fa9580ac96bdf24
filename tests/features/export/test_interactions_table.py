"""The tables of interactions: every rule, and whose contacts are read at all."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.arrays import Bool
from features.export.mapping import export_mapping
from features.export.sources import LeadsRead, read_export
from features.tables import Tables
from tests.support.exports import (
    at,
    broken,
    read_interactions,
    read_leads,
    write_text,
)

INTERACTION_RULES = {
    "missing value": "1,,,1",
    "unknown lead": "2,2024-01-01T00:00:00Z,,1",
    "rounded id": "1e+16,2024-01-01T00:00:00Z,,1",
    "unparsable time": "1,2024-02-30T00:00:00Z,,1",
    "after the end of the data": "1,2024-06-01T00:00:01Z,,1",
}


VALUE_RULES = {
    "unparsable number": ",one",
    "decimal comma": ',"1.234,5"',
    "not a finite number": ",inf",
    "measure too large": ",-900000000001",
    "measure too small": ",0.00002",
    "number too small": ",1e-400",
    "unparsable time": "soon,1",
    "absurd year": "2900-01-01T00:00:00Z,1",
}


def read_one_of_three(folder: Path, row: str) -> Tables:
    return read_interactions(
        folder,
        "lead_id,occurred_at,recorded_at,value",
        "1,2024-01-01T00:00:00Z,,900000000000",
        row,
        "1,2024-01-01T00:00:00Z,,1",
        data={"ends_at": "2024-06-01T00:00:00Z"},
        interactions={"measures": ["value"]},
    )


@pytest.mark.parametrize("rule", INTERACTION_RULES)
def test_an_interaction_that_breaks_a_rule_is_rejected(tmp_path, rule):
    tables = read_one_of_three(tmp_path, INTERACTION_RULES[rule])
    assert tables.interactions["value"].to_pylist() == [9e11, 1.0]
    assert ("interactions", 2, rule) in broken(tables)
    assert {row for _, row, _ in broken(tables)} == {2}


@pytest.mark.parametrize("rule", VALUE_RULES)
def test_a_wrong_value_of_an_interaction_costs_the_value(tmp_path, rule):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,{VALUE_RULES[rule]}")
    value = 1.0 if VALUE_RULES[rule].endswith(",1") else None
    assert tables.interactions["value"].to_pylist() == [9e11, value, 1.0]
    assert ("interactions", 2, rule) in broken(tables)
    assert set(tables.rejects["left_out"].to_pylist()) == {"value"}
    assert tables.interactions["recorded_at"][1] == tables.interactions["occurred_at"][1]


@pytest.mark.parametrize("text", ["-0", "-0.0", "0.00005", "0.0001", "-9e11", "9e11", "1e2"])
def test_a_number_is_kept_as_it_is_or_refused(tmp_path, text):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,,{text}")
    assert tables.interactions["value"][1].as_py() == float(text)
    assert tables.rejects.num_rows == 0


@pytest.mark.parametrize("text", ["1_000", "0x10", "1 000", "1e", "١٢", "1.2.3", "--1"])
def test_what_only_looks_like_a_number_is_left_out(tmp_path, text):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,,{text}")
    assert tables.interactions["value"].to_pylist() == [9e11, None, 1.0]
    assert broken(tables) == [("interactions", 2, "unparsable number")]


def test_a_row_is_counted_under_every_rule_that_it_breaks(tmp_path):
    tables = read_interactions(
        tmp_path,
        "lead_id,occurred_at,value",
        '7,never,"1,5"',
        interactions={"measures": ["value"]},
    )
    rules = ["decimal comma", "unknown lead", "unparsable time"]
    assert broken(tables) == [("interactions", 1, rule) for rule in rules]


def test_an_interaction_of_a_rejected_lead_is_one_of_an_unknown_lead(tmp_path):
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "2,2024-01-01T00:00:00Z")
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-01-01T00:00:00Z", "2,bad")
    assert ("interactions", 1, "unknown lead") in broken(tables)


def test_what_was_not_recorded_apart_was_recorded_as_it_occurred(tmp_path):
    tables = read_interactions(
        tmp_path, "lead_id,occurred_at,recorded_at", "1,2024-01-02T00:00:00Z,"
    )
    assert tables.interactions["recorded_at"] == tables.interactions["occurred_at"]


def test_a_word_of_an_interaction_that_is_too_long_is_left_out_alone(tmp_path):
    tables = read_interactions(
        tmp_path, "lead_id,occurred_at,kind", f"1,2024-01-02T00:00:00Z,{'k' * 201}"
    )
    assert tables.interactions["kind"].to_pylist() == [None]
    assert broken(tables) == [("interactions", 1, "text too long")]


CONTACTS = (
    "1,2024-02-01 10:00:00Z,call,60",
    "2,2024-02-02 10:00:00Z,call,long",  # a reject of a lead that nobody asks about
    "1,2024-02-03 10:00:00Z,call,short",
    "C2,2024-02-04 10:00:00Z,mail,1",
    "9,2024-02-05 10:00:00Z,mail,1",
    ",2024-02-06 10:00:00Z,mail,1",
    "2,2024-03-09 10:00:00Z,mail,1",
    "C9,2024-02-08 10:00:00Z,mail,1",
)


def read_contacts_of(folder: Path, with_contacts: LeadsRead | None, ends_at: str | None) -> Tables:
    leads = ("lead_id,created_at,contact,former", "1,2024-01-01 00:00:00Z,C1,C9")
    write_text(folder / "leads.csv", "\n".join((*leads, "2,2024-01-02 00:00:00Z,C2,C9")) + "\n")
    header = "lead_id,occurred_at,kind,seconds"
    write_text(folder / "interactions.csv", "\n".join((header, *CONTACTS)) + "\n")
    sections = {
        "data": {"ends_at": ends_at},
        "leads": {"source": "leads.csv", "also_known_as": ["contact", "former"]},
        "interactions": {"source": "interactions.csv", "measures": ["seconds"]},
    }
    return read_export(export_mapping(sections, folder), with_contacts=with_contacts)


@pytest.mark.parametrize("ends_at", [None, "2024-04-01T00:00:00Z"])
@pytest.mark.parametrize("block", [None, 45])
def test_of_leads_that_nobody_asks_about_no_contact_is_read(
    tmp_path, monkeypatch, ends_at, block
) -> None:
    everything = read_contacts_of(tmp_path, None, ends_at)
    if block is not None:  # the file comes in several chunks
        monkeypatch.setattr("features.export.csv_rows.LONGEST_ROW_BYTES", block)
        monkeypatch.setattr("features.export.interactions_table._CHUNK_ROWS", 1)
    asked = read_contacts_of(
        tmp_path,
        lambda leads, _: np.array([i == "1" for i in leads["lead_id"].to_pylist()]),
        ends_at,
    )
    rows, all_rows = asked.interactions.to_pylist(), everything.interactions.to_pylist()
    of_first = [row for row in all_rows if row["lead_id"] == "1"]
    shared = [row for row in all_rows if row["occurred_at"] == at("2024-02-08 10:00:00")]
    assert rows == [*of_first, *shared]
    assert len(all_rows) == len(rows) + 3
    assert (asked.leads, asked.data_end) == (everything.leads, everything.data_end)
    # Whatever may belong to a lead that is asked about is still judged: strangers, shared ids.
    assert broken(asked) == [found for found in broken(everything) if found[1] != 2]
    assert broken(everything) != broken(asked)


def test_the_leads_that_are_asked_about_are_chosen_by_what_was_read_of_them(tmp_path) -> None:
    chosen: list[tuple[int, frozenset[str]]] = []

    def nobody(leads: pa.Table, outcome_unknown: frozenset[str]) -> Bool:
        chosen.append((leads.num_rows, outcome_unknown))
        return np.zeros(leads.num_rows, np.bool_)

    tables = read_contacts_of(tmp_path, nobody, None)
    assert chosen == [(2, frozenset())]
    assert tables.interactions.num_rows == 0
