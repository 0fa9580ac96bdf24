"""Reading must be alike for leads that bought and others; what was lost for some stops training."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.export.blindness import (
    LEAST_COMPARED_LEADS,
    coverage_by_outcome,
    differences,
    orphan_doubts,
    require_trustworthy,
    too_many_rejects,
)
from features.export.mapping import DataMapping
from features.export.sources import read_export
from features.tables import Tables
from tests.support.exports import csv_mapping, write_text
from tests.support.tables import tables_of

DATA = DataMapping()


def leads(count: int = 400, won: int = 4) -> list[dict[str, object]]:
    """Leads of which one in `won` buys at the age of 30 days and one in `won` is lost."""
    return [
        {
            "lead_id": str(i),
            "created_at": i % 100,
            "converted_at": i % 100 + 30 if i % won == 0 else None,
            "closed_at": i % 100 + 40 if i % won == 1 else None,
        }
        for i in range(count)
    ]


def contacts(chance: dict[int, float], won: int = 4) -> list[dict[str, object]]:
    """Contacts in the first days, with a chance by the remainder that decides the outcome."""
    draws = np.random.default_rng(1).random(400)
    return [
        {"lead_id": str(i), "occurred_at": i % 100 + 2, "kind": "call"}
        for i in range(400)
        if draws[i] < chance.get(i % won, 0.5)
    ]


def export(chance: dict[int, float]) -> Tables:
    return tables_of(leads(), contacts(chance), end_day=200)


def test_coverage_is_counted_by_plain_loops() -> None:
    rows, events = leads(), contacts({0: 0.9})
    tables = export({0: 0.9})
    with_contact = {event["lead_id"] for event in events}
    for coverage, remainders in zip(coverage_by_outcome(tables), ({0}, {1}, {2, 3}), strict=True):
        members = [row for row in rows if int(str(row["lead_id"])) % 4 in remainders]
        assert coverage.leads == coverage.compared == len(members)
        spoken = [row["lead_id"] in with_contact for row in members]
        assert coverage.with_contact == pytest.approx(np.mean(spoken))
        assert coverage.contacts == pytest.approx(np.mean(spoken))
    assert [c.outcome for c in coverage_by_outcome(tables)] == ["won", "lost", "open"]


def test_only_leads_that_were_open_at_the_same_age_are_compared() -> None:
    early = [
        {"lead_id": "0", "created_at": 0, "converted_at": 5},
        {"lead_id": "1", "created_at": 0, "converted_at": 8},
        {"lead_id": "2", "created_at": 95},
    ]
    late = [{"lead_id": "1", "occurred_at": 7.5}, {"lead_id": "1", "occurred_at": 6.5}]
    won, open_ = coverage_by_outcome(tables_of(early, late, end_day=100))
    assert (won.leads, won.compared, won.contacts) == (2, 1, 1.0)
    assert (open_.leads, open_.compared, open_.with_contact) == (1, 0, None)


@pytest.mark.parametrize("chance", [{}, {0: 0.9}, {0: 0.4}, {0: 1.0, 1: 0.4}])
def test_what_firms_do_is_no_difference_of_reading(chance) -> None:
    assert differences(export(chance)) == ()
    require_trustworthy(export(chance), DATA)


@pytest.mark.parametrize("chance", [{0: 0.0}, {0: 0.1}, {1: 0.0, 2: 0.0, 3: 0.0, 0: 0.9}])
def test_contacts_that_one_outcome_lacks_stop_training(chance) -> None:
    (doubt,) = differences(export(chance))
    assert doubt.stops
    assert doubt.name == "contacts that depend on the outcome"
    with pytest.raises(ValueError, match=r"(?s)as it was read.*also_known_as.*accept_differences"):
        require_trustworthy(export(chance), DATA)
    require_trustworthy(export(chance), DataMapping(accept_differences=True))


def test_few_leads_prove_nothing() -> None:
    few = tables_of(leads(4 * (LEAST_COMPARED_LEADS - 1)), [], end_day=200)
    assert differences(few) == ()


# Through the reading ----------------------------------------------------------------------------


def write(folder: Path, ids: dict[int, str], values: dict[int, str]) -> Tables:
    """Export in which interactions of some leads have other ids, or a time that is none."""
    lines = [
        f"L{i},2024-01-{1 + i % 28:02}T00:00:00Z,"
        f"{f'2024-03-{1 + i % 28:02}T00:00:00Z' if i % 4 == 0 else ''},{ids.get(i % 4, '')}{i}"
        for i in range(200)
    ]
    write_text(folder / "leads.csv", "lead_id,created_at,converted_at,ContactId", *lines)
    events = [
        f"{ids.get(i % 4, 'L')}{i},2024-01-{1 + i % 28:02}T{hour:02}:00:00Z{values.get(i % 4, '')}"
        for i in range(200)
        for hour in (1, 2)
    ]
    write_text(folder / "interactions.csv", "lead_id,occurred_at", *events)
    return read_export(csv_mapping(folder))


def test_an_export_that_is_read_whole_is_trusted(tmp_path) -> None:
    require_trustworthy(write(tmp_path, {}, {}), DATA)


def test_interactions_of_buyers_under_another_id_stop_with_the_column_named(tmp_path) -> None:
    tables = write(tmp_path, {0: "C"}, {})
    with pytest.raises(ValueError, match=r"'C0' and others stand in 'ContactId'") as caught:
        require_trustworthy(tables, DATA)
    assert "of 50 leads, of which 50 bought" in str(caught.value)
    assert 'also_known_as = ["ContactId"]' in str(caught.value)
    mapping = csv_mapping(tmp_path, leads={"also_known_as": ["ContactId"]})
    require_trustworthy(read_export(mapping), DATA)


def test_other_ids_that_know_nothing_of_the_outcome_are_told_and_do_not_stop(tmp_path) -> None:
    every = dict.fromkeys(range(4), "C")
    (doubt,) = write(tmp_path, every, {}).suspicions
    assert not doubt.stops
    assert doubt.rows == 400


def test_rows_of_buyers_that_are_rejected_stop_training(tmp_path) -> None:
    tables = write(tmp_path, {}, {0: "x"})
    names = {doubt.name for doubt in differences(tables)}
    assert "rejects that depend on the outcome" in names
    with pytest.raises(ValueError, match=r"100 % of the rows of leads that bought are rejected"):
        require_trustworthy(tables, DataMapping(most_rejected=1))


def test_rejects_of_all_alike_stop_by_their_share_alone(tmp_path) -> None:
    tables = write(tmp_path, {}, dict.fromkeys(range(4), "x") | {4: ""})
    assert not any(doubt.name.startswith("rejects") for doubt in differences(tables))
    (reason,) = too_many_rejects(tables, 0.1)
    assert reason.startswith("400 of 400 rows of interactions were rejected (100 %)")
    assert "'unparsable time'" in reason
    assert "most_rejected = 1.00" in reason
    assert list(too_many_rejects(tables, 1.0)) == []


def test_conversions_that_cannot_be_read_stop_training(tmp_path) -> None:
    lines = [
        f"{i},2024-01-01T00:00:00Z,{'2024-02-01T00:00:00Z' if i % 2 else f'in {i} days'}"
        for i in range(200)
    ]
    write_text(tmp_path / "leads.csv", "lead_id,created_at,converted_at", *lines)
    tables = read_export(csv_mapping(tmp_path))
    assert len(tables.outcome_unknown) == 100
    with pytest.raises(ValueError, match=r"cannot be read in leads, 100 times \(beside 100 conv"):
        require_trustworthy(tables, DATA)


def test_a_column_that_explains_little_is_no_cause() -> None:
    orphans = pa.chunked_array([[f"x{i}" for i in range(100)]])
    columns = {"ref": pa.array(["x1", "y"])}
    table = tables_of([{"lead_id": "a", "created_at": 1}, {"lead_id": "b", "created_at": 1}]).leads
    assert orphan_doubts(orphans, columns, pa.array(["a", "b"]), table) == ()
    assert orphan_doubts(orphans, {}, pa.array(["a", "b"]), table) == ()
