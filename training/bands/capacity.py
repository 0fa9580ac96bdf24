"""How many leads of a week are in a band, and how high it must begin so that they can be called.

A salesperson calls leads, not looks: however often a lead is looked at in a week, it is one. Weeks
differ, so what sufficed in the average week is too little in half of them.
"""

import math

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from models.bands import staying_cutoff

KEPT_WEEKS = 0.9
"""Share of weeks in which a capacity is to suffice."""


def capacity_cutoff(
    probability: Float64, lead: Int64, as_of: Int64, per_week: int, hysteresis: float
) -> tuple[float | None, str]:
    """Lowest cut-off at which no more leads than a week's capacity are in the band, and why.

    Each complete calendar week says how high the cut-off had to be. The one that suffices in the
    next week as well with probability `KEPT_WEEKS` is the ⌈`KEPT_WEEKS` (n + 1)⌉-th lowest of n, if
    weeks are alike; with too few of them the highest.

    Parameters
    ----------
    probability : float64 array of shape (rows,)
        What is compared with the cut-off.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    per_week : int
        Most leads of a week.
    hysteresis : float
        Share of the cut-off's odds that a lead may lose and stay in the band; it is counted too.

    Returns
    -------
    tuple of float or None and str
        None without a complete week, or where no cut-off is high enough.

    References
    ----------
    V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, Springer (2005),
    doi:10.1007/b106715: the conformal quantile.
    """
    weeks = weekly_highest(probability, lead, as_of)
    if not weeks:
        return None, "there is no complete calendar week to count leads in"
    needed = sorted(
        math.nextafter(float(highest[per_week]), 2.0) if len(highest) > per_week else 0.0
        for highest in weeks
    )
    rank = math.ceil(KEPT_WEEKS * (len(needed) + 1) - 1e-9)
    line = needed[min(rank, len(needed)) - 1]
    # The inverse of `staying_cutoff`, rounded up: at the line, a lead just stays in the band.
    cutoff = line / (1 - hysteresis + hysteresis * line)
    while staying_cutoff(cutoff, hysteresis) < line:
        cutoff = math.nextafter(cutoff, 2.0)
    if cutoff > 1:
        return None, "more leads than that are as sure as can be, and no cut-off tells them apart"
    within = sum(line >= one for one in needed)
    explanation = f"enough in {within} of the {len(needed)} complete weeks that calibrate"
    if rank > len(needed):
        explanation += "; 9 at least would show that it is in 9 weeks of 10"
    return cutoff, explanation


def weekly_highest(value: Float64, lead: Int64, as_of: Int64) -> list[Float64]:
    """Highest value of each lead, in falling order, for each complete calendar week.

    A week begins on Monday 00:00 UTC; it is complete when looks begin before and end after it.
    """
    if len(as_of) == 0:
        return []
    # The epoch was a Thursday: three days later than a Monday.
    week = (as_of + 3 * MICROSECONDS_PER_DAY) // (7 * MICROSECONDS_PER_DAY)
    highest_by_week = []
    for number in range(int(week.min()) + 1, int(week.max())):
        in_week = week == number
        order = np.lexsort((-value[in_week], lead[in_week]))
        _, first = np.unique(lead[in_week][order], return_index=True)
        highest_by_week.append(np.sort(value[in_week][order][first])[::-1])
    return highest_by_week


def weekly_leads(inside: Bool, lead: Int64, as_of: Int64) -> list[int]:
    """How many leads were inside at one look or more, for each complete calendar week.

    Parameters
    ----------
    inside : bool array of shape (rows,)
        Whether each look is in the band.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    """
    return [
        int(in_band.sum()) for in_band in weekly_highest(inside.astype(np.float64), lead, as_of)
    ]
