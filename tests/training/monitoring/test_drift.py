"""Expected figures by plain loops, and what a change of the leads does to them."""

import itertools
import math

import numpy as np
import pytest

from training.monitoring.drift import CbpeWatch, drift, expected_auc, expected_figures


def test_the_expected_auc_is_that_of_a_plain_loop_over_pairs() -> None:
    probability = np.round(np.random.default_rng(1).random(30), 1)
    ordered = total = 0.0
    for buyer, other in itertools.product(probability, probability):
        weight = buyer * (1 - other)
        total += weight
        ordered += weight * (1.0 if buyer > other else 0.5 if buyer == other else 0.0)
    assert expected_auc(probability) == pytest.approx(ordered / total)


def test_expected_figures_are_those_that_outcomes_bring() -> None:
    random = np.random.default_rng(2)
    probability = random.beta(1, 6, 40_000)
    converted = random.random(len(probability)) < probability
    figures = expected_figures(probability)
    loss = -np.where(converted, np.log(probability), np.log1p(-probability)).mean()
    assert figures.rate == pytest.approx(converted.mean(), abs=0.006)
    assert figures.log_loss == pytest.approx(loss, abs=0.01)
    ranks = np.argsort(np.argsort(probability))
    positives = converted.sum()
    auc = (
        (ranks[converted].sum() - positives * (positives - 1) / 2) / positives / (~converted).sum()
    )
    assert figures.auc == pytest.approx(auc, abs=0.01)


def test_without_answers_no_figure_is_a_number() -> None:
    figures = expected_figures(np.array([]))
    assert all(math.isnan(one) for one in (figures.rate, figures.auc, figures.log_loss))
    assert math.isnan(expected_auc(np.zeros(3)))


def test_other_leads_are_weighed_by_what_they_do_to_what_is_expected() -> None:
    """Twice as many of a channel that buys three times as often; another kind tells nothing."""
    channel = np.array(["web"] * 60 + ["call"] * 20 + ["web"] * 40 + ["call"] * 40)
    owner = np.tile(["Ann", "Bo"], 80)
    probability = np.where(channel == "call", 0.3, 0.1)
    latest = np.arange(160) >= 80
    change = drift(probability, np.arange(160), latest, {"owner": owner, "channel": channel})
    assert change is not None
    assert [mix.kind for mix in change.mixes] == ["channel", "owner"]
    assert change.mixes[0].effect == pytest.approx(0.25 * 0.2)
    assert change.mixes[1].effect == pytest.approx(0)
    assert change.mixes[0].share_latest - change.mixes[0].share_earlier == pytest.approx(
        0.25 if change.mixes[0].group == "call" else -0.25
    )
    assert change.latest.rate - change.earlier.rate == pytest.approx(0.05)
    assert change.rate_low < 0.05 < change.rate_high


def test_a_new_group_has_the_rate_of_its_own_looks() -> None:
    channel = np.array(["web"] * 10 + ["web"] * 5 + ["fair"] * 5)
    probability = np.array([0.1] * 15 + [0.5] * 5)
    change = drift(probability, np.arange(20), np.arange(20) >= 10, {"channel": channel})
    assert change is not None
    assert (change.mixes[0].group, change.mixes[0].share_earlier) == ("fair", 0)
    assert change.mixes[0].effect == pytest.approx(0.5 * 0.4)


def test_many_looks_of_one_person_are_no_more_evidence_than_one() -> None:
    random = np.random.default_rng(3)
    probability = random.random(80)
    latest = np.arange(80) >= 40
    alone = drift(probability, np.arange(80), latest, {})
    repeated = drift(
        np.repeat(probability, 9), np.repeat(np.arange(80), 9), np.repeat(latest, 9), {}
    )
    assert alone is not None
    assert repeated is not None
    assert (repeated.rate_low, repeated.rate_high) == pytest.approx(
        (alone.rate_low, alone.rate_high)
    )
    half_width = 1.959963984540054 * math.sqrt(
        sum(probability[period].var() / 40 for period in (latest, ~latest))
    )
    assert (alone.rate_high - alone.rate_low) / 2 == pytest.approx(half_width)


@pytest.mark.parametrize("latest", [True, False])
def test_one_period_alone_has_not_changed(latest: bool) -> None:
    assert drift(np.array([0.1, 0.2]), np.arange(2), np.full(2, latest), {}) is None


def test_the_limits_are_three_deviations_to_each_side() -> None:
    watch = CbpeWatch.of(np.array([0.7, 0.8, math.nan]))
    assert (watch.low, watch.high) == pytest.approx((0.6, 0.9))
    assert watch.rings(0.59)
    assert watch.rings(0.91)
    assert not watch.rings(0.89)
    assert not watch.rings(math.nan)
