"""A refusal is known strictly after it, and looks after it see no more than plain loops do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.engine.history import single_history
from features.export.refusals import refusal_versions
from features.export.sources import read_export
from features.language.kinds import AttributeCategory, DaysSinceAttribute
from features.language.spec import Spec
from features.refusals import REFUSAL_KINDS, REFUSAL_REASON, REFUSED_AT
from features.scale.batch import point_in_time_features
from features.scale.catalogue import standard_spec
from features.scale.requests import requests_of
from features.spine import Spine, iso, microseconds, observed_until, open_leads_at, refused_at
from features.tables import Suspicion, Tables
from tests.support.exports import csv_mapping, micros, write_text
from tests.support.features import feature_matrix
from tests.support.tables import tables_of
from training.dataset.as_of_cut import cut_at

SPEC = Spec(
    (DaysSinceAttribute(REFUSED_AT), AttributeCategory(REFUSAL_REASON, ("later", "price"))),
    dict(REFUSAL_KINDS),
)


def read(folder: Path, *lines: str, days: float | None = 30.0, **data: str) -> Tables:
    """Leads of a CSV file, looked at for some days after a refusal."""
    write_text(folder / "leads.csv", *lines)
    mapping = csv_mapping(folder, data=dict(data))
    return read_export(mapping.model_copy(update={"after_refusal_days": days}))


def versions_of(tables: Tables) -> list[tuple[str, str, str, Any]]:
    """Lead, instant, name and value of each version of the log."""
    return [
        (
            row["lead_id"],
            row["recorded_at"].isoformat(),
            row["name"],
            row["text"] if row["number"] is None else iso(int(row["number"])),
        )
        for row in tables.attribute_log.to_pylist()
    ]


HEADER = "lead_id,created_at,converted_at,closed_at,closed_reason"
EXPORT = (
    HEADER,
    "a,2024-01-01T00:00:00Z,,2024-01-05T10:00:00Z,price",
    "b,2024-01-01T00:00:00Z,2024-02-01T00:00:00Z,2024-01-06T00:00:00Z,",
    "c,2024-01-01T00:00:00Z,2024-01-07T00:00:00Z,2024-01-07T00:00:00Z,won",
    "d,2024-01-01T00:00:00Z,2024-01-07T00:00:00Z,2024-01-09T00:00:00Z,won",
    "e,2024-01-01T00:00:00Z,,,",
)


def test_a_closing_is_a_refusal_unless_the_lead_had_bought(tmp_path: Path) -> None:
    tables = read(tmp_path, *EXPORT)
    assert versions_of(tables) == [
        ("a", "2024-01-05T10:00:00+00:00", REFUSED_AT, "2024-01-05T10:00:00+00:00"),
        ("b", "2024-01-06T00:00:00+00:00", REFUSED_AT, "2024-01-06T00:00:00+00:00"),
        ("a", "2024-01-05T10:00:00+00:00", REFUSAL_REASON, "price"),
    ]
    assert tables.attribute_kinds == dict(REFUSAL_KINDS)
    assert refused_at(tables).tolist() == [
        micros("2024-01-05 10:00:00"),
        micros("2024-01-06 00:00:00"),
        *[NEVER] * 3,
    ]


def test_without_a_stated_time_nothing_of_a_refusal_is_read(tmp_path: Path) -> None:
    tables = read(tmp_path, *EXPORT, days=None)
    assert tables.attribute_log.num_rows == 0
    assert (tables.attribute_kinds, tables.after_refusal) == ({}, None)


def test_a_refusal_of_a_day_is_known_at_its_end(tmp_path: Path) -> None:
    lines = (HEADER, "a,2024-01-01,,2024-01-05,price", "b,2024-01-02,,2024-01-02,")
    tables = read(tmp_path, *lines, timezone="Europe/Lisbon", ends_at="2024-03-01T00:00:00Z")
    end = micros("2024-01-06 00:00:00") - 1
    assert refused_at(tables).tolist() == [end, micros("2024-01-03 00:00:00") - 1]
    noon = Spine(np.array([0, 0]), np.array([micros("2024-01-05 12:00:00"), end + 1]))
    seen = point_in_time_features(tables, noon, SPEC)
    assert np.isnan(seen[0]).all()
    assert seen[1].tolist() == [1 / DAY, 1.0]


def test_the_end_of_the_data_does_not_follow_a_refusal(tmp_path: Path) -> None:
    contacts = "lead_id,occurred_at\na,2024-01-02T00:00:00Z"
    write_text(tmp_path / "interactions.csv", *contacts.splitlines())
    write_text(tmp_path / "leads.csv", *EXPORT)
    mapping = csv_mapping(tmp_path)
    looked_at = mapping.model_copy(update={"after_refusal_days": 30.0})
    assert read_export(looked_at).data_end == read_export(mapping).data_end


@pytest.mark.parametrize("name", [REFUSED_AT, REFUSAL_REASON])
def test_an_attribute_of_that_name_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / "leads.csv", f"lead_id,created_at,{name}", "a,2024-01-01T00:00:00Z,1")
    mapping = csv_mapping(tmp_path, leads={"fixed_at_creation": [name]})
    assert name in read_export(mapping).leads.column_names
    with pytest.raises(ValueError, match=rf"{name}.*after_refusal_days asks for: rename it"):
        read_export(mapping.model_copy(update={"after_refusal_days": 30.0}))


def test_without_any_reason_there_is_no_such_attribute(tmp_path: Path) -> None:
    tables = read(tmp_path, HEADER, "a,2024-01-01T00:00:00Z,,2024-01-05T10:00:00Z,")
    assert tables.attribute_kinds == {REFUSED_AT: "timestamp"}


def test_an_export_without_closings_is_told_to_map_them(tmp_path: Path) -> None:
    tables = read(tmp_path, "lead_id,created_at", "a,2024-01-01T00:00:00Z")
    assert tables.suspicions == (
        Suspicion(
            "refusals without a time",
            "leads.closed_at",
            1,
            "no lead was ever refused, as far as the export says",
            'map the time of the refusal: [leads.columns] closed_at = "…"; or take out '
            "after_refusal_days in [snapshots]",
        ),
    )
    assert tables.attribute_kinds == {}


leads = st.lists(
    st.fixed_dictionaries(
        {
            "created_at": st.integers(0, 19),
            "converted_at": st.one_of(st.none(), st.integers(20, 60)),
            "closed_at": st.one_of(st.none(), st.integers(20, 60)),
            "closed_reason": st.sampled_from([None, "price", "later", "other"]),
            "person": st.one_of(st.none(), st.integers(0, 2)),
        }
    ),
    min_size=1,
    max_size=8,
)


def with_refusals(rows: list[dict[str, Any]], after_days: int) -> Tables:
    """Leads whose closings are in the log, as the reader puts them there."""
    tables = tables_of([{"lead_id": str(i), **row} for i, row in enumerate(rows)])
    return replace(
        tables,
        attribute_log=refusal_versions(tables.leads, tables.leads["closed_at"]),
        attribute_kinds=dict(REFUSAL_KINDS),
        after_refusal=after_days * DAY,
    )


def seen_by_loops(row: dict[str, Any], day: int) -> list[float]:
    """Days since the refusal and code of its reason, of one lead on one day."""
    closed, bought = row["closed_at"], row["converted_at"]
    if closed is None or closed >= day or (bought is not None and bought <= closed):
        return [np.nan, np.nan]
    codes = {None: np.nan, "later": 0.0, "price": 1.0, "other": 2.0}
    return [float(day - closed), codes[row["closed_reason"]]]


@settings(max_examples=60, deadline=None)
@given(rows=leads, days=st.lists(st.integers(20, 90), min_size=1, max_size=5))
def test_a_look_after_a_refusal_sees_what_plain_loops_see(rows, days) -> None:
    pairs = [(i, day) for i in range(len(rows)) for day in days]
    spine = Spine(np.array([i for i, _ in pairs]), np.array([day * DAY for _, day in pairs]))
    seen = point_in_time_features(with_refusals(rows, 30), spine, SPEC)
    np.testing.assert_array_equal(seen, [seen_by_loops(rows[i], day) for i, day in pairs])


@settings(max_examples=60, deadline=None)
@given(rows=leads, day=st.integers(20, 80), shift=st.integers(1, 30))
def test_what_comes_after_a_look_changes_no_feature_and_no_look(rows, day, shift) -> None:
    """Shifted, or all taken back: what had not come by then is not known."""

    def shifted(row: dict[str, Any], by: int | None) -> dict[str, Any]:
        return row | {
            name: None if by is None else row[name] + by
            for name in ("converted_at", "closed_at")
            if row[name] is not None and row[name] >= day
        }

    everybody = Spine(np.arange(len(rows)), np.full(len(rows), day * DAY))
    tables = with_refusals(rows, 30)
    seen = point_in_time_features(tables, everybody, SPEC)
    looked_at = open_leads_at(day * DAY - 1, tables).spine.lead.tolist()
    for by in (shift, None):
        later = with_refusals([shifted(row, by) for row in rows], 30)
        np.testing.assert_array_equal(point_in_time_features(later, everybody, SPEC), seen)
        assert open_leads_at(day * DAY - 1, later).spine.lead.tolist() == looked_at
    cut = cut_at(tables, day * DAY)
    np.testing.assert_array_equal(point_in_time_features(cut, everybody, SPEC), seen)


@settings(max_examples=60, deadline=None)
@given(rows=leads, after_days=st.integers(1, 40))
def test_a_lead_is_observed_until_it_buys_or_its_time_after_a_refusal_is_over(
    rows, after_days
) -> None:
    tables = with_refusals(rows, after_days)
    for row, until in zip(rows, observed_until(tables).tolist(), strict=True):
        ends = [NEVER]
        if row["converted_at"] is not None:
            ends.append(row["converted_at"] * DAY)
        if row["closed_at"] is not None:
            ends.append((row["closed_at"] + after_days) * DAY)
            ends += [
                other["created_at"] * DAY
                for other in rows
                if row["person"] is not None
                and other["person"] == row["person"]
                and other["created_at"] > row["closed_at"]
            ]
        assert until == min(ends)


@settings(max_examples=60, deadline=None)
@given(rows=leads, day=st.integers(20, 80))
def test_a_request_says_a_refusal_with_the_bits_of_the_export(rows, day) -> None:
    """Whether the CRM sends what it knows at the instant, or all that will ever be."""
    tables = with_refusals(rows, 30)
    spine = Spine(np.arange(len(rows)), np.full(len(rows), day * DAY))
    expected = point_in_time_features(tables, spine, SPEC)
    bodies = requests_of(tables, spine, REFUSAL_KINDS)
    whole = requests_of(tables, Spine(spine.lead, spine.as_of + 100 * DAY), REFUSAL_KINDS)
    for i, sent in [*enumerate(bodies), *enumerate(whole)]:
        attributes = dict(sent["attributes"])
        if REFUSED_AT in attributes:
            moment = pa.chunked_array([pa.array([attributes[REFUSED_AT]]).cast(INSTANT_TYPE)])
            attributes[REFUSED_AT] = int(microseconds(moment)[0])
        history = single_history(0, [], attributes, REFUSAL_KINDS, [])
        row = feature_matrix(SPEC, history, np.array([0]), spine.as_of[:1])
        np.testing.assert_array_equal(row[0], expected[i])


INSTANT_TYPE = pa.timestamp("us", "UTC")


def test_a_reason_without_its_time_is_not_known() -> None:
    history = single_history(0, [], {REFUSAL_REASON: "price"}, REFUSAL_KINDS, [])
    assert np.isnan(feature_matrix(SPEC, history, np.array([0]), np.array([DAY]))).all()


def test_the_catalogue_looks_at_refusals_and_not_for_the_card_to_be_complete() -> None:
    rows = [{"created_at": 0, "closed_at": 5, "closed_reason": "price"}] * 40
    tables = with_refusals(rows, 30)
    assert standard_spec(tables, 4 * DAY).names == (
        "lead_age_days",
        "attribute[refusal_reason]",
        "days_since_attribute[refused_at]",
    )
    reason = standard_spec(tables, 6 * DAY).features[1]
    assert reason == AttributeCategory(REFUSAL_REASON, ("price",))
    assert standard_spec(tables, 5 * DAY).features[1] == AttributeCategory(REFUSAL_REASON, ())
