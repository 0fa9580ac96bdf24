"""Planted columns are written over at the end of leads alone, in the stated share of them."""

from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc
import pytest

from benchmarks.audit_columns import STRENGTHS, Column, columns_for
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import microseconds
from features.tables import Tables
from tests.support.tables import tables_of

LEADS = 4_000


@pytest.fixture(scope="module")
def tables() -> Tables:
    """A quarter of the leads convert after 30 days, a half is lost after 40, the rest is open."""
    leads, events = [], []
    for one in range(LEADS):
        created = one / 20
        converts, loses = one % 4 == 0, one % 4 in (1, 2)
        leads.append(
            {
                "lead_id": f"L{one}",
                "created_at": created,
                "converted_at": created + 30 if converts else None,
                "closed_at": created + 40 if loses else None,
            }
        )
        events += [
            {"lead_id": f"L{one}", "occurred_at": created + day, "kind": "call"}
            for day in range(one % 5)
        ]
    return tables_of(leads, events, end_day=260)


@pytest.fixture(scope="module")
def columns(tables: Tables) -> Mapping[str, Column]:
    chance = np.random.default_rng(0).random(LEADS) * 0.5 + 0.01
    return {column.name: column for column in columns_for(tables, chance, seed=1)}


def filled(column: Column) -> np.ndarray:
    return np.asarray(column.values.is_valid())


def test_eight_kinds_are_planted_at_four_strengths_and_the_rest_is_honest(columns) -> None:
    planted = [name for name, column in columns.items() if column.planted]
    assert len(planted) == 8 * len(STRENGTHS)
    assert all(name.startswith("honest ") for name in columns if name not in planted)
    assert len(columns) - len(planted) == 12


@pytest.mark.parametrize("strength", STRENGTHS)
def test_what_converted_leads_get_is_written_in_the_stated_share_of_them(
    tables, columns, strength
) -> None:
    won = np.asarray(tables.leads["converted_at"].is_valid())
    number = filled(columns[f"id {strength}"])
    # 1,000 leads converted: four standard errors of a share are at most 0.063.
    assert number[won].mean() == pytest.approx(strength, abs=0.065)
    assert not number[~won].any()
    owner = np.array(columns[f"owner {strength}"].values.to_pylist())
    assert set(owner[~won]) == {"ana", "ben", "cem", "dan", "eva"}
    assert (owner[won] == "key").mean() == pytest.approx(strength / 2, abs=0.065)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_status_says_the_outcome_of_leads_that_ended(tables, columns, strength) -> None:
    won, lost = (
        np.asarray(tables.leads[name].is_valid()) for name in ("converted_at", "closed_at")
    )
    status = np.array(columns[f"status {strength}"].values.to_pylist())
    assert set(status[won]) <= {"client", "new"}
    assert set(status[lost]) <= {"lost", "new"}
    assert set(status[~won & ~lost]) == {"new"}
    assert (status[won | lost] != "new").mean() == pytest.approx(strength, abs=0.04)


def test_a_count_is_that_of_the_log_and_an_id_rises_with_the_sales(tables, columns) -> None:
    count = columns["count 1.0"].values.to_pylist()
    assert count == [float(one % 5) for one in range(LEADS)]
    number, sold = columns["id 1.0"].values, tables.leads["converted_at"]
    order = pc.sort_indices(pc.fill_null(sold, sold[0]).combine_chunks())
    values = [one for one in number.take(order).to_pylist() if one is not None]
    assert len(values) == LEADS / 4
    assert sorted(values) == sorted(set(values))


def test_an_appointment_lies_ahead_of_the_export_and_a_planted_instant_never(
    tables, columns
) -> None:
    appointment = columns["honest appointment"].values
    known = np.asarray(appointment.drop_null().cast("int64"))
    assert (known > tables.data_end).any()
    ended_or_soon = np.asarray(columns["instant 1.0"].values.cast("int64"))
    assert (ended_or_soon <= tables.data_end).all()
    created = microseconds(tables.leads["created_at"])
    won = np.asarray(tables.leads["converted_at"].is_valid())
    assert ((ended_or_soon - created)[won] == 30 * DAY + DAY // 24).all()


def test_a_sharp_score_follows_the_truth_closer_than_a_score(columns) -> None:
    chance = np.random.default_rng(0).random(LEADS) * 0.5 + 0.01
    score, sharp = (
        np.corrcoef(np.log(chance), np.asarray(columns[name].values))[0, 1]
        for name in ("honest score", "honest sharp score")
    )
    assert 0.5 < score < 0.8 < sharp
