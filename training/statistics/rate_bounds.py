"""One-sided confidence bounds of a conversion rate when several rows belong to one lead.

A lead that is looked at every week foresees the same purchase in several rows, so its rows are not
independent. Bounds that count rows are too narrow; bounds that count leads are wider than
necessary. The bounds here divide the number of rows by the design effect, which is estimated from
the outcomes.
"""

import numpy as np
from scipy import stats

from features.arrays import Bool, Int64


def rate_bounds(converted: Bool, lead: Int64, confidence: float) -> tuple[float, float]:
    """Lower and upper bound of a share, each by itself with the given confidence.

    The bounds are Clopper and Pearson's for an effective number of trials. That is the number of
    rows divided by the design effect: the variance of the share over whole leads divided by the
    variance over independent rows, and at least 1. Where every row has the same outcome the design
    effect cannot be estimated, and the number of leads is used. Student's t in place of the normal
    deviate widens the bounds where there are few leads.

    Parameters
    ----------
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Lead of each row.
    confidence : float
        One-sided confidence of each bound, between 0.5 and 1.

    Returns
    -------
    tuple of float
        Lower and upper bound; 0 and 1 without rows.

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
    """Effective number of independent trials in rows of several leads; see `rate_bounds`."""
    rows = len(converted)
    if rows == 0:
        return 0.0
    unique_leads, lead_index = np.unique(lead, return_inverse=True)
    leads = len(unique_leads)
    rate = float(converted.mean())
    if leads == 1 or rate in {0.0, 1.0}:
        return float(leads)
    excess = np.bincount(lead_index, converted - rate)
    variance = leads / (leads - 1) * float(excess @ excess) / rows**2
    trials = min(rate * (1 - rate) / variance, rows) if variance > 0 else rows
    few_leads_factor = stats.t.ppf(confidence, leads - 1) / stats.norm.ppf(confidence)
    return float(trials / few_leads_factor**2)
