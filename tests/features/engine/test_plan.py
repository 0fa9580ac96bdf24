import numpy as np
import pytest
from hypothesis import given

from features.engine.plan import compile_plan
from features.engine.questions import WEIGHT_SCALE
from features.language.kinds import Count, Decayed, Gap, LeadAge, Rate, Selection, Total
from features.language.spec import Spec
from tests.support.histories import specs


def test_features_share_their_questions() -> None:
    spec = Spec(
        (Gap(Selection(), "mean"), Gap(Selection(), "spread"), Gap(Selection(), "relative"))
    )
    plan = compile_plan(spec)
    assert len(plan.sums.summand) == 3
    assert len(plan.latest_of) == 1


@given(specs)
def test_every_feature_stands_in_one_group_and_finds_its_row(spec: Spec) -> None:
    plan = compile_plan(spec)
    grouped = [feature for group in plan.groups for feature in group.features]
    assert [grouped[row] for row in plan.rows] == list(spec.features)
    assert sorted(plan.rows.tolist()) == list(range(len(spec.features)))


@given(specs)
def test_sums_of_all_history_stand_before_windowed_ones(spec: Spec) -> None:
    sums = compile_plan(spec).sums
    assert (sums.subtracted[: sums.windowed] == 1).all()
    assert (sums.subtracted[sums.windowed :] >= 2).all()
    assert sorted(set(sums.days.tolist())) == sums.days.tolist()
    assert set(sums.subtracted[sums.windowed :] - 2) == set(range(len(sums.days)))
    rows = [row for places, _ in sums.summands.values() for row in places.tolist()]
    assert sorted(rows) == list(range(sums.summand_count))


def test_a_count_and_a_rate_of_one_window_are_one_sum() -> None:
    calls = Selection(kind=("call",))
    plan = compile_plan(Spec((Count(calls, 7), LeadAge(), Rate(calls, 7), Count(Selection(), 7))))
    assert plan.selections == (calls, Selection())
    assert len(plan.sums.summand) == 2
    count, rate = (
        next(group for group in plan.groups if isinstance(group.features[0], kind))
        for kind in (Count, Rate)
    )
    assert count.answers[0][0] == rate.answers[0][0]
    assert rate.answers[1].tolist() == [7]
    assert plan.sums.days.tolist() == [7]


def test_a_total_is_scaled_back_to_units() -> None:
    spec = Spec((Total(Selection(), "minutes", 7),), measures=("minutes",))
    assert compile_plan(spec).groups[0].answers[1].tolist() == [10_000]


@pytest.mark.parametrize("half_life_days", [1, 7, 30, 365])
def test_weights_halve_with_every_half_life(half_life_days: int) -> None:
    (fading,) = compile_plan(Spec((Decayed(Selection(), half_life_days),))).fading
    weights = fading.weights
    hours = np.arange(len(weights) - 1)
    expected = WEIGHT_SCALE * 0.5 ** (hours / (24 * half_life_days))
    assert weights[0] == WEIGHT_SCALE
    assert weights[24 * half_life_days] == WEIGHT_SCALE // 2
    assert np.abs(weights[:-1] - expected).max() < 0.51
    assert weights[-1] == 0
    assert expected[-1] * 0.5 ** (1 / (24 * half_life_days)) < 0.5  # the next one would be nothing
