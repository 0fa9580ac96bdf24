"""Bounds of a share that hold, whether rows are independent or come in leads."""

import numpy as np
import pytest
from scipy import stats

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
def test_each_bound_covers_the_true_share_about_as_often_as_it_says(
    leads: int, spread: float
) -> None:
    """Of 1,000 groups; a bound that covers 85 % or 98 % of them fails with more than 98 %."""
    random = np.random.default_rng(leads + round(spread))

    def drawn(leads: int) -> tuple[np.ndarray, np.ndarray]:
        lead = np.repeat(np.arange(leads), random.geometric(0.2, leads))
        log_odds = -1.0 + spread * random.standard_normal(leads)
        return random.random(len(lead)) < 1 / (1 + np.exp(-log_odds[lead])), lead

    true = drawn(300_000)[0].mean()
    bounds = np.array([rate_bounds(*drawn(leads), 0.9) for _ in range(1_000)])
    assert 0.875 <= np.mean(bounds[:, 0] <= true) <= 0.965
    assert 0.875 <= np.mean(bounds[:, 1] >= true) <= 0.965


def test_the_effective_number_is_the_rows_over_the_design_effect() -> None:
    """The variance of the share over leads, summed lead by lead."""
    random = np.random.default_rng(3)
    lead = random.integers(0, 30, 200)
    rate_of_lead = random.beta(0.5, 1.5, 30)
    converted = random.random(200) < rate_of_lead[lead]
    share, leads = converted.mean(), len(set(lead))
    squares = sum(float((converted[lead == one] - share).sum()) ** 2 for one in set(lead))
    variance = leads / (leads - 1) * squares / 200**2
    trials = share * (1 - share) / variance
    student = stats.t.ppf(0.9, leads - 1) / stats.norm.ppf(0.9)
    assert trials < 150
    assert effective_trials(converted, lead, 0.9) == pytest.approx(trials / student**2)
    low, high = rate_bounds(converted, lead, 0.9)
    worth = trials / student**2
    # Clopper and Pearson: at each bound what was observed is just not surprising.
    assert stats.beta.cdf(low, share * worth, worth - share * worth + 1) == pytest.approx(0.1)
    assert stats.beta.cdf(high, share * worth + 1, worth - share * worth) == pytest.approx(0.9)


def test_rows_that_differ_more_within_leads_than_between_count_no_more_than_rows() -> None:
    converted = np.tile([True, False], 30)
    student = stats.t.ppf(0.9, 29) / stats.norm.ppf(0.9)
    found = effective_trials(converted, np.arange(60) // 2, 0.9)
    assert found == pytest.approx(60 / student**2)
