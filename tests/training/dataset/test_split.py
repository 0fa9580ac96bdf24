"""No row is learned from before its label was known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import Spine, microseconds
from features.tables import Tables
from tests.support.tables import tables_of
from training.config import SnapshotSettings, SplitSettings
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import (
    LOST,
    ROLLING_ORIGINS,
    default_test_from,
    leads_apart,
    only_base_rate,
    require_conversions,
    time_split,
)


def daily(days: int, horizon: int) -> tuple[Spine, Labels]:
    as_of = np.arange(days, dtype=np.int64) * DAY
    mature = as_of + horizon * DAY <= days * DAY
    return Spine(np.arange(days), as_of), Labels(horizon, np.zeros(days, bool), mature)


@given(
    st.integers(1, 30),
    st.integers(100, 400),
    st.floats(0.05, 0.8),
    st.floats(0.1, 0.9),
)
def test_every_label_that_is_learned_from_ended_before_the_next_period(
    horizon: int, days: int, calibrate_share: float, at: float
) -> None:
    spine, labels = daily(days, horizon)
    test_from = min(round(max(horizon + 1, at * days)), days - horizon - 1) * DAY
    split = time_split(spine, labels, SplitSettings(calibrate_share=calibrate_share), test_from)
    gap = horizon * DAY
    assert not np.any(split.fit & split.calibrate | split.calibrate & split.test)
    assert np.all(spine.as_of[split.fit] + gap < split.calibrate_from)
    assert np.all(spine.as_of[split.calibrate] >= split.calibrate_from)
    assert np.all(spine.as_of[split.calibrate] + gap < split.test_from)
    assert np.all(spine.as_of[split.test] >= split.test_from)
    assert np.all(labels.mature[split.fit | split.calibrate | split.test])
    assert split.origins[0] == split.calibrate_from
    assert len(split.origins) == ROLLING_ORIGINS
    assert np.all(np.diff([*split.origins, test_from]) > 0)


def test_too_short_an_export_says_what_is_missing() -> None:
    spine, labels = daily(80, 30)
    with pytest.raises(
        ValueError, match=r"only 29\.0 days lie between the first look and the test"
    ):
        time_split(spine, labels, SplitSettings(), 29 * DAY)


def test_where_no_time_is_left_for_two_gaps_there_are_origins_all_the_same() -> None:
    spine, labels = daily(100, 30)
    split = time_split(spine, labels, SplitSettings(), 45 * DAY)
    assert split.refit.any()
    assert split.test.any()
    assert not split.calibrate.any()
    assert split.origins[0] >= 30 * DAY


def test_the_longest_horizon_places_the_origins_of_all() -> None:
    spine, short = daily(400, 10)
    _, long = daily(400, 60)
    one, other = (
        time_split(spine, each, SplitSettings(), 300 * DAY, longest_days=60)
        for each in (short, long)
    )
    assert one.origins == other.origins
    assert one.calibrate.sum() > other.calibrate.sum()


def test_the_default_test_period_leaves_time_for_the_warm_horizon() -> None:
    spine, _ = daily(400, 30)
    test_from = default_test_from(spine, 400 * DAY, warm_days=90, share=0.2)
    assert test_from == (310 - 62) * DAY


@pytest.mark.parametrize("day", [-500, 0, 30, 371, 400, 20_000])
def test_a_configured_test_period_that_cannot_be_is_refused_with_those_that_can(day: int) -> None:
    spine, labels = daily(400, 30)
    test_from = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    settings = SplitSettings(test_from=test_from)
    with pytest.raises(ValueError, match=r"\[split\] test_from = ") as caught:
        time_split(spine, labels, settings, day * DAY)
    told = str(caught.value)
    assert f"test_from = {test_from.isoformat()}" in told
    assert "after 1970-01-31T00:00:00+00:00 and no later than 1971-01-06T00:00:00+00:00" in told


@pytest.mark.parametrize("day", [31, 370])
def test_the_first_and_the_last_test_period_that_can_be_are_taken(day: int) -> None:
    spine, labels = daily(400, 30)
    settings = SplitSettings(test_from=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day))
    assert time_split(spine, labels, settings, day * DAY).test.any()


def test_a_single_known_conversion_is_trained_with_and_ten_are_learned_from() -> None:
    spine, labels = daily(400, 30)
    split = time_split(spine, labels, SplitSettings(), 300 * DAY)
    before_test = np.flatnonzero(split.refit)
    for count, base_rate_only in ((1, True), (9, True), (10, False)):
        converting = Labels(30, np.isin(np.arange(400), before_test[:count]), labels.mature)
        require_conversions(split, converting, spine.lead)
        assert only_base_rate(split, converting, spine.lead) == base_rate_only


@pytest.mark.parametrize(
    ("converted", "told"),
    [
        (False, r"0 of \d+ leads are known to have converted within 30 days.*converted_at"),
        (True, r"all \d+ leads whose outcome is known converted within 30 days.*did not buy"),
    ],
    ids=["none", "all"],
)
def test_without_both_outcomes_nothing_is_trained_and_the_way_out_is_told(
    converted: bool, told: str
) -> None:
    spine, labels = daily(400, 30)
    split = time_split(spine, labels, SplitSettings(), 300 * DAY)
    same = Labels(30, np.full(400, converted), labels.mature)
    with pytest.raises(ValueError, match=told):
        require_conversions(split, same, spine.lead)


@given(st.integers(0, 2**32), st.integers(3, 20))
def test_of_a_lead_that_is_looked_at_in_two_periods_no_purchase_is_learned_before(
    seed: int, days: int
) -> None:
    """Its labels that had ended say "not yet", whatever becomes of it: no fate leaks."""
    random = np.random.default_rng(seed)
    created = random.uniform(0, 250, 80)
    ends = created + random.exponential(40, 80)
    how = random.choice(["converted_at", "closed_at"], 80)
    tables = tables_of(
        [
            {"lead_id": f"{i}", "created_at": created[i], how[i]: ends[i]}
            if ends[i] <= 300
            else {"lead_id": f"{i}", "created_at": created[i]}
            for i in range(80)
        ],
        end_day=300,
    )
    settings = SnapshotSettings(every_days=2, until_days=90)
    spine = snapshots(tables, settings)
    found = labels(tables, spine, days)
    split = time_split(spine, found, SplitSettings(), 200 * DAY)
    lead, buys = spine.lead, found.converted
    assume(np.isin(lead[split.refit], lead[split.test]).any())  # Of few draws no lead lives on.
    assert not np.isin(lead[split.refit & buys], lead[split.test]).any()
    assert not np.isin(lead[split.fit & buys], lead[split.calibrate]).any()


UNTIL = 60


def lives(leads: int, seed: int, days: int = 400) -> tuple[Tables, Spine, Labels]:
    """Leads created all along, each looked at every fifth day until it ends or is too old."""
    random = np.random.default_rng(seed)
    created = random.uniform(0, days, leads)
    tables = tables_of(
        [{"lead_id": f"{seed}-{i}", "created_at": day} for i, day in enumerate(created)],
        end_day=days,
    )
    ends = np.minimum(created + random.exponential(40, leads), days)
    steps = np.arange(0, UNTIL + 1, 5)
    at = created[:, None] + steps
    lead, step = np.nonzero(at <= ends[:, None])
    as_of = np.rint(created[lead] * DAY).astype(np.int64) + steps[step] * DAY
    mature = as_of + 10 * DAY <= days * DAY
    return tables, Spine(lead, as_of), Labels(10, np.zeros(len(lead), bool), mature)


@given(st.integers(0, 20), st.integers(120, 380))
def test_apart_no_lead_has_looks_in_two_periods(seed: int, test_from: int) -> None:
    tables, spine, labels = lives(300, seed)
    split = time_split(spine, labels, SplitSettings(), test_from * DAY)
    found = leads_apart(split, tables, spine, UNTIL)
    own = [set(spine.lead[rows]) for rows in (found.fit, found.calibrate, found.test)]
    assert not own[0] & own[1]
    assert not own[1] & own[2]
    assert not own[0] & own[2]
    assert not set(spine.lead[found.refit]) & own[2]
    for rows in (found.fit, found.calibrate):
        assert not (rows & ~found.refit).any()
    assert not set(spine.lead[found.fit_eligible & (spine.as_of < split.calibrate_from)]) & own[1]
    assert not set(spine.lead[found.refit_eligible & (spine.as_of < split.test_from)]) & own[2]
    kept = int((found.refit | found.test).sum())
    assert found.left_out == int((split.refit | split.test).sum()) - kept


def test_apart_which_period_is_a_leads_own_does_not_depend_on_what_became_of_it() -> None:
    tables, spine, labels = lives(2_000, seed=1)
    split = time_split(spine, labels, SplitSettings(), 300 * DAY)
    whole = leads_apart(split, tables, spine, UNTIL)
    first = np.unique(spine.lead, return_index=True)[1]
    few = Spine(spine.lead[first], spine.as_of[first])
    names = ("fit", "calibrate", "test", "refit", "fit_eligible", "refit_eligible")
    of_few = replace(split, **{name: getattr(split, name)[first] for name in names})
    short = leads_apart(of_few, tables, few, UNTIL)
    for name in names:
        assert np.array_equal(getattr(short, name), getattr(whole, name)[first])


def test_apart_the_judged_leads_are_as_old_as_those_that_live_then() -> None:
    tables, spine, labels = lives(12_000, seed=2)
    split = time_split(spine, labels, SplitSettings(), 300 * DAY)
    found = leads_apart(split, tables, spine, UNTIL)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age = (spine.as_of - created_at) / DAY
    assert age[found.test].mean() == pytest.approx(age[split.test].mean(), rel=0.05)


@pytest.mark.parametrize("test_from", [150, 300])
def test_apart_little_is_lost_to_learn_from(test_from: int) -> None:
    tables, spine, labels = lives(12_000, seed=3)
    split = time_split(spine, labels, SplitSettings(), test_from * DAY)
    found = leads_apart(split, tables, spine, UNTIL)
    learned, left = (len(np.unique(spine.lead[one.refit])) for one in (split, found))
    assert (1 - 1.3 * LOST) * learned < left < learned


def test_apart_where_no_lead_lives_on_nothing_is_left_out() -> None:
    created = np.r_[np.arange(0.0, 90), np.arange(100.0, 190), np.arange(200.0, 290)]
    rows = [{"lead_id": str(i), "created_at": day} for i, day in enumerate(created)]
    tables = tables_of(rows, end_day=400)
    spine = Spine(np.arange(len(created)), np.rint(created * DAY).astype(np.int64))
    never = np.zeros(len(created), bool)
    labels = Labels(5, never, ~never)
    split = time_split(spine, labels, SplitSettings(calibrate_share=0.5), 195 * DAY)
    found = leads_apart(split, tables, spine, until_days=2)
    assert found.left_out == 0
    assert np.array_equal(found.test, split.test)
    assert np.array_equal(found.refit, split.refit)


def test_one_lead_from_long_before_moves_neither_origins_nor_test() -> None:
    spine, outcomes = daily(400, 30)
    old = Spine(np.append(spine.lead, 10_000), np.append(spine.as_of, -9_000 * DAY))
    with_old = Labels(30, np.append(outcomes.converted, False), np.append(outcomes.mature, True))
    test_from = default_test_from(spine, 400 * DAY, 30, 0.3)
    assert default_test_from(old, 400 * DAY, 30, 0.3) == test_from
    split = time_split(spine, outcomes, SplitSettings(), test_from)
    moved = time_split(old, with_old, SplitSettings(), test_from)
    assert moved.origins == split.origins
    assert np.array_equal(moved.test[:-1], split.test)
    assert np.array_equal(moved.fit[:-1], split.fit)
    assert moved.fit[-1]
