"""Figures that are what they say, and intervals that are wide where little is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.bands import Bands
from models.horizon import Scores
from training.statistics.figures import (
    JudgedRows,
    auc_interval,
    band_results,
    figures,
    figures_by_age,
    observed_rate,
    reliability_bins,
)
from training.statistics.intervals import wilson_interval


def judged(converted: np.ndarray, lead: np.ndarray | None = None) -> JudgedRows:
    rows = len(converted)
    return JudgedRows(converted, np.arange(rows) if lead is None else lead, np.zeros(rows))


def calibrated(rows: int = 20_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = random.beta(0.5, 6, rows)
    return probability, random.random(rows) < probability


def test_figures_of_a_hand_made_case() -> None:
    converted = np.array([True] * 10 + [False] * 10)
    probability = np.concatenate([np.full(10, 0.8), np.full(10, 0.4)])
    found = figures(converted, probability)
    assert found.auc == 1.0
    assert found.brier == pytest.approx((0.2**2 + 0.4**2) / 2)
    assert found.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)


def test_figures_are_those_of_plain_loops() -> None:
    random = np.random.default_rng(3)
    probability = random.integers(1, 20, 80) / 20
    converted = random.random(80) < probability
    pairs = [(p, q) for p in probability[converted] for q in probability[~converted]]
    in_order = sum((p > q) + 0.5 * (p == q) for p, q in pairs)
    levels = sorted(set(probability), reverse=True)
    precision, recall_before = 0.0, 0.0
    for level in levels:
        called = probability >= level
        recall = (called & converted).sum() / converted.sum()
        precision += (recall - recall_before) * (called & converted).sum() / called.sum()
        recall_before = recall
    found = figures(converted, probability)
    assert found.auc == pytest.approx(in_order / len(pairs))
    assert found.average_precision == pytest.approx(precision)
    assert found.brier == pytest.approx(
        sum((p - c) ** 2 for p, c in zip(probability, converted, strict=True)) / 80
    )


def test_too_few_conversions_give_no_auc() -> None:
    converted = np.array([True] * 9 + [False] * 100)
    assert figures(converted, np.linspace(0, 1, 109)).auc is None
    assert figures(np.empty(0, bool), np.empty(0)).log_loss is None


def test_an_interval_counts_leads_and_not_rows() -> None:
    converted = np.tile([True, False, False, False], 25)
    each_its_own = observed_rate(judged(converted), np.full(100, 0.25))
    four_leads = observed_rate(judged(converted, np.arange(100) % 4), np.full(100, 0.25))
    assert each_its_own is not None
    assert four_leads is not None
    assert each_its_own.observed == four_leads.observed == 0.25
    assert four_leads.high - four_leads.low > 3 * (each_its_own.high - each_its_own.low)


def test_reliability_covers_every_row_once_and_holds_for_true_probabilities() -> None:
    probability, converted = calibrated()
    bins = reliability_bins(judged(converted), probability)
    assert len(bins) == 10
    assert sum(one.rows for one in bins) == len(probability)
    inside = sum(one.low <= one.predicted <= one.high for one in bins)
    assert inside >= 8
    skewed = reliability_bins(judged(converted), np.minimum(1.0, 1.5 * probability))
    assert sum(one.low <= one.predicted <= one.high for one in skewed) <= 4


def test_equal_probabilities_are_one_bin() -> None:
    bins = reliability_bins(judged(np.array([True] * 20 + [False] * 80)), np.full(100, 0.2))
    assert [(one.rows, one.positives) for one in bins] == [(100, 20)]


def test_the_auc_interval_holds_the_auc_and_widens_with_fewer_leads() -> None:
    probability, converted = calibrated(4_000)
    many = auc_interval(judged(converted), probability, seed=1)
    few = auc_interval(judged(converted, np.arange(4_000) % 60), probability, seed=1)
    auc = figures(converted, probability).auc
    assert many is not None
    assert few is not None
    assert auc is not None
    assert many[0] < auc < many[1]
    assert many == auc_interval(judged(converted), probability, seed=1)


def test_the_auc_interval_is_that_of_whole_leads_drawn_again() -> None:
    random = np.random.default_rng(4)
    lead = random.integers(0, 40, 300)
    probability = random.random(300)
    converted = random.random(300) < probability
    draws, replicates = np.random.default_rng(9), []
    unique_leads = np.unique(lead)
    for _ in range(60):
        chosen = unique_leads[draws.integers(len(unique_leads), size=len(unique_leads))]
        rows = np.concatenate([np.flatnonzero(lead == one) for one in chosen])
        replicates.append(roc_auc_score(converted[rows], probability[rows]))
    calls: list[tuple[int, int]] = []
    found = auc_interval(
        judged(converted, lead), probability, 9, 60, lambda *call: calls.append(call)
    )
    assert found == pytest.approx(tuple(np.quantile(replicates, [0.025, 0.975])))
    assert calls == [(i, 60) for i in range(1, 61)]


def test_a_bin_says_what_its_rows_promised_and_what_happened() -> None:
    probability, converted = calibrated(2_000, seed=5)
    lead = np.arange(2_000) // 3
    order = np.argsort(probability)
    bins = reliability_bins(judged(converted, lead), probability, bins=4)
    for part, group in zip(np.array_split(order, 4), bins, strict=True):
        assert group.rows == len(part)
        assert group.positives == converted[part].sum()
        assert group.leads == len(set(lead[part]))
        assert group.predicted == pytest.approx(probability[part].mean())
        assert group.observed == pytest.approx(converted[part].mean())
        assert (group.low, group.high) == wilson_interval(group.observed, group.leads)
    assert observed_rate(judged(np.empty(0, bool)), np.empty(0)) is None


def test_ages_are_half_open_and_complete() -> None:
    ages = np.array([0.0, 0.99, 1.0, 6.9, 7.0, 400.0])
    found = figures_by_age(JudgedRows(np.zeros(6, bool), np.arange(6), ages), np.zeros(6), seed=1)
    assert [(g.from_days, g.to_days, g.rows) for g in found] == [
        (0, 1, 2),
        (1, 3, 1),
        (3, 7, 1),
        (7, 14, 1),
        (120, 400, 1),
    ]


def test_an_age_is_told_with_the_interval_of_its_own_leads() -> None:
    random = np.random.default_rng(1)
    probability = random.uniform(size=900)
    converted = random.uniform(size=900) < probability
    ages = np.repeat([0.5, 10.0], [200, 700])
    young, older = figures_by_age(JudgedRows(converted, np.arange(900), ages), probability, seed=1)
    for group in (young, older):
        assert group.auc_low < group.auc < group.auc_high
    assert young.auc_high - young.auc_low > older.auc_high - older.auc_low


def test_band_results_keep_promise_and_result_apart() -> None:
    hot, warm = np.array([0.5, 0.4, 0.1, 0.1]), np.array([0.6, 0.5, 0.4, 0.1])
    sure = np.zeros(4, bool)
    scores = Scores(hot, warm, hot, hot, warm, warm, sure, Bands(0.3, 0.3).assign(hot, warm))
    results = band_results(
        scores,
        judged(np.array([True, False, False, False])),
        judged(np.array([True, True, True, False])),
        warm_mature=np.array([True, False, True, True]),
    )
    assert list(results) == ["hot", "warm", "cold"]
    assert results["hot"].rows == 2
    assert results["hot"].hot is not None
    assert (results["hot"].hot.predicted, results["hot"].hot.observed) == (0.45, 0.5)
    assert results["hot"].warm is not None
    assert results["hot"].warm.rows == 1
    assert results["warm"].rows == results["cold"].rows == 1
