"""How many more conversions it takes until the hot band's rate is known well enough.

The interval of a rate narrows with the square root of what it is counted from. That law is fitted
to the export itself: parts of the leads that calibrate are drawn, smaller and larger ones, and the
width of the interval is measured on each. More of the same leads is assumed, so the answer is about
waiting longer, not about leads of another kind. Where too few hot leads converted, or the parts do
not follow the law, nothing is predicted.
"""

import math
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Int64
from training.statistics.rate_bounds import rate_bounds

SUFFICIENT_HALF_WIDTH = 0.05
"""Half the width of the 95 % interval that is asked for."""
PART_SHARES = (0.25, 0.35, 0.5, 0.7, 1.0)
DRAWS = 20
LEAST_HOT_CONVERTED = 10
"""Hot leads that must have converted before anything is predicted."""
TOLERATED = 0.25
"""How far, as a share, a measured width may lie from the law."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """How well the hot rate is known from a part of the leads.

    Parameters
    ----------
    conversions : int
        Conversions that an export of that size has.
    half_width : float
        Half the width of the rate's 95 % interval; the median over parts of that size.
    """

    conversions: int
    half_width: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How the hot rate's interval narrows as conversions are added.

    Parameters
    ----------
    points : tuple of CurvePoint
        From the smallest part to the whole; empty where nothing can be told.
    more : int or None
        Conversions that are missing until half the interval is `SUFFICIENT_HALF_WIDTH`; 0 when none
        is missing, None when it cannot be told.
    sentence : str
        The answer in words.
    """

    points: tuple[CurvePoint, ...]
    more: int | None
    sentence: str


def learning_curve(
    converted: Bool, lead: Int64, hot: Bool, conversions: int, seed: int
) -> LearningCurve:
    """Learning curve of the hot band.

    Parameters
    ----------
    converted, hot : bool arrays of shape (rows,)
        Outcome of each calibrating look within the hot horizon, and whether the hot band's promise
        is counted on it.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    conversions : int
        Conversions of the whole export; the calibrating leads are a constant part of it.
    seed : int
        Seed of the draws.
    """
    hot_converted = len(np.unique(lead[hot & converted]))
    if hot_converted < LEAST_HOT_CONVERTED:
        explanation = (
            f"How well the hot rate is known cannot be told: {hot_converted} calibrating leads of "
            f"the band converted in time, at least {LEAST_HOT_CONVERTED} are needed."
        )
        return LearningCurve((), None, explanation)
    points = _points(converted, lead, hot, conversions, seed)
    # half_width = law / sqrt(conversions), by least squares of the logarithms
    law = math.exp(np.mean([math.log(p.half_width * math.sqrt(p.conversions)) for p in points]))
    deviation = max(abs(p.half_width * math.sqrt(p.conversions) / law - 1) for p in points)
    half_width = points[-1].half_width
    precision = f"The hot rate is known to ± {100 * half_width:.1f} points"
    if half_width <= SUFFICIENT_HALF_WIDTH:
        return LearningCurve(points, 0, f"{precision}.")
    if deviation > TOLERATED:
        explanation = (
            "how many conversions are missing cannot be told, for it narrows by no simple law."
        )
        return LearningCurve(points, None, f"{precision}; {explanation}")
    missing = _rounded(conversions * ((half_width / SUFFICIENT_HALF_WIDTH) ** 2 - 1))
    target = f"± {100 * SUFFICIENT_HALF_WIDTH:.0f} points"
    goal = f"until it is {target} (the export has {conversions:,})"
    return LearningCurve(
        points, missing, f"{precision}: about {missing:,} more conversions {goal}."
    )


def _points(
    converted: Bool, lead: Int64, hot: Bool, conversions: int, seed: int
) -> tuple[CurvePoint, ...]:
    """Widths by size; every part is drawn among all leads, whether they were called hot or not."""
    random = np.random.default_rng(seed)
    names, lead_index = np.unique(lead, return_inverse=True)
    points = []
    for share in PART_SHARES:
        size = max(1, round(share * len(names)))
        widths = []
        for _ in range(DRAWS if share < 1 else 1):
            in_part = np.zeros(len(names), bool)
            in_part[random.choice(len(names), size, replace=False)] = True
            hot_in_part = hot & in_part[lead_index]
            low, high = rate_bounds(converted[hot_in_part], lead[hot_in_part], 0.975)
            widths.append((high - low) / 2)
        points.append(CurvePoint(round(share * conversions), float(np.median(widths))))
    return tuple(points)


def _rounded(number: float) -> int:
    """Number with two digits that say something.

    Examples
    --------
    >>> _rounded(1234.5), _rounded(83.2), _rounded(0.4)
    (1200, 83, 1)
    """
    scale = float(10 ** max(0, math.floor(math.log10(max(number, 1))) - 1))
    return max(1, round(round(number / scale) * scale))
