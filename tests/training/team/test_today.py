"""The open leads of today are those that a bulk scoring scores, in the same bands."""

import dataclasses

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import open_leads_at
from models.bands import Bands
from serving.bulk.scores import score_spine
from tests.support.bundles import small_bundle
from tests.support.tables import tables_of
from training.team.today import open_leads


@pytest.fixture(scope="module")
def bundle():
    return small_bundle()


def export():
    """Forty leads, every other one with price questions lately; one closed, one a customer."""
    events = [
        {"lead_id": str(i), "occurred_at": day, "kind": "price_question", "duration_seconds": 60.0}
        for i in range(0, 40, 2)
        for day in (27.0, 28.5)
    ]
    rows = [{"lead_id": str(i), "created_at": 0 if i < 30 else 15} for i in range(40)]
    rows[3]["closed_at"] = 12
    rows[4]["converted_at"] = 12
    kinds = {"country": "category", "company_size": "number", "first_met_at": "timestamp"}
    return tables_of(
        rows,
        events,
        kinds=kinds,
        fixed=tuple(kinds),
        measures=("duration_seconds",),
        end_day=30,
    )


def test_today_counts_the_open_leads_by_the_band_that_a_bulk_scoring_gives_them(bundle):
    tables = export()
    easier = dataclasses.replace(bundle, bands=Bands(hot=0.05, warm=0.1))
    found = open_leads(easier, tables, until_days=20, threads=1)
    assert (found.leads, found.older) == (38, 28)
    scores = score_spine(easier, tables, open_leads_at(30 * DAY, tables).spine).to_pylist()
    assert found.uncertain == sum(one["not_enough_evidence"] for one in scores)
    assert [band.name for band in found.bands] == ["hot", "warm", "cold"]
    for band in found.bands:
        mine = [one for one in scores if one["band"] == band.name]
        assert band.leads == len(mine)
        assert band.hot_expected == pytest.approx(sum(one["hot_probability"] for one in mine))
        if mine:
            assert band.hot == pytest.approx(band.hot_expected / len(mine))
            assert band.warm == pytest.approx(np.mean([one["warm_probability"] for one in mine]))
    assert found.bands[0].leads > 0


def test_without_open_leads_every_band_is_empty(bundle):
    rows = [{"lead_id": str(i), "created_at": 0, "closed_at": 5} for i in range(3)]
    kinds = {"country": "category", "company_size": "number", "first_met_at": "timestamp"}
    tables = tables_of(
        rows, kinds=kinds, fixed=tuple(kinds), measures=("duration_seconds",), end_day=30
    )
    found = open_leads(bundle, tables, until_days=20, threads=1)
    assert (found.leads, found.uncertain, found.older) == (0, 0, 0)
    assert {(band.leads, band.hot, band.warm, band.hot_expected) for band in found.bands} == {
        (0, None, None, 0.0)
    }
