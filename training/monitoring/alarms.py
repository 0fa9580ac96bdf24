"""Whether promises have begun to break: quiet, ringing, or too little to tell.

Purchases fall short of what was expected by luck, because months differ, and because the level of a
calibration is itself known from some purchases only. An alarm that takes what was expected for
exact rings in many half-years in which nothing has changed. Here the *level*, purchases made over
purchases expected, has a gamma prior with a mean of 1 and the calibration's own variance. Purchases
are Poisson given the level, so the posterior is gamma again, and a count to come is negative
binomial. Months move the level to and fro: they make weeks count less, the more alike they are.

The alarm compares two readings of each of the latest weeks: since then purchases came at the level
that was learned before, or at `FALLEN` times that level. The mean of these likelihood ratios over
all weeks in which the fall may have begun is Shiryaev and Roberts' form of the CUSUM (Page's takes
the largest). It rings above a threshold that quiet half-years, simulated with months and levels
that differ, pass as rarely as is asked.

References
----------
M. Pollak, *Optimal detection of a change in distribution*, Annals of Statistics 13 (1985),
doi:10.1214/aos/1176346587. E. S. Page, *Continuous inspection schemes*, Biometrika 41 (1954),
doi:10.1093/biomet/41.1-2.100. A. Gelman et al., *Bayesian Data Analysis*, CRC (2013),
doi:10.1201/b16018, section 2.6: the gamma-Poisson model.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy import stats

from features.arrays import Float64
from training.monitoring.progress import Progress

HALF_YEAR_WEEKS = 26
"""Weeks in which a fall may have begun."""
MOST_WEEKS = 130
"""Weeks that are looked at: the half-year, and two years before it that tell the level."""
FALLEN = 0.8
"""Level of the other reading, as a share of the earlier one: for falls to 0.7, of which months and
luck hide a part."""
QUIET_RINGS = 0.04
"""Share of quiet half-years that ring in the simulation: a margin below the 5 % that are meant."""
LEAST_PROMISED = 50.0
"""Promised purchases in half a year below which silence says nothing."""
WEEKS_PER_MONTH = 365.25 / 12 / 7
_PATHS = 3_000
_STEP = 1.1
_SEED = 20_131


class AlarmState(StrEnum):
    """What an alarm says."""

    QUIET = "quiet"
    RINGING = "ringing"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class LevelSpread:
    """How far the level lies from what was promised although nothing has changed.

    Parameters
    ----------
    calibration : float
        Variance of the calibration's level, in log-odds.
    month : float
        Variance between the levels of months, in log-odds.
    """

    calibration: float = 0.1**2
    month: float = 0.15**2

    def __post_init__(self) -> None:
        if not (0 < self.calibration < math.inf and 0 <= self.month < math.inf):
            raise ValueError(
                "Levels need a variance of the calibration above 0 and one of months from 0 on, "
                f"got {self.calibration} and {self.month}."
            )


@dataclass(frozen=True, slots=True)
class Level:
    """Purchases made over purchases expected, with the posterior's 95 % interval.

    Parameters
    ----------
    value, low, high : float
        1 where promises hold; below, too much was promised.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the watch says of one horizon.

    Parameters
    ----------
    state : AlarmState
        Whether promises have begun to break.
    promised, bought : float
        Purchases that were expected in the latest half-year, and those that were made.
    level : Level
        Of the latest half-year.
    evidence, threshold : float
        Logarithm of the mean likelihood ratio, and above what it rings.
    weeks : int
        Weeks that were watched.
    weeks_to_tell : float or None
        Weeks after which `LEAST_PROMISED` purchases are promised at the present rate; None where
        they are, infinite where nothing is promised.
    """

    state: AlarmState
    promised: float
    bought: float
    level: Level
    evidence: float
    threshold: float
    weeks: int
    weeks_to_tell: float | None


def alarm(progress: Progress, spread: LevelSpread = LevelSpread()) -> Alarm:
    """Alarm of the latest week.

    Parameters
    ----------
    progress : Progress
        From the first answer on, or of the latest `MOST_WEEKS`.
    spread : LevelSpread
        How far levels lie from 1 although nothing has changed.
    """
    expected, bought = (
        column[-MOST_WEEKS:] / progress.design_effect
        for column in (progress.expected, progress.bought)
    )
    weeks = len(expected)
    half_year = slice(-HALF_YEAR_WEEKS, None)
    promised = float(progress.expected[half_year].sum())
    watched = min(weeks, HALF_YEAR_WEEKS)
    a_week = promised / watched if watched else 0.0
    threshold = ringing_threshold(
        a_week * HALF_YEAR_WEEKS / progress.design_effect, weeks - watched, spread
    )
    evidence = float(fall_evidence(expected, bought, weeks, spread)) if promised > 0 else -math.inf
    ringing = evidence >= threshold
    tells = promised >= LEAST_PROMISED
    silence = AlarmState.QUIET if tells else AlarmState.CANNOT_TELL
    return Alarm(
        state=AlarmState.RINGING if ringing else silence,
        promised=promised,
        bought=float(progress.bought[half_year].sum()),
        level=level_of(expected[half_year], bought[half_year], spread),
        evidence=evidence,
        threshold=threshold,
        weeks=weeks,
        weeks_to_tell=None if tells else LEAST_PROMISED / a_week if a_week else math.inf,
    )


def level_of(expected: Float64, bought: Float64, spread: LevelSpread) -> Level:
    """Level of some weeks: mean and interval of its gamma posterior.

    Parameters
    ----------
    expected, bought : float64 arrays of shape (weeks,)
        Purchases expected and made, each of which stands alone.
    spread : LevelSpread
        The prior's variance, and that of months.

    Examples
    --------
    >>> level = level_of(np.full(26, 10.0), np.full(26, 7.0), LevelSpread())
    >>> [round(value, 2) for value in (level.value, level.low, level.high)]
    [0.83, 0.72, 0.95]
    """
    shape, rate = _posterior(
        np.array(expected.sum()), np.array(bought.sum()), np.array(float(len(expected))), spread
    )
    low, high = stats.gamma.ppf([0.025, 0.975], shape, scale=1 / rate)
    return Level(float(shape / rate), float(low), float(high))


def fall_evidence(expected: Float64, bought: Float64, week: int, spread: LevelSpread) -> Float64:
    """Logarithm of the mean likelihood ratio of a fall, as seen at the end of a week.

    Parameters
    ----------
    expected, bought : float64 arrays of shape (..., weeks)
        Purchases expected and made in each week, each of which stands alone.
    week : int
        Number of weeks that have passed, from 1 on.
    spread : LevelSpread
        How far levels lie from 1 although nothing has changed.

    Returns
    -------
    float64 array of shape (...)
        Above 0 where a fall explains the counts better, in the mean over when it may have begun.
    """
    first = max(0, week - MOST_WEEKS)
    begins = np.arange(max(0, week - HALF_YEAR_WEEKS), week)
    expected_until, bought_until = (_running_sum(column) for column in (expected, bought))
    shape, rate = _posterior(
        expected_until[..., begins] - expected_until[..., [first]],
        bought_until[..., begins] - bought_until[..., [first]],
        (begins - first).astype(np.float64),
        spread,
    )
    since, bought_since = (
        column[..., [week]] - column[..., begins] for column in (expected_until, bought_until)
    )
    months = np.maximum(1.0, (week - begins) / WEEKS_PER_MONTH)
    # Negative binomial counts of this mean and of FALLEN times that: what they share cancels out.
    mean, size = since * shape / rate, 1 / (1 / shape + spread.month / months)
    ratio = bought_since * math.log(FALLEN)
    ratio = ratio + (bought_since + size) * np.log((size + mean) / (size + FALLEN * mean))
    return np.asarray(np.logaddexp.reduce(ratio, axis=-1) - math.log(len(begins)))


def ringing_threshold(promised: float, weeks_before: int, spread: LevelSpread) -> float:
    """Evidence that quiet half-years pass in a share of `QUIET_RINGS`.

    Parameters
    ----------
    promised : float
        Independent purchases that are promised in half a year.
    weeks_before : int
        Weeks that were watched before the half-year begins.
    spread : LevelSpread
        How far levels lie from 1 although nothing has changed.
    """
    # Neighbouring ledgers share a simulation: steps of a tenth, and of a quarter of a year.
    step = round(math.log(max(promised, 1.0)) / math.log(_STEP))
    quarter = HALF_YEAR_WEEKS // 2
    return _simulated_threshold(_STEP**step, weeks_before // quarter * quarter, spread)


@lru_cache(maxsize=256)
def _simulated_threshold(promised: float, weeks_before: int, spread: LevelSpread) -> float:
    random = np.random.default_rng(_SEED)
    weeks = weeks_before + HALF_YEAR_WEEKS
    months = math.ceil(weeks / WEEKS_PER_MONTH) + 1
    month_begins = random.uniform(0, WEEKS_PER_MONTH)
    month_index = ((np.arange(weeks) + month_begins) / WEEKS_PER_MONTH).astype(np.int64)
    # Lognormal levels with a mean of 1: promises hold on average.
    of_level = random.normal(-spread.calibration / 2, spread.calibration**0.5, (_PATHS, 1))
    of_month = random.normal(-spread.month / 2, spread.month**0.5, (_PATHS, months))
    expected = np.full((1, weeks), promised / HALF_YEAR_WEEKS)
    level = np.exp(of_level + of_month[:, month_index])
    bought = random.poisson(expected * level).astype(np.float64)
    highest = np.full(_PATHS, -math.inf)
    for week in range(weeks_before + 1, weeks + 1):
        evidence = fall_evidence(np.broadcast_to(expected, bought.shape), bought, week, spread)
        highest = np.maximum(highest, evidence)
    return float(np.quantile(highest, 1 - QUIET_RINGS))


def _posterior(
    expected: Float64, bought: Float64, weeks: Float64, spread: LevelSpread
) -> tuple[Float64, Float64]:
    """Shape and rate of the level's gamma posterior; weeks of one month tell the same level."""
    months = np.maximum(1.0, weeks / WEEKS_PER_MONTH)
    tells = 1 / (1 + expected * spread.month / months)
    return 1 / spread.calibration + bought * tells, 1 / spread.calibration + expected * tells


def _running_sum(values: Float64) -> Float64:
    """Sums of the first 0, 1, 2 … values along the last axis."""
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
