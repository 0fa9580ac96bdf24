"""What was promised about some looks, and what came of it.

Tests: tests/training/evaluation/test_evidence.py.
"""

from features.arrays import Float64
from training.statistics.figures import JudgedRows, ObservedRate, observed_rate
from training.statistics.rates import Outcome, RateEstimate, measured_rate


def outcome_of(rows: JudgedRows, probability: Float64) -> Outcome:
    """Promise and outcome of looks; the interval counts leads.

    Parameters
    ----------
    rows : JudgedRows
        Outcomes of the looks.
    probability : float64 array of shape (rows,)
        What was promised of the same looks.
    """
    rate = observed_rate(rows, probability)
    if rate is None:
        return Outcome(0, 0, None, None)
    happened = RateEstimate(rate.observed, rate.low, rate.high)
    return Outcome(rate.rows, rate.positives, rate.predicted, happened)


def counted_outcome(rate: ObservedRate) -> Outcome:
    """Promise and outcome of a rate that the card holds."""
    happened = measured_rate(rate.observed, rate.low, rate.high)
    return Outcome(rate.rows, rate.positives, rate.predicted, happened)
