"""An advantage over all months, as sure as its months agree.

Which leads happen to be drawn is not all the luck there is in a comparison of two models: in a
month of campaigns one of them may be ahead, in the next the other. Leads drawn again all live
through the same months, so the bootstrap over leads says nothing of that. Here each month is held
beside all others, and the interval is widened by what months differ beyond the luck of their leads.

In units in which the mean over N converting leads has a variance of 1 / N, a month with a share w
of the looks lies beside the others with a variance of 1 / (N w) + 1 / (N (1 − w)) from luck, and of
v (1 + Σ s²) from months, where s are the shares of the others among themselves. The posterior mean
of v, drawn to a prior, is that of `training.statistics.levels`; the mean of all months then has a
variance of 1 / N + v Σ w².
"""

from dataclasses import replace

import numpy as np

from features.arrays import Bool, Float64, Int64
from training.statistics.intervals import Z_95
from training.statistics.levels import (
    MonthLevels,
    between_month_variance,
    month_index,
    prior_variance,
)
from training.statistics.paired import Difference, Metric


def with_months(
    difference: Difference,
    metric: Metric,
    converted: Bool,
    lead: Int64,
    first: Float64,
    second: Float64,
    as_of: Int64,
) -> Difference:
    """Difference whose interval also covers how far months differ.

    Parameters
    ----------
    difference : Difference
        Advantage of the first predictor over the second, by the bootstrap over leads.
    metric : Metric
        Figure that it is of.
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    first, second : float64 arrays of shape (rows,)
        Probabilities of both predictors.

    Returns
    -------
    Difference
        The same advantage; its interval is stretched about it and never narrower.
    """
    buyers = len(np.unique(lead[converted]))
    if difference.low == difference.high or buyers == 0:
        return difference
    month = month_index(as_of)
    share = np.bincount(month) / len(month)
    of_first, of_second = (
        metric.prepare(converted, probability) for probability in (first, second)
    )
    sign = 1.0 if metric.higher_is_better else -1.0
    without_month = [(month != out).astype(np.float64) for out in range(len(share))]
    advantage_without = np.array(
        [sign * (of_first(weight) - of_second(weight)) for weight in without_month]
    )
    error = (difference.high - difference.low) / (2 * Z_95)
    between = between_month_variance(
        _levels((difference.advantage - advantage_without) / error, share, buyers),
        prior_variance(buyers),
    )
    stretch = float(np.sqrt(1 + between * buyers * (share**2).sum()))
    low, high = (
        difference.advantage + stretch * (end - difference.advantage)
        for end in (difference.low, difference.high)
    )
    return replace(difference, low=low, high=high)


def _levels(ahead_by_errors: Float64, share: Float64, buyers: int) -> MonthLevels:
    """Months beside all others, as residuals with the variances that `MonthLevels` has.

    Parameters
    ----------
    ahead_by_errors : float64 array of shape (months,)
        Advantage of all months less that without each, in standard errors of the former.
    share : float64 array of shape (months,)
        Share of the looks in each.
    buyers : int
        Converting leads of all.
    """
    usable = np.isfinite(ahead_by_errors) & (share < 1)
    share, other_share = share[usable], 1 - share[usable]
    beside_rest = ahead_by_errors[usable] / np.sqrt(buyers) / share
    luck = (1 / share + 1 / other_share) / buyers
    spread = 1 + ((share**2).sum() - share**2) / other_share**2
    information = spread / luck
    return MonthLevels(
        information=tuple(information.tolist()),
        residual=tuple((information * beside_rest / np.sqrt(spread)).tolist()),
        curve_variance=(0.0,) * len(information),
        design_effect=1.0,
    )
