"""How many leads of a group buy, and how long that takes, while some are too young to tell.

A lead is watched from its creation to the end of the data, whatever becomes of it: a refusal is not
the end, so a lead that was closed has simply not bought so far. That makes the time for which each
lead could be watched known, and the product-limit estimate of those who buy within the horizon then
is right without leaving the younger leads out. Where too few could be watched to the horizon's end,
nothing is told. How long it takes is told from those who bought, of the leads that are old enough:
the young ones show the quick purchases first and would make everybody look quick.

References
----------
E. L. Kaplan, P. Meier, *Nonparametric estimation from incomplete observations*, Journal of the
American Statistical Association 53 (1958), doi:10.1080/01621459.1958.10501452.
K. J. Rothman, *Estimation of confidence limits for the cumulative probability of survival in life
table analysis*, Journal of Chronic Diseases 31 (1978), doi:10.1016/0021-9681(78)90043-2.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from features.arrays import Float64
from training.statistics.intervals import wilson_interval
from training.statistics.rates import RateEstimate

LEAST_LEADS = 30
"""Leads that must have been watched for the whole horizon before a share of them is told."""
LEAST_BOUGHT = 10
"""Purchases from which a middle is told."""


@dataclass(frozen=True, slots=True)
class MedianEstimate:
    """Median of some lengths of time, with its 95 % interval.

    Parameters
    ----------
    value, low, high : float
        In the unit of what it is the median of, ``low <= value <= high``.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(
                "A median must satisfy low <= value <= high, "
                f"got low={self.low}, value={self.value}, high={self.high}."
            )


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a group of leads within a horizon.

    Parameters
    ----------
    leads : int
    old_enough : int
        Those that could be watched for the whole horizon.
    bought : int
        Those, young or old, that have bought within it so far.
    share : RateEstimate or None
        Share that buys within the horizon; None where fewer than `LEAST_LEADS` are old enough.
    days : MedianEstimate or None
        From the start to the purchase, of the old enough that bought within the horizon; None
        where these are fewer than `LEAST_BOUGHT`.
    """

    leads: int
    old_enough: int
    bought: int
    share: RateEstimate | None
    days: MedianEstimate | None


def conversion(days: Float64, watched: Float64, horizon: float) -> Conversion:
    """What became of leads within so many days.

    Parameters
    ----------
    days : float64 array of shape (leads,)
        From the start to the purchase; infinite for those that have not bought.
    watched : float64 array of shape (leads,)
        From the start to the end of the data.
    horizon : float
        Days.
    """
    in_time = days <= np.minimum(watched, horizon)
    old = watched >= horizon
    return Conversion(
        leads=len(days),
        old_enough=int(old.sum()),
        bought=int(in_time.sum()),
        share=_share(days, watched, horizon) if old.sum() >= LEAST_LEADS else None,
        days=median_estimate(days[in_time & old]),
    )


def median_estimate(values: Float64) -> MedianEstimate | None:
    """Median with the interval that its order statistics give; None of fewer than `LEAST_BOUGHT`.

    The interval reaches from one value to another and holds whatever the distribution is: the
    number of values below the true median is binomial.

    Parameters
    ----------
    values : float64 array of shape (n,)

    Examples
    --------
    >>> median_estimate(np.arange(1.0, 12.0))
    MedianEstimate(value=6.0, low=2.0, high=10.0)
    """
    if len(values) < LEAST_BOUGHT:
        return None
    ordered = np.sort(values)
    # The largest k for which P(fewer than k values below the median) is at most 2.5 %.
    k = int(binom.ppf(0.025, len(values), 0.5))
    return MedianEstimate(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[-k]))


def counted_rate(count: int, of: int) -> RateEstimate | None:
    """Share that was counted, with Wilson's interval; None of nothing."""
    if of == 0:
        return None
    return RateEstimate(count / of, *wilson_interval(count / of, of))


def _share(days: Float64, watched: Float64, horizon: float) -> RateEstimate:
    """Product-limit estimate, with Wilson's interval for the leads that its variance is worth."""
    until = np.minimum(days, watched)
    moments, bought = np.unique(days[days <= np.minimum(watched, horizon)], return_counts=True)
    ordered = np.sort(until)
    at_risk = len(ordered) - np.searchsorted(ordered, moments, side="left")
    left = float(np.prod(1 - bought / at_risk))
    share, trials = 1 - left, float((watched >= horizon).sum())
    if 0 < share < 1:
        # Greenwood's variance, as that of so many leads that were all watched to the end.
        spread = left**2 * float(np.sum(bought / (at_risk * (at_risk - bought))))
        trials = share * left / spread
    return RateEstimate(share, *wilson_interval(share, trials))
