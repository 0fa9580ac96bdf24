"""How the level of a horizon wandered while nothing was learned, and where it stands at the end.

Times change: a campaign begins, a price falls, and leads of the same looks convert more often than
they did. A curve learned from half a year then promises the half year's average. So the level is
taken for a random walk whose pace is learned too: a dynamic regression of the outcomes on the
margin, block by block of looks in the order of time. As a model in service does, it predicts each
block only from looks whose outcomes were known when the block began. Margins of earlier looks are
then moved to the latest level. Where the walk explains the outcomes no better than a constant level
does, the level is held constant. Intervals are as wide as months differ, however that came about
(`training.statistics.levels`).

References
----------
M. West, P. J. Harrison, H. S. Migon, *Dynamic generalized linear models and Bayesian forecasting*,
Journal of the American Statistical Association 80 (1985), doi:10.1080/01621459.1985.10477131.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from models.calibration import BetaCalibration, sigmoid
from training.calibration.curves import fit_curve

BLOCKS = 24
"""Blocks of equally many looks: short enough to follow a season, long enough to hold outcomes."""
PACES = (0.0, *np.logspace(-5, -1, 13).tolist())
"""Variances of the level's log-odds a day that are compared; the first is a level that stands."""
SURE_LOG_LIKELIHOOD = 3.0
"""Log-likelihood that a walk must have over a level that stands: by luck, one in a hundred has."""
FIRST = 1.0
"""Variance of the log-odds of the level at first, about that of a level that stands still."""
_STEPS = 50


@dataclass(frozen=True, slots=True)
class LevelDrift:
    """Where the level lay, beside where it stood last.

    Parameters
    ----------
    since : tuple of int
        Microseconds: when each block of looks began.
    margin : tuple of float
        By how much margins of that block must be moved to mean the same at the latest level.
    slope : float
        Log-odds of the calibrated probability for each unit of margin.
    a_day : float
        Variance of the walk's log-odds a day; 0 where the level stood still.
    variance : float
        Variance of the log-odds of the latest level when the test period begins.
    gain : float
        Log-likelihood over a level that stands still, counted in independent leads.
    """

    since: tuple[int, ...] = ()
    margin: tuple[float, ...] = ()
    slope: float = 1.0
    a_day: float = 0.0
    variance: float = 0.0
    gain: float = 0.0

    def at(self, as_of: Int64) -> Float64:
        """What to add to margins of looks at these instants, shape of `as_of`."""
        if not self.since:
            return np.zeros(len(as_of))
        block_index = np.searchsorted(self.since, as_of, side="right") - 1
        return np.asarray(self.margin)[np.maximum(block_index, 0)]

    def summary(self) -> "DriftSummary | None":
        """What the model card says of it; None where the level stood still."""
        if not self.since:
            return None
        return DriftSummary(
            a_day=self.a_day,
            deviation=float(np.sqrt(self.variance)),
            gain=self.gain,
            least_odds=float(np.exp(self.slope * min(self.margin))),
            most_odds=float(np.exp(self.slope * max(self.margin))),
        )


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """How a level wandered, in the figures of the model card.

    Parameters
    ----------
    a_day, gain : float
        As in `LevelDrift`.
    deviation : float
        Standard deviation of the log-odds of the latest level.
    least_odds, most_odds : float
        Between which the odds of leads of the same looks lay, as multiples of the latest ones.
    """

    a_day: float
    deviation: float
    gain: float
    least_odds: float
    most_odds: float


@dataclass(frozen=True, slots=True)
class _Block:
    """Looks of a stretch of time: their log-odds and outcomes, and when it was and was known."""

    log_odds: Float64
    converted: Bool
    start: int
    middle: float
    known_at: int


