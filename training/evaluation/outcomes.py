"""What was promised about some looks, and what came of it."""

from features.arrays import Float64
from training.statistics.figures import Judged, rate
from training.statistics.rates import Outcome, Rate


def outcome_of(judged: Judged, probability: Float64) -> Outcome:
    """Promise and outcome of looks; the interval counts leads.

    Parameters
    ----------
    judged : Judged
    probability : float64 array of shape (rows,)
    """
    told = rate(judged, probability)
    if told is None:
        return Outcome(0, 0, None, None)
    happened = Rate(told.observed, told.low, told.high)
    return Outcome(told.rows, told.positives, told.predicted, happened)
