"""A difference between two predictors is told with its luck, and leads are drawn, not rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import log_loss, roc_auc_score

from models.calibration import sigmoid
from training.statistics.paired import (
    AUC,
    LOG_LOSS,
    Metric,
    lead_resamples,
    paired_difference,
    paired_differences,
)


def drawn(rows: int, seed: int, leads: int | None = None):
    """Outcomes, leads and the truth they were drawn from."""
    random = np.random.default_rng(seed)
    truth = sigmoid(random.normal(-2, 1.2, rows))
    lead = np.arange(rows) if leads is None else random.integers(leads, size=rows)
    return random.random(rows) < truth, lead, truth


@given(
    hnp.arrays(np.float64, 40, elements=st.sampled_from([0.0, 0.1, 0.1001, 0.5, 0.9, 1.0])),
    hnp.arrays(np.float64, 40, elements=st.integers(0, 4).map(float)),
    hnp.arrays(np.bool_, 40),
)
def test_weighted_figures_are_those_of_scikit_learn(probability, weight, converted) -> None:
    area = AUC.prepare(converted, probability)(weight)
    loss = LOG_LOSS.prepare(converted, probability)(weight)
    if (weight * converted).sum() and (weight * ~converted).sum():
        known = roc_auc_score(converted, probability, sample_weight=weight)
        assert area == pytest.approx(known)
    else:
        assert np.isnan(area)
    if weight.sum():
        labels = [False, True]
        known = log_loss(converted, probability, sample_weight=weight, labels=labels)
        assert loss == pytest.approx(known)
    else:
        assert np.isnan(loss)


@pytest.mark.parametrize("metric", [AUC, LOG_LOSS])
def test_differences_are_those_of_whole_leads_drawn_again(metric) -> None:
    """Each replicate is built row by row and judged by scikit-learn."""
    converted, lead, truth = drawn(240, 11, leads=50)
    rival = np.clip(truth * np.random.default_rng(12).uniform(0.4, 1.6, 240), 0.001, 0.999)
    figure = roc_auc_score if metric is AUC else lambda c, p: -log_loss(c, p, labels=[0, 1])
    draws, unique_leads = np.random.default_rng(7), np.unique(lead)
    differences = []
    for _ in range(80):
        chosen = unique_leads[draws.integers(len(unique_leads), size=len(unique_leads))]
        rows = np.concatenate([np.flatnonzero(lead == one) for one in chosen])
        differences.append(
            figure(converted[rows], truth[rows]) - figure(converted[rows], rival[rows])
        )
    found = paired_difference(metric, converted, lead, truth, rival, seed=7, replicates=80)
    assert found is not None
    assert found.advantage == pytest.approx(figure(converted, truth) - figure(converted, rival))
    low, high = np.quantile(differences, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high))
    signs = np.sign(np.round(differences, 12))
    assert found.wins == pytest.approx((signs > 0).mean() + (signs == 0).mean() / 2)


def test_a_predictor_is_never_better_than_itself() -> None:
    converted, lead, truth = drawn(500, 1)
    for metric in (AUC, LOG_LOSS):
        found = paired_difference(metric, converted, lead, truth, truth, seed=1)
        assert found is not None
        assert (found.advantage, found.low, found.high, found.wins) == (0.0, 0.0, 0.0, 0.5)
        assert not found.surely_better
        assert not found.surely_worse


def test_the_better_one_is_told_whichever_way_the_metric_points() -> None:
    converted, lead, truth = drawn(4_000, 2)
    worse = sigmoid(np.random.default_rng(3).normal(-2, 1.2, len(truth)))
    for metric in (AUC, LOG_LOSS):
        found = paired_difference(metric, converted, lead, truth, worse, seed=1)
        back = paired_difference(metric, converted, lead, worse, truth, seed=1)
        assert found is not None
        assert back is not None
        assert found.surely_better
        assert found.wins == 1.0
        assert back.surely_worse
        assert back.advantage == -found.advantage
        assert back.low == pytest.approx(-found.high)


def test_intervals_hold_the_true_difference_about_nineteen_times_of_twenty() -> None:
    """Rows of a lead are copies of one draw: only an interval that draws leads can hold it."""
    inside, leads, copies = 0, 600, 4
    for seed in range(100):
        random = np.random.default_rng(seed)
        margin = random.normal(-1, 1, leads)
        truth = np.repeat(sigmoid(margin), copies)
        other = np.repeat(sigmoid(margin + random.normal(0, 0.5, leads)), copies)
        converted = np.repeat(random.random(leads) < truth[::copies], copies)
        lead = np.repeat(np.arange(leads), copies)
        found = paired_difference(LOG_LOSS, converted, lead, truth, other, seed=seed)
        gains = truth * np.log(truth / other) + (1 - truth) * np.log((1 - truth) / (1 - other))
        assert found is not None
        inside += found.low <= gains.mean() <= found.high
    assert 88 <= inside <= 100


def test_counting_rows_in_place_of_leads_would_feign_certainty() -> None:
    converted, lead, truth = drawn(300, 5)
    arrays = [np.repeat(one, 10) for one in (converted, lead, truth, np.full(300, 0.1))]
    by_lead = paired_difference(AUC, *arrays, seed=1)
    by_row = paired_difference(AUC, arrays[0], np.arange(3_000), *arrays[2:], seed=1)
    once = paired_difference(AUC, converted, lead, truth, np.full(300, 0.1), seed=1)
    assert by_lead is not None
    assert by_row is not None
    assert by_lead.high - by_lead.low > 2.5 * (by_row.high - by_row.low)
    assert by_lead == once


def test_all_rows_of_a_lead_are_drawn_together() -> None:
    lead = np.array([7, 7, 3, 3, 3, 9])
    for weight in lead_resamples(lead, 50, seed=1):
        assert weight[0] == weight[1]
        assert weight[2] == weight[3] == weight[4]
        assert weight[0] + weight[2] + weight[5] == 3


def test_the_seed_decides_and_rivals_do_not_disturb_each_other() -> None:
    converted, lead, truth = drawn(400, 8)
    rivals = {"half": np.full(400, 0.5), "square": truth**2}
    together = paired_differences(LOG_LOSS, converted, lead, truth, rivals, seed=4)
    for name, rival in rivals.items():
        alone = paired_difference(LOG_LOSS, converted, lead, truth, rival, seed=4)
        assert together[name] == alone
    assert together != paired_differences(LOG_LOSS, converted, lead, truth, rivals, seed=5)


def test_what_cannot_be_told_is_none() -> None:
    nothing = np.empty(0)
    assert paired_difference(AUC, nothing > 0, nothing.astype(int), nothing, nothing, 1) is None
    never = np.zeros(30, bool)
    guesses = np.linspace(0.1, 0.9, 30)
    assert paired_difference(AUC, never, np.arange(30), guesses, guesses**2, 1) is None
    one_lead = np.zeros(30, np.int64)
    assert paired_difference(LOG_LOSS, never, one_lead, guesses, guesses**2, 1) is None


def test_predictors_of_other_rows_are_refused() -> None:
    converted, lead, truth = drawn(10, 1)
    with pytest.raises(ValueError, match="10 outcomes, 9 of newest first"):
        paired_differences(AUC, converted, lead, truth, {"newest first": truth[:9]}, seed=1)


def test_any_figure_of_outcomes_probabilities_and_weights_can_be_compared() -> None:
    brier = Metric("Brier", lambda c, p: lambda w: float(w @ (p - c) ** 2 / w.sum()), False)
    converted, lead, truth = drawn(3_000, 6)
    found = paired_difference(brier, converted, lead, truth, np.full(3_000, 0.5), seed=1)
    assert found is not None
    assert found.surely_better