def level_drift(
    margin: Float64, converted: Bool, lead: Int64, as_of: Int64, known_at: Int64, test_from: int
) -> LevelDrift:
    """Drift of the level among looks that the predictor was not fitted on.

    Parameters
    ----------
    margin : float64 array of shape (rows,)
        Log-odds by a predictor that was not fitted on these rows.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    known_at : int64 array of shape (rows,)
        When each outcome is known, in microseconds: the end of the look's horizon.
    test_from : int
        Microseconds: when the level is asked for.

    Returns
    -------
    LevelDrift
        One that moves nothing where a level that stands still explains the outcomes as well.
    """
    still = LevelDrift()
    if len(as_of) < BLOCKS:
        return still
    edges = np.unique(np.sort(as_of)[np.arange(BLOCKS) * len(as_of) // BLOCKS])
    if len(edges) < BLOCKS // 2 or not 0 < converted.sum() < len(converted):
        return still
    standing = fit_curve("platt", margin, converted, lead)
    log_odds = standing.log_odds(margin)
    weight = _independent_share(log_odds, converted, lead)
    block_of_row = np.searchsorted(edges, as_of, side="right") - 1
    blocks = []
    for number in range(len(edges)):
        rows = block_of_row == number
        times = as_of[rows]
        blocks.append(
            _Block(
                log_odds[rows],
                converted[rows],
                int(times.min()),
                float(times.mean()),
                int(known_at[rows].max()),
            )
        )
    walks = [_walked(blocks, weight, pace) for pace in PACES]
    pace, (levels, variances, log_likelihood) = max(
        zip(PACES, walks, strict=True), key=lambda candidate: candidate[1][2]
    )
    gain = log_likelihood - walks[0][2]
    if gain < SURE_LOG_LIKELIHOOD:
        return still
    # For each block, the level predicted before it began from what was known by then; the last
    # level is predicted for `until`.
    outcomes_known_at = np.array([block.known_at for block in blocks])
    predicted = [
        levels[np.flatnonzero(outcomes_known_at <= block.start).max(initial=0)] for block in blocks
    ]
    slope = standing.a if isinstance(standing, BetaCalibration) else 1.0
    return LevelDrift(
        since=tuple(block.start for block in blocks),
        margin=tuple(((np.array(predicted) - levels[-1]) / slope).tolist()),
        slope=slope,
        a_day=pace,
        variance=variances[-1] + pace * (test_from - blocks[-1].middle) / MICROSECONDS_PER_DAY,
        gain=gain,
    )


def _walked(
    blocks: list[_Block], weight: float, pace: float
) -> tuple[list[float], list[float], float]:
    """Levels after each block with their variances, and the log-likelihood of all blocks.

    Each step is Laplace's approximation: the posterior's mode, and its curvature there.
    """
    level, variance, total, previous_middle = 0.0, FIRST, 0.0, blocks[0].middle
    levels, variances = [], []
    for block in blocks:
        variance += pace * (block.middle - previous_middle) / MICROSECONDS_PER_DAY
        previous_middle = block.middle
        prior, level, curvature = level, *_mode(block, weight, level, variance)
        total -= (level - prior) ** 2 / (2 * variance) + 0.5 * np.log(variance * curvature)
        variance = 1 / curvature
        shifted = block.log_odds + level
        total += weight * float((block.converted * shifted - np.logaddexp(0.0, shifted)).sum())
        levels.append(level)
        variances.append(variance)
    return levels, variances, total


def _mode(block: _Block, weight: float, prior: float, variance: float) -> tuple[float, float]:
    """Most likely level of a block, and the curvature there, by Newton's method."""
    level = prior
    for _ in range(_STEPS):
        p = sigmoid(block.log_odds + level)
        curvature = weight * float((p * (1 - p)).sum()) + 1 / variance
        pull = weight * float((block.converted - p).sum()) - (level - prior) / variance
        step = float(np.clip(pull / curvature, -1.0, 1.0))
        level += step
        if abs(step) < 1e-9:
            break
    return level, curvature


def _independent_share(log_odds: Float64, converted: Bool, lead: Int64) -> float:
    """How much of a row's evidence is its own: rows of one lead foresee the same purchase."""
    residual = converted - sigmoid(log_odds)
    _, index = np.unique(lead, return_inverse=True)
    by_lead = np.bincount(index, residual)
    return min(1.0, float((residual @ residual) / (by_lead @ by_lead)))
