"""What was promised about some looks, and what came of it."""

from features.arrays import Float64
from training.statistics.figures import JudgedRows, ObservedRate, observed_rate
from training.statistics.rates import Outcome, RateEstimate, measured_rate


def outcome_of(judged: JudgedRows, probability: Float64) -> Outcome:
    """Promise and outcome of looks; the interval counts leads.

    Parameters
    ----------
    judged : JudgedRows
    probability : float64 array of shape (rows,)
    """
    told = observed_rate(judged, probability)
    if told is None:
        return Outcome(0, 0, None, None)
    happened = RateEstimate(told.observed, told.low, told.high)
    return Outcome(told.rows, told.positives, told.predicted, happened)


def counted_outcome(rate: ObservedRate) -> Outcome:
    """Promise and outcome of a rate that the card holds."""
    happened = measured_rate(rate.observed, rate.low, rate.high)
    return Outcome(rate.rows, rate.positives, rate.predicted, happened)
