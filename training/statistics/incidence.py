"""Which share of a group of leads buys within a horizon, and how long that takes.

Some leads are younger than the horizon, so their outcome is not known yet (they are censored). A
lead is watched from its creation to the end of the data, whatever becomes of it: a refusal is not
the end, so a lead that was closed has simply not bought so far. The time for which each lead was
watched is therefore known, and the product-limit (Kaplan-Meier) estimate of the share that buys
within the horizon uses the young leads too. It is given only where enough leads were watched for
the whole horizon. The time to the purchase is the median over leads that are old enough: among
young leads only the quick purchases have happened, and they would make everybody look quick.

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
"""A share is given from this many leads that were watched for the whole horizon."""
LEAST_BOUGHT = 10
"""A median is given from this many values."""


@dataclass(frozen=True, slots=True)
class MedianEstimate:
    """Median of some lengths of time, with its 95 % interval.

    Parameters
    ----------
    value, low, high : float
        In the unit of the lengths of time, ``low <= value <= high``.
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
        Number of leads in the group.
    old_enough : int
        Leads that were watched for the whole horizon.
    bought : int
        Leads of any age that have bought within the horizon so far.
    share : RateEstimate or None
        Share that buys within the horizon; None where fewer than `LEAST_LEADS` are old enough.
    days : MedianEstimate or None
        Days from the start to the purchase, over leads that are old enough and bought within the
        horizon; None where these are fewer than `LEAST_BOUGHT`.
    """

    leads: int
    old_enough: int
    bought: int
    share: RateEstimate | None
    days: MedianEstimate | None


def conversion(days: Float64, watched: Float64, horizon: float) -> Conversion:
    """Share of leads that buy within a horizon, and the median time to the purchase.

    Parameters
    ----------
    days : float64 array of shape (leads,)
        Days from the start to the purchase; infinite for leads that have not bought.
    watched : float64 array of shape (leads,)
        Days from the start to the end of the data.
    horizon : float
        Days within which a purchase counts.
    """
    in_time = days <= np.minimum(watched, horizon)
    old_enough = watched >= horizon
    enough_leads = old_enough.sum() >= LEAST_LEADS
    return Conversion(
        leads=len(days),
        old_enough=int(old_enough.sum()),
        bought=int(in_time.sum()),
        share=_product_limit_share(days, watched, horizon) if enough_leads else None,
        days=median_estimate(days[in_time & old_enough]),
    )


def median_estimate(values: Float64) -> MedianEstimate | None:
    """Median with the interval that its order statistics give; None below `LEAST_BOUGHT` values.

    The interval reaches from one of the values to another. It holds for every continuous
    distribution, because the number of values below the true median is binomial.

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


def counted_rate(count: int, total: int) -> RateEstimate | None:
    """Count divided by total, with Wilson's interval; None where the total is 0."""
    if total == 0:
        return None
    return RateEstimate(count / total, *wilson_interval(count / total, total))


def _product_limit_share(days: Float64, watched: Float64, horizon: float) -> RateEstimate:
    """Product-limit estimate, with Wilson's interval for its effective number of trials."""
    durations = np.sort(np.minimum(days, watched))
    moments, bought = np.unique(days[days <= np.minimum(watched, horizon)], return_counts=True)
    at_risk = len(durations) - np.searchsorted(durations, moments, side="left")
    survival = float(np.prod(1 - bought / at_risk))
    share, trials = 1 - survival, float((watched >= horizon).sum())
    if 0 < share < 1:
        # The number of leads, all watched to the end, whose binomial variance is Greenwood's.
        variance = survival**2 * float(np.sum(bought / (at_risk * (at_risk - bought))))
        trials = share * survival / variance
    return RateEstimate(share, *wilson_interval(share, trials))
