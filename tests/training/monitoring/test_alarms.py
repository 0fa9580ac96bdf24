"""The alarm: its parts by closed forms, and how often it rings when nothing or much has changed."""

import math

import numpy as np
import pytest
from scipy import stats

from features.arrays import Float64
from training.monitoring.alarms import (
    FALLEN,
    HALF_YEAR_WEEKS,
    LEAST_PROMISED,
    MOST_WEEKS,
    WEEKS_PER_MONTH,
    AlarmState,
    LevelSpread,
    alarm,
    fall_evidence,
    level_of,
    ringing_threshold,
)
from training.monitoring.progress import Progress

SPREAD = LevelSpread()
FALL = 0.7


def steady(promised: float, times: float = 1.0, weeks: int = MOST_WEEKS) -> Progress:
    """So many purchases promised in each half-year, and `times` as many made in the latest."""
    expected = np.full(weeks, promised / HALF_YEAR_WEEKS)
    bought = expected.copy()
    bought[-HALF_YEAR_WEEKS:] *= times
    return Progress(expected, bought, 1.0)


def posterior(expected: float, bought: float, weeks: float) -> tuple[float, float]:
    tells = 1 / (1 + expected * SPREAD.month / max(1.0, weeks / WEEKS_PER_MONTH))
    prior = 1 / SPREAD.calibration
    return prior + bought * tells, prior + expected * tells


def plain_evidence(expected: list[float], bought: list[int]) -> float:
    """By scipy's negative binomial, one beginning of the fall after the other."""
    week = len(expected)
    first = max(0, week - MOST_WEEKS)
    ratios = []
    for begin in range(max(0, week - HALF_YEAR_WEEKS), week):
        shape, rate = posterior(sum(expected[first:begin]), sum(bought[first:begin]), begin - first)
        months = max(1.0, (week - begin) / WEEKS_PER_MONTH)
        size = 1 / (1 / shape + SPREAD.month / months)
        mean = sum(expected[begin:]) * shape / rate
        count = sum(bought[begin:])
        fallen, same = (
            stats.nbinom.pmf(count, size, size / (size + times * mean)) for times in (FALLEN, 1)
        )
        ratios.append(fallen / same)
    return math.log(sum(ratios) / len(ratios))


@pytest.mark.parametrize("weeks", [1, 5, 26, 27, 78, 130, 140])
def test_the_evidence_is_the_mean_likelihood_ratio(weeks: int) -> None:
    random = np.random.default_rng(weeks)
    expected = random.uniform(0.5, 4, weeks)
    bought = random.poisson(expected)
    evidence = fall_evidence(expected, bought.astype(np.float64), weeks, SPREAD)
    assert float(evidence) == pytest.approx(plain_evidence(expected.tolist(), bought.tolist()))


def test_the_level_is_a_gamma_posterior() -> None:
    level = level_of(np.full(26, 4.0), np.full(26, 3.0), SPREAD)
    shape, rate = posterior(104, 78, 26)
    low, high = stats.gamma(shape, scale=1 / rate).interval(0.95)
    assert (level.value, level.low, level.high) == pytest.approx((shape / rate, low, high))


def test_without_purchases_promised_the_level_is_the_calibrations_own() -> None:
    level = level_of(np.zeros(0), np.zeros(0), SPREAD)
    assert level.value == 1
    assert level.low == pytest.approx(1 - 1.96 * 0.1, abs=0.01)


def test_more_purchases_than_promised_never_ring() -> None:
    high = alarm(steady(200, times=2.0))
    assert high.state is AlarmState.QUIET
    assert high.level.low > 1


@pytest.mark.parametrize(
    ("promised", "times", "state"),
    [
        (200, 1.0, AlarmState.QUIET),
        (200, 0.4, AlarmState.RINGING),
        (40, 0.0, AlarmState.RINGING),
        (40, 1.0, AlarmState.CANNOT_TELL),
        (0, 1.0, AlarmState.CANNOT_TELL),
    ],
    ids=["holds", "broken", "few, but none at all", "too few", "none promised"],
)
def test_what_the_alarm_says(promised: float, times: float, state: AlarmState) -> None:
    assert alarm(steady(promised, times)).state is state


