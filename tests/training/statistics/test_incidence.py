"""Who buys and how long it takes, against plain loops and with the coverage that is promised."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.statistics.incidence import (
    LEAST_LEADS,
    MedianEstimate,
    conversion,
    counted_rate,
    median_estimate,
)
from training.statistics.intervals import wilson_interval


def share_by_loop(days, watched, horizon) -> float:
    """Product-limit estimate as it is taught: one factor for each day of a purchase."""
    left = 1.0
    until = [min(d, w) for d, w in zip(days, watched, strict=True)]
    for moment in sorted({d for d, w in zip(days, watched, strict=True) if d <= min(w, horizon)}):
        at_risk = sum(u >= moment for u in until)
        left *= 1 - sum(d == moment for d in days) / at_risk
    return 1 - left


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 120), st.floats(5, 60))
def test_the_share_that_buys_is_the_product_limit_estimate(seed, leads, horizon):
    random = np.random.default_rng(seed)
    days = np.where(random.random(leads) < 0.4, random.integers(1, 80, leads), np.inf)
    watched = random.uniform(1, 100, leads)
    days[days > watched] = np.inf
    found = conversion(days, watched, horizon)
    assert found.bought == sum(d <= horizon for d in days)
    assert found.old_enough == sum(w >= horizon for w in watched)
    if found.old_enough < LEAST_LEADS:
        assert found.share is None
    else:
        assert found.share.value == pytest.approx(share_by_loop(days, watched, horizon), abs=1e-9)
        assert 0 <= found.share.low <= found.share.value <= found.share.high <= 1


def test_without_young_leads_the_share_is_the_plain_one_with_wilsons_interval():
    days = np.array([10.0] * 20 + [np.inf] * 80)
    found = conversion(days, np.full(100, 90.0), 90)
    assert found.share.value == pytest.approx(0.2)
    z2 = 1.959964**2
    half = math.sqrt(z2) * math.sqrt(0.2 * 0.8 / 100 + z2 / 40_000) / (1 + z2 / 100)
    centre = (0.2 + z2 / 200) / (1 + z2 / 100)
    assert (found.share.low, found.share.high) == pytest.approx((centre - half, centre + half))


def test_young_leads_do_not_make_the_share_smaller_than_it_is():
    random = np.random.default_rng(1)
    days = np.where(random.random(20_000) < 0.3, random.uniform(0, 90, 20_000), np.inf)
    watched = random.uniform(0, 200, 20_000)
    seen = np.where(days <= watched, days, np.inf)
    found = conversion(seen, watched, 90)
    assert found.share.low < 0.3 < found.share.high
    assert found.bought / found.leads < 0.25
    assert found.days.low < 45 < found.days.high


def test_the_interval_of_the_share_holds_as_often_as_it_says():
    random, hits = np.random.default_rng(2), 0
    for _ in range(400):
        days = np.where(random.random(300) < 0.15, random.uniform(0, 90, 300), np.inf)
        watched = random.uniform(30, 150, 300)
        share = conversion(np.where(days <= watched, days, np.inf), watched, 90).share
        hits += share.low <= 0.15 <= share.high
    assert 0.92 <= hits / 400 <= 0.98


def test_the_interval_of_a_median_holds_as_often_as_it_says():
    random, hits = np.random.default_rng(2), 0
    for _ in range(1000):
        found = median_estimate(random.exponential(1.0, 40))
        hits += found.low <= math.log(2) <= found.high
    assert 0.94 <= hits / 1000 <= 0.985


def test_too_few_to_tell_are_not_told():
    assert conversion(np.full(29, 5.0), np.full(29, 99.0), 90).share is None
    assert conversion(np.full(30, 5.0), np.full(30, 99.0), 90).share.value == 1
    assert conversion(np.full(30, 5.0), np.full(30, 89.0), 90).share is None
    assert median_estimate(np.arange(9.0)) is None


def test_the_published_example_of_the_product_limit_estimate():
    """Weeks of remission under 6-mercaptopurine, Freireich et al. (1963), each patient three times.

    Lawless, *Statistical Models and Methods for Lifetime Data*, example 3.2.1, gives the estimate
    and Greenwood's standard error for the 21 patients: S(10) = .753 (.096), S(22) = .538 (.128).
    """
    relapsed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    watched_only = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    days = np.tile([*map(float, relapsed), *[np.inf] * len(watched_only)], 3)
    watched = np.tile([*[35.0] * len(relapsed), *map(float, watched_only)], 3)
    for horizon, survival, error in ((10, 0.7529, 0.0963), (22, 0.5378, 0.1282)):
        found = conversion(days, watched, horizon).share
        assert found.value == pytest.approx(1 - survival, abs=5e-5)
        trials = survival * (1 - survival) / (error**2 / 3)
        expected = wilson_interval(1 - survival, trials)
        assert (found.low, found.high) == pytest.approx(expected, abs=5e-4)


def test_the_median_and_its_interval_are_order_statistics():
    """Of 20 values the 6th and the 15th: P(fewer than 6 of 20 below the median) = 2.07 %."""
    values = np.random.default_rng(3).permutation(np.arange(1.0, 21.0))
    assert median_estimate(values) == MedianEstimate(value=10.5, low=6.0, high=15.0)


def test_a_median_outside_its_interval_is_refused():
    for value, low, high in ((5.0, 6.0, 7.0), (5.0, 3.0, 4.0)):
        with pytest.raises(ValueError, match="low <= value <= high"):
            MedianEstimate(value, low, high)


def test_a_counted_rate_has_wilsons_interval_and_none_of_nothing_has_a_rate():
    found = counted_rate(81, 263)
    assert (found.value, found.low, found.high) == pytest.approx(
        (81 / 263, 0.2553, 0.3662), abs=5e-5
    )
    assert counted_rate(0, 0) is None
