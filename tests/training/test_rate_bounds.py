"""Bounds of a share that hold, whether rows are independent or come in leads."""

import numpy as np
import pytest

from training.statistics.rate_bounds import effective_trials, rate_bounds


def test_of_independent_rows_they_are_near_clopper_and_pearson() -> None:
    """263 rows, 81 of them true: Newcombe (1998), Statistics in Medicine 17, table I."""
    converted = np.arange(263) < 81
    low, high = rate_bounds(converted, np.arange(263), 0.975)
    assert low == pytest.approx(0.2527, abs=0.001)
    assert high == pytest.approx(0.3676, abs=0.001)


def test_rows_that_repeat_each_other_count_once() -> None:
    converted, lead = np.arange(60) < 18, np.arange(60)
    once = effective_trials(converted, lead, 0.9)
    five_times = effective_trials(np.repeat(converted, 5), np.repeat(lead, 5), 0.9)
    assert five_times == pytest.approx(once, rel=0.03)


def test_where_all_rows_are_alike_they_count_as_leads() -> None:
    assert effective_trials(np.zeros(40, bool), np.arange(40) // 4, 0.9) == 10
    assert effective_trials(np.zeros(0, bool), np.zeros(0, int), 0.9) == 0
    assert rate_bounds(np.zeros(0, bool), np.zeros(0, int), 0.9) == (0.0, 1.0)
    assert effective_trials(np.array([True, False]), np.zeros(2, int), 0.9) == 1


@pytest.mark.parametrize(("leads", "spread"), [(60, 0.0), (60, 2.0), (400, 2.0)])
def test_each_bound_covers_the_true_share_as_often_as_it_says(leads: int, spread: float) -> None:
    random = np.random.default_rng(leads + round(spread))

    def drawn(leads: int) -> tuple[np.ndarray, np.ndarray]:
        lead = np.repeat(np.arange(leads), random.geometric(0.2, leads))
        log_odds = -1.0 + spread * random.standard_normal(leads)
        return random.random(len(lead)) < 1 / (1 + np.exp(-log_odds[lead])), lead

    true = drawn(300_000)[0].mean()
    found = np.array([rate_bounds(*drawn(leads), 0.9) for _ in range(300)])
    # 0.9 less two standard errors of a share of 300
    assert np.mean(found[:, 0] <= true) >= 0.865
    assert np.mean(found[:, 1] >= true) >= 0.865
