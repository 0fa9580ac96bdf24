"""Exports cut at an instant: nothing of later is known, and every later look has its truth."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks import worlds_export
from benchmarks.worlds_export import (
    JUDGED_DAYS,
    PILOT_SEED,
    USE_OF_WORLD,
    CutExport,
    conversions_of,
    cut_export,
    leads_for,
    looks_from,
    pilot_rate,
    worlds,
)
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import ended_at, microseconds
from features.worlds.crm import Knobs
from features.worlds.registry import WORLDS, made_up_crm

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def export() -> CutExport:
    return cut_export("chain", 400, seed=7)


def test_every_world_that_can_be_drawn_is_for_choices_or_judges() -> None:
    assert set(worlds()) == set(WORLDS)
    assert list(USE_OF_WORLD.values()).count("choosing") == 2


def test_the_past_knows_nothing_from_the_cut_on(export: CutExport) -> None:
    past, cut = export.past, export.past.data_end
    assert cut == export.full.data_end - JUDGED_DAYS * MICROSECONDS_PER_DAY
    ends = ended_at(past)
    assert ends[ends < np.iinfo(np.int64).max].max() < cut
    assert microseconds(past.leads["created_at"]).max() < cut
    for name in ("occurred_at", "recorded_at"):
        assert microseconds(past.interactions[name]).max() < cut
    assert microseconds(past.attribute_log["recorded_at"]).max() < cut
    before = microseconds(export.full.leads["converted_at"]) < cut
    assert export.conversions == conversions_of(past) == before.sum()


def test_judged_are_all_looks_from_the_cut_on_each_with_its_own_truth(export: CutExport) -> None:
    crm = made_up_crm("chain", 400, 7)
    shuffled = crm.truth.take(np.random.default_rng(1).permutation(crm.truth.num_rows))
    looks, truth = looks_from(export.full, shuffled, export.past.data_end)
    ids = export.full.leads["lead_id"].to_pylist()
    by_look = {
        (ids[lead], as_of): (hot, warm)
        for lead, as_of, hot, warm in zip(
            looks.lead, looks.as_of, truth["hot"], truth["warm"], strict=True
        )
    }
    expected = {
        (row["lead_id"], round(row["as_of"].timestamp() * 1_000_000)): (
            row["hot_probability"],
            row["warm_probability"],
        )
        for row in crm.truth.to_pylist()
        if row["as_of"].timestamp() * 1_000_000 >= export.past.data_end
    }
    assert by_look == expected
    assert len(looks) == len(expected) > 100
    for name in ("hot", "warm"):
        np.testing.assert_array_equal(truth[name], export.truth[name])
    order = np.lexsort((looks.as_of, looks.lead))
    np.testing.assert_array_equal(order, np.arange(len(looks)))


def test_looks_reach_over_all_days_after_the_cut(export: CutExport) -> None:
    days = (export.looks.as_of - export.past.data_end) / MICROSECONDS_PER_DAY
    assert days.min() >= 0
    assert JUDGED_DAYS - 7 < days.max() <= JUDGED_DAYS
    created_at = microseconds(export.full.leads["created_at"])[export.looks.lead]
    assert (created_at < export.past.data_end).any()
    assert (created_at >= export.past.data_end).any()


def test_looks_at_leads_that_were_rejected_are_left_out(export: CutExport) -> None:
    crm = made_up_crm("chain", 400, 7)
    rejected = export.full.leads["lead_id"][int(export.looks.lead[0])]
    others = export.full.leads.filter(pc.not_equal(export.full.leads["lead_id"], rejected))
    tables = type(export.full)(
        **{
            name: getattr(export.full, name)
            for name in export.full.__dataclass_fields__
            if name != "leads"
        },
        leads=others,
    )
    looks, _ = looks_from(tables, crm.truth, export.past.data_end)
    gone = int((export.looks.lead == export.looks.lead[0]).sum())
    assert len(looks) == len(export.looks) - gone
    assert gone > 0


def test_the_pilot_says_how_many_leads_a_number_of_conversions_takes() -> None:
    rate = pilot_rate("chain")
    assert rate == cut_export("chain", 2_000, PILOT_SEED).conversions / 2_000
    leads = leads_for("chain", 150)
    assert leads == round(150 / rate)
    # Both draws have their chance: 4 standard deviations of about 12 and of 150 / 216 of it.
    assert abs(cut_export("chain", leads, 5).conversions - 150) < 4 * np.hypot(12.3, 150 / 14.7)


def test_a_pilot_grows_until_the_rate_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    class Rare:
        def __init__(self, leads: int) -> None:
            self.conversions = leads // 200

    def rare(world: str, leads: int, seed: int, knobs: Knobs) -> Rare:
        drawn.append((leads, seed))
        return Rare(leads)

    monkeypatch.setattr(worlds_export, "cut_export", rare)
    assert worlds_export.pilot_rate.__wrapped__("chain", Knobs()) == pytest.approx(1 / 200)
    assert drawn == [(2_000, 0), (8_000, 0), (32_000, 0)]
    monkeypatch.setattr(Rare, "__init__", lambda self, leads: setattr(self, "conversions", 3))
    with pytest.raises(ValueError, match="3 had converted"):
        worlds_export.pilot_rate.__wrapped__("chain", Knobs())


def test_truth_is_told_in_columns_of_the_horizons(export: CutExport) -> None:
    assert isinstance(export.full.leads, pa.Table)
    assert (export.truth["hot"] <= export.truth["warm"]).all()
    assert export.truth["hot"].max() > 2 * export.truth["hot"].mean()
