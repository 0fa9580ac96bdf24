"""How surely a share of conversions is known, when rows of one lead belong together.

A lead that is looked at every week foresees the same purchase in several rows. Counting rows would
claim too much, counting leads too little; here rows count as many independent trials as their
outcomes say that they are worth.
"""

import numpy as np
from scipy import stats

from features.arrays import Bool, Int64


def rate_bounds(converted: Bool, lead: Int64, confidence: float) -> tuple[float, float]:
    """Lower and upper bound of a share, each by itself with the given confidence.

    Clopper and Pearson's bounds for as many trials as the rows are worth: their number divided by
    the design effect, which is the variance of the share over whole leads divided by that over
    independent rows, and never taken below 1; where every row has the same outcome, as many as
    there are leads. Student's t in place of the normal deviate makes up for few leads.

    Parameters
    ----------
    converted : bool array of shape (rows,)
    lead : int64 array of shape (rows,)
    confidence : float
        Within 0.5 and 1.

    Returns
    -------
    tuple of float
        0 and 1 without rows.

    References
    ----------
    E. L. Korn, B. I. Graubard, *Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data*, Survey Methodology 24 (1998), 193–201.

    Examples
    --------
    >>> low, high = rate_bounds(np.array([True] * 3 + [False] * 7), np.arange(10), 0.9)
    >>> round(low, 2), round(high, 2)
    (0.1, 0.59)
    """
    trials = effective_trials(converted, lead, confidence)
    if trials == 0:
        return 0.0, 1.0
    successes = float(converted.mean()) * trials
    misses = trials - successes
    low = stats.beta.ppf(1 - confidence, successes, misses + 1) if successes else 0.0
    high = stats.beta.ppf(confidence, successes + 1, misses) if misses else 1.0
    return float(low), float(high)


def effective_trials(converted: Bool, lead: Int64, confidence: float) -> float:
    """How many independent trials rows of several leads are worth; see `rate_bounds`."""
    rows = len(converted)
    if rows == 0:
        return 0.0
    names, place = np.unique(lead, return_inverse=True)
    leads = len(names)
    rate = float(converted.mean())
    if leads == 1 or rate in {0.0, 1.0}:
        return float(leads)
    away = np.bincount(place, converted - rate)
    variance = leads / (leads - 1) * float(away @ away) / rows**2
    trials = min(rate * (1 - rate) / variance, rows) if variance > 0 else rows
    heavier = stats.t.ppf(confidence, leads - 1) / stats.norm.ppf(confidence)
    return float(trials / heavier**2)
