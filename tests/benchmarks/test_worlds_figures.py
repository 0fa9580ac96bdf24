"""Every figure beside the truth, against plain loops and arrays made by hand."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.worlds_figures import (
    BandFigures,
    GroupFigures,
    band_figures,
    bearable_reach,
    excess_log_loss,
    expected_log_loss,
    group_figures,
    most_promising,
    prediction_figures,
    provable_reach,
    said_over_true,
)
from training.evaluation.reliability import Group
from training.statistics.figures import ObservedRate
from training.statistics.incidence import LEAST_LEADS

TRUTH = np.array([0.4, 0.1, 0.3, 0.0, 0.2])
LEAD = np.array([0, 0, 1, 2, 1])
SAID = np.array([0.5, 0.2, 0.2, 0.1, 0.1])


def test_the_expected_loss_is_the_mean_over_all_outcomes_that_there_could_be() -> None:
    losses = []
    for outcomes in itertools.product([0, 1], repeat=len(TRUTH)):
        chance = math.prod(t if y else 1 - t for y, t in zip(outcomes, TRUTH, strict=True))
        loss = [-math.log(p if y else 1 - p) for y, p in zip(outcomes, SAID, strict=True)]
        losses.append(chance * sum(loss) / len(loss))
    assert expected_log_loss(SAID, TRUTH) == pytest.approx(sum(losses), rel=1e-12)


def test_the_excess_is_the_mean_divergence_from_the_truth() -> None:
    divergence = 0.0
    for p, t in zip(SAID, TRUTH, strict=True):
        divergence += (t * math.log(t / p) if t else 0.0) + (1 - t) * math.log((1 - t) / (1 - p))
    assert excess_log_loss(SAID, TRUTH) == pytest.approx(divergence / len(TRUTH), rel=1e-12)
    assert excess_log_loss(TRUTH, TRUTH) == 0


def test_a_probability_of_nothing_costs_much_but_not_everything() -> None:
    assert 10 < expected_log_loss(np.array([0.0]), np.array([0.5])) < 30


def test_the_truth_has_no_excess_and_the_base_rate_one() -> None:
    truth = prediction_figures(TRUTH, TRUTH, base_rate=0.3)
    assert (truth.excess, truth.said_over_true, truth.said_over_true_top) == (0, 1, 1)
    base = prediction_figures(np.full(5, 0.3), TRUTH, base_rate=0.3)
    assert base.excess == pytest.approx(1)
    assert base.said_over_true == pytest.approx(0.3 / 0.2)
    # All are alike, so all are the top.
    assert base.said_over_true_top == pytest.approx(0.3 / 0.2)


def test_twice_the_divergence_is_twice_the_excess() -> None:
    half = prediction_figures(SAID, TRUTH, base_rate=0.25).excess
    by_hand = excess_log_loss(SAID, TRUTH) / excess_log_loss(np.full(5, 0.25), TRUTH)
    assert half == pytest.approx(by_hand)


def test_said_over_true_is_a_ratio_of_means() -> None:
    some = np.array([True, False, True, False, False])
    assert said_over_true(SAID, TRUTH, some) == pytest.approx((0.5 + 0.2) / (0.4 + 0.3))
    assert said_over_true(SAID, TRUTH, np.zeros(5, np.bool_)) is None


def test_the_top_is_counted_in_looks_and_never_tears_equal_ones_apart() -> None:
    probability = np.arange(1.0, 101.0) / 200
    assert np.flatnonzero(most_promising(probability, 0.02)).tolist() == [98, 99]
    assert np.flatnonzero(most_promising(probability, 0.021)).tolist() == [97, 98, 99]
    probability[:98] = probability[98]
    assert most_promising(probability, 0.02).all()
    assert most_promising(np.array([0.2, 0.1]), 0.02).tolist() == [True, False]


def test_what_an_order_bears_is_the_best_cut_through_it() -> None:
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        looks = int(random.integers(1, 12))
        order = random.integers(0, 6, looks) / 6
        truth = random.random(looks) ** 3 + 1e-3
        rate = float(random.random() * 0.6)
        reaches = [0.0]
        for line in order:
            inside = [t for t, place in zip(truth, order, strict=True) if place >= line]
            if sum(inside) / len(inside) >= rate:
                reaches.append(sum(inside) / sum(truth))
        refused += max(reaches) == 0
        assert bearable_reach(order, truth, rate) == pytest.approx(max(reaches))
    assert 20 < refused < 280


def test_an_order_may_bear_a_rate_further_down_that_it_does_not_bear_at_its_top() -> None:
    order, truth = np.array([0.9, 0.8, 0.1]), np.array([0.1, 0.7, 0.2])
    assert bearable_reach(order, truth, rate=0.4) == pytest.approx(0.8)


def test_what_can_be_shown_is_the_best_cut_whose_lower_bound_bears_the_rate() -> None:
    random = np.random.default_rng(2)
    smaller = 0
    for _ in range(300):
        looks = int(random.integers(1, 25))
        order, lead = random.integers(0, 12, looks) / 12, random.integers(0, 8, looks)
        truth = random.random(looks)
        rate = float(random.random() * 0.6)
        reaches = [0.0]
        for line in order:
            inside = order >= line
            variance = 0.0
            for one in set(lead[inside].tolist()):
                of_lead = truth[inside & (lead == one)]
                variance += sum(math.sqrt(t * (1 - t)) for t in of_lead) ** 2
            bound = (truth[inside].sum() - 1.2815515655446004 * math.sqrt(variance)) / inside.sum()
            if bound >= rate:
                reaches.append(truth[inside].sum() / truth.sum())
        shown = provable_reach(order, truth, lead, rate)
        assert shown == pytest.approx(max(reaches))
        smaller += shown < bearable_reach(order, truth, rate)
    assert 50 < smaller < 290


def test_the_bound_covers_in_90_of_100_draws_where_a_leads_looks_go_together() -> None:
    random = np.random.default_rng(5)
    truth = np.repeat(random.uniform(0.2, 0.6, 200), 5)
    lead = np.repeat(np.arange(200), 5)
    order = np.full(len(truth), 0.5)
    # The largest rate that all looks can be shown to bear is the bound itself.
    rates = np.linspace(0.2, 0.6, 4_001)
    bound = max(rate for rate in rates if provable_reach(order, truth, lead, float(rate)) > 0)
    error = truth.mean() - bound
    outcomes = random.random((4_000, 200)) < truth[::5]
    covered = (outcomes.mean(axis=1) - error <= truth.mean()).mean()
    assert abs(covered - 0.9) < 0.02


def test_a_bands_promise_is_about_it_alone_and_its_reach_about_hotter_ones_too() -> None:
    band = np.array([False, False, True, False, True])
    hotter = np.array([True, False, False, False, False])
    figures = band_figures(band, hotter, SAID, TRUTH, LEAD, promised=0.2)
    assert figures.looks == 2
    assert figures.true == pytest.approx(0.25)
    assert figures.said_over_true == pytest.approx(0.15 / 0.25)
    assert figures.reach == pytest.approx(0.9)
    # The mean truth of the first three of the order is .8 / 3, that of all five is .2.
    assert figures.bearable == pytest.approx(1.0)
    assert band_figures(band, hotter, SAID, TRUTH, LEAD, 0.21).bearable == pytest.approx(0.8)
    assert band_figures(band, hotter, SAID, TRUTH, LEAD, 0.21).reach_by_truth == pytest.approx(1.0)
    assert figures.provable == provable_reach(SAID, TRUTH, LEAD, 0.2) < figures.bearable
    assert figures.is_kept is True
    assert band_figures(band, hotter, SAID, TRUTH, LEAD, 0.2501).is_kept is False


def test_a_band_without_a_promise_or_without_looks_keeps_none() -> None:
    nobody = np.zeros(5, np.bool_)
    empty = band_figures(nobody, nobody, SAID, TRUTH, LEAD, promised=0.2)
    assert (empty.looks, empty.true, empty.said_over_true, empty.reach) == (0, None, None, 0)
    assert empty.is_kept is None
    silent = band_figures(~nobody, nobody, SAID, TRUTH, LEAD, promised=None)
    assert (silent.bearable, silent.provable, silent.reach_by_truth) == (None, None, None)
    assert silent.is_kept is None
    assert silent.reach == 1


@pytest.mark.parametrize(("true", "is_kept"), [(0.2, True), (0.199, False)])
def test_a_promise_is_kept_at_its_very_rate(true: float, is_kept: bool) -> None:
    assert BandFigures(10, 0.2, true, 1.0, 0.1, 0.2, 0.1, 0.3).is_kept is is_kept


def group_of(rate: float, leads: int = LEAST_LEADS) -> Group:
    """A group whose interval is from 0.1 to 0.2."""
    return Group("source", "x", 0.1, 0.2, ObservedRate(0.15, rate, 0, 1, 50, leads, 5), False)


def test_groups_are_held_by_closed_intervals_and_small_ones_are_not_judged() -> None:
    groups = [group_of(rate) for rate in (0.09, 0.1, 0.15, 0.2, 0.21, 0.5)]
    figures = group_figures([*groups, group_of(0.9, leads=LEAST_LEADS - 1)])
    assert figures == GroupFigures(groups=6, below=1, above=2)
    assert figures.held == pytest.approx(0.5)
    assert group_figures([]).held is None
