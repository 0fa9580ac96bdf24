"""Means over seeds and their intervals, against closed forms and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.worlds_figures import BandFigures, GroupFigures
from benchmarks.worlds_summary import (
    Count,
    comparison_of,
    excess_ratio,
    geometric_mean_of,
    mean_of,
    ratio_of_sums,
    summary_of,
)
from tests.support.world_runs import horizon_of, run_of


def test_the_interval_of_a_mean_is_students() -> None:
    values = [0.2, 0.5, 0.3, 0.9]
    estimate = mean_of([*values, None, math.nan])
    assert estimate is not None
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (estimate.mean, estimate.low, estimate.high, estimate.runs) == pytest.approx(
        (0.475, low, high, 4)
    )


def test_intervals_hold_the_mean_in_95_of_100_samples() -> None:
    random = np.random.default_rng(3)
    held = 0
    for sample in random.normal(2.0, 1.0, (2_000, 4)):
        estimate = mean_of(sample)
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 2.0 <= estimate.high
    # Four standard deviations of 2,000 draws are .0195: 90 or 99 % would be noticed.
    assert abs(held / 2_000 - 0.95) < 0.0195


def test_one_run_has_no_interval_and_none_no_mean() -> None:
    one = mean_of([None, 0.4])
    assert one is not None
    assert (one.mean, one.low, one.high) == (0.4, None, None)
    assert mean_of([None]) is None
    assert geometric_mean_of([None]) is None


def test_ratios_are_averaged_as_logarithms() -> None:
    estimate = geometric_mean_of([0.5, 2.0, 4.0])
    assert estimate is not None
    logs = mean_of([math.log(0.5), math.log(2.0), math.log(4.0)])
    assert logs is not None
    assert estimate.mean == pytest.approx(4 ** (1 / 3))
    assert (estimate.low, estimate.high) == pytest.approx(
        (math.exp(logs.low or 0), math.exp(logs.high or 0))
    )


def test_the_interval_of_a_ratio_of_sums_holds_it_in_95_of_100_samples() -> None:
    random = np.random.default_rng(4)
    held = 0
    for _ in range(2_000):
        second = random.uniform(0.5, 1.5, 10)
        first = 0.4 * second + random.normal(0, 0.05, 10)
        estimate = ratio_of_sums([*zip(first, second, strict=True), (9.0, None)])
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.runs == 10
        held += estimate.low <= 0.4 <= estimate.high
    # A ratio of ten pairs is a little biased: 1 in 100 is allowed for that.
    assert abs(held / 2_000 - 0.95) < 0.0195 + 0.01


def test_the_error_of_a_ratio_of_sums_is_the_published_one() -> None:
    first, second = [0.1, 0.3, 0.2], [0.4, 0.5, 0.6]
    ratio = 0.6 / 1.5
    residuals = [a - ratio * b for a, b in zip(first, second, strict=True)]
    variance = sum(residual**2 for residual in residuals) / 2 / 3 / 0.5**2
    estimate = ratio_of_sums(zip(first, second, strict=True))
    assert estimate is not None
    half = stats.t.ppf(0.975, 2) * math.sqrt(variance)
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx(
        (ratio, ratio - half, ratio + half)
    )


def test_a_ratio_of_sums_needs_something_to_divide_by() -> None:
    assert ratio_of_sums([]) is None
    assert ratio_of_sums([(0.3, None)]) is None
    assert ratio_of_sums([(0.3, 0.0)]) is None
    one = ratio_of_sums([(0.3, 0.4)])
    assert one is not None
    assert (one.mean, one.low, one.high) == (pytest.approx(0.75), None, None)


def test_the_interval_of_a_count_is_the_published_one() -> None:
    assert Count(18, 20).interval == pytest.approx((0.6830, 0.9877), abs=1e-4)
    assert Count(0, 0).interval == (0, 1)


def test_a_summary_takes_trainings_that_refused_out_of_all_but_the_peers_excess() -> None:
    runs = [
        run_of(seed=1, hot=horizon_of(0.2, peer_excess=0.4), processor_seconds=2.0),
        run_of(seed=2, hot=horizon_of(0.4, peer_excess=0.2), processor_seconds=4.0),
        run_of(seed=3, hot=horizon_of(None, peer_excess=0.9), refused="too few"),
    ]
    summary = summary_of(runs)
    assert (summary.runs, summary.refused) == (3, 1)
    assert summary.processor_seconds is not None
    assert summary.processor_seconds.mean == 3
    hot = summary.hot
    assert hot.excess is not None
    assert hot.peer_excess is not None
    assert hot.over_peer is not None
    assert hot.excess.mean == pytest.approx(0.3)
    assert hot.peer_excess.mean == pytest.approx(0.5)
    assert hot.over_peer.mean == pytest.approx(1.0)  # the geometric mean of 1/2 and 2
    assert hot.over_peer.runs == 2


def test_kept_promises_are_counted_among_those_that_were_made() -> None:
    kept = BandFigures(40, 0.2, 0.25, 1.1, 0.3, 0.4, 0.2, 0.6)
    broken = BandFigures(40, 0.3, 0.25, 1.1, 0.5, 0.5, 0.25, 0.6)
    nobody = BandFigures(0, None, None, None, 0.0, None, None, None)
    runs = [
        run_of(seed=seed, hot=horizon_of(0.2, band=band))
        for seed, band in enumerate((kept, broken, nobody))
    ]
    hot = summary_of(runs).hot
    assert hot.promises_kept == Count(1, 2)
    assert hot.reach is not None
    assert hot.reach_over_bearable is not None
    assert hot.reach.mean == pytest.approx(0.8 / 3)
    assert hot.reach_over_provable is not None
    assert hot.reach_over_bearable.mean == pytest.approx(0.8 / 0.9)
    assert hot.reach_over_provable.mean == pytest.approx(0.8 / 0.45)


def test_groups_held_are_averaged_over_runs() -> None:
    runs = [
        run_of(seed=1, warm=horizon_of(0.2, groups=GroupFigures(10, 1, 1))),
        run_of(seed=2, warm=horizon_of(0.2, groups=GroupFigures(20, 0, 2))),
        run_of(seed=3, warm=horizon_of(0.2, groups=GroupFigures(0, 0, 0))),
    ]
    held = summary_of(runs).warm.held
    assert held is not None
    assert (held.mean, held.runs) == (pytest.approx(0.85), 2)


def test_a_comparison_takes_pairs_in_which_both_trained() -> None:
    pairs = [
        (
            run_of(seed=1, hot=horizon_of(0.2), processor_seconds=2.0),
            run_of(seed=1, hot=horizon_of(0.4), processor_seconds=4.0),
        ),
        (run_of(seed=2, hot=horizon_of(0.4)), run_of(seed=2, hot=horizon_of(0.2))),
        (run_of(seed=3, hot=horizon_of(0.1)), run_of(seed=3, refused="too few")),
        (run_of(seed=4, hot=horizon_of(0.1)), run_of(seed=4, hot=horizon_of(0.8))),
    ]
    compared = comparison_of(pairs)
    assert (compared.pairs, compared.refused) == (4, (0, 1))
    assert compared.hot.wins == Count(2, 3)
    assert compared.hot.excess_ratio is not None
    assert compared.hot.excess_ratio.mean == pytest.approx((0.5 * 2.0 * 0.125) ** (1 / 3))
    assert compared.processor_ratio is not None
    assert compared.processor_ratio.mean == pytest.approx(0.5 ** (1 / 3))
    assert excess_ratio(*pairs[2], "hot") is None