def test_where_it_cannot_tell_it_says_how_long_it_takes() -> None:
    assert alarm(steady(40)).weeks_to_tell == pytest.approx(LEAST_PROMISED * 26 / 40)
    assert alarm(steady(200, weeks=5)).weeks_to_tell == pytest.approx(6.5)
    assert alarm(steady(0)).weeks_to_tell == math.inf
    assert alarm(steady(200)).weeks_to_tell is None


def test_a_ledger_without_a_week_cannot_be_told_of() -> None:
    empty = alarm(Progress(np.zeros(0), np.zeros(0), 1.0))
    assert (empty.state, empty.weeks, empty.weeks_to_tell) == (
        AlarmState.CANNOT_TELL,
        0,
        math.inf,
    )


def test_figures_are_those_of_the_latest_half_year() -> None:
    figures = alarm(steady(200, times=0.5))
    assert figures.promised == pytest.approx(200)
    assert figures.bought == pytest.approx(100)
    assert figures.weeks == MOST_WEEKS


def test_weeks_long_ago_do_not_count() -> None:
    recent = steady(200, times=0.8)
    longer = Progress(
        np.append(np.full(30, 9.0), recent.expected), np.append(np.zeros(30), recent.bought), 1.0
    )
    assert alarm(longer) == alarm(recent)


def test_purchases_of_persons_with_many_leads_are_less_evidence() -> None:
    alone = steady(200, times=0.6)
    joint = Progress(alone.expected, alone.bought, 4.0)
    assert alarm(alone).evidence > alarm(joint).evidence > 0
    wide, narrow = alarm(joint).level, alarm(alone).level
    assert wide.high - wide.low > narrow.high - narrow.low
    assert alarm(joint).promised == alarm(alone).promised


def counts(promised: float, paths: int, weeks: int, times: float, seed: int) -> Float64:
    """Purchases week by week, with levels and calendar months that differ."""
    random = np.random.default_rng(seed)
    level = np.exp(random.normal(-SPREAD.calibration / 2, SPREAD.calibration**0.5, (paths, 1)))
    months = np.exp(random.normal(-SPREAD.month / 2, SPREAD.month**0.5, (paths, weeks // 4 + 2)))
    month = (np.arange(weeks) / WEEKS_PER_MONTH).astype(int)
    mean = promised / HALF_YEAR_WEEKS * level * months[:, month]
    mean[:, -HALF_YEAR_WEEKS:] *= times
    return random.poisson(mean).astype(np.float64)


def rings_within(promised: float, times: float, weeks: int, seed: int) -> float:
    """Share of half-years that ring, looked at every second week and at the end."""
    bought = counts(promised, 1_500, weeks, times, seed)
    expected = np.full_like(bought, promised / HALF_YEAR_WEEKS)
    threshold = ringing_threshold(promised, weeks - HALF_YEAR_WEEKS, SPREAD)
    looks = range(weeks, weeks - HALF_YEAR_WEEKS, -2)
    evidence = [fall_evidence(expected, bought, week, SPREAD) for week in looks]
    return float((np.max(evidence, axis=0) >= threshold).mean())


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("promised", [20, 150, 500])
def test_quiet_half_years_hardly_ever_ring(promised: float) -> None:
    """With 1,500 half-years the share is known to ± 1 %."""
    assert 0.015 < rings_within(promised, 1.0, 78, seed=promised) < 0.053


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("promised", "least"), [(50, 0.3), (150, 0.67), (500, 0.88)])
def test_a_fall_is_noticed_within_the_half_year(promised: float, least: float) -> None:
    assert rings_within(promised, FALL, 78, seed=promised) > least


@pytest.mark.slow
@pytest.mark.long
def test_the_year_before_makes_a_fall_easier_to_notice() -> None:
    assert rings_within(150, FALL, 78, seed=5) > rings_within(150, FALL, 26, seed=5) + 0.05


def test_levels_that_differ_more_need_more_evidence() -> None:
    """Of one and the same shortfall."""
    short = steady(200, times=0.6)
    restless = alarm(short, LevelSpread(calibration=0.2**2, month=0.4**2))
    assert alarm(short).state is AlarmState.RINGING
    assert restless.state is AlarmState.QUIET


@pytest.mark.parametrize(
    ("calibration", "month"), [(0.0, 0.01), (0.01, -1.0), (math.nan, 0.01), (math.inf, 0.01)]
)
def test_a_spread_is_a_variance(calibration: float, month: float) -> None:
    with pytest.raises(ValueError, match="variance of the calibration above 0"):
        LevelSpread(calibration, month)
