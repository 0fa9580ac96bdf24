"""Figures of probabilities beside the true ones: functions of arrays, and the values they fill.

A real test period has outcomes, and with a hundred buyers their luck hides most of what one wants
to see. A made-up world tells the truth t of each look instead, so every figure here is an
expectation over all outcomes that there could have been: nothing is left to luck but which leads
there were.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from features.arrays import Bool, Float64, Int64
from models.horizon import Z_80
from training.evaluation.reliability import Group, judged_by_interval

TOP_SHARE = 0.02
"""Share of the looks, the most promising ones, of which `said_over_true_top` speaks."""
SMALLEST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class PredictionFigures:
    """How good probabilities are.

    Parameters
    ----------
    excess : float
        Log loss beyond the truth's, as a share of what the base rate loses beyond it: 0 is the
        truth, 1 the base rate.
    said_over_true : float
        Mean probability over mean truth of all looks.
    said_over_true_top : float
        The same for the looks with the highest probabilities (`TOP_SHARE`).
    """

    excess: float
    said_over_true: float
    said_over_true_top: float


@dataclass(frozen=True, slots=True)
class BandFigures:
    """What a band promises, and what it holds.

    Parameters
    ----------
    looks : int
        Number of looks in the band.
    promised : float or None
        Promised rate; None where nobody can be in the band, or no rate is promised.
    true : float or None
        Mean truth of the looks in the band; None without looks.
    said_over_true : float or None
        Mean probability over mean truth of the looks in the band; None without looks.
    reach : float
        Share of all expected buyers that this band and a hotter one hold.
    bearable : float or None
        Reach that the model's own order bears at the promised rate (`bearable_reach`); None
        without a promise.
    provable : float or None
        Reach that it bears where a lower bound of the mean must reach the rate
        (`provable_reach`).
    reach_by_truth : float or None
        Reach that the order of the truth bears at that rate.
    """

    looks: int
    promised: float | None
    true: float | None
    said_over_true: float | None
    reach: float
    bearable: float | None
    provable: float | None
    reach_by_truth: float | None

    @property
    def is_kept(self) -> bool | None:
        """Whether the mean truth reaches the promised rate; None where nothing was promised.

        Examples
        --------
        >>> BandFigures(40, 0.15, 0.18, 1.1, 0.3, 0.35, 0.2, 0.5).is_kept
        True
        """
        if self.promised is None or self.true is None:
            return None
        return self.true >= self.promised


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Whether the intervals of groups by score, age and attribute hold their mean truth.

    Parameters
    ----------
    groups : int
        Groups that have leads enough to be judged.
    below, above : int
        Those whose mean truth lies below, and above, the mean ends of their leads' intervals.
    """

    groups: int
    below: int
    above: int

    @property
    def held(self) -> float | None:
        """Share of the groups whose interval holds the truth; None without groups."""
        return 1 - (self.below + self.above) / self.groups if self.groups else None


def expected_log_loss(probability: Float64, truth: Float64) -> float:
    """Mean log loss that probabilities will have in expectation.

    Parameters
    ----------
    probability : float64 array of shape (looks,)
        What is said of each look.
    truth : float64 array of shape (looks,)
        Its true probability.

    Examples
    --------
    >>> round(expected_log_loss(np.array([0.5]), np.array([0.2])), 4)
    0.6931
    """
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return float(-(xlogy(truth, p) + xlogy(1 - truth, 1 - p)).mean())


def excess_log_loss(probability: Float64, truth: Float64) -> float:
    """Expected log loss beyond that of the truth itself, in nats: never negative.

    Parameters
    ----------
    probability : float64 array of shape (looks,)
        What is said of each look.
    truth : float64 array of shape (looks,)
        Its true probability.
    """
    return expected_log_loss(probability, truth) - expected_log_loss(truth, truth)


def said_over_true(probability: Float64, truth: Float64, looks: Bool) -> float | None:
    """Mean probability over mean truth of some looks; None where there are none.

    Parameters
    ----------
    probability : float64 array of shape (looks,)
        What is said of each look.
    truth : float64 array of shape (looks,)
        Its true probability.
    looks : bool array of shape (looks,)
        Those that are meant.
    """
    if not looks.any():
        return None
    return float(probability[looks].mean() / truth[looks].mean())


def most_promising(probability: Float64, share: float = TOP_SHARE) -> Bool:
    """Which looks are among the given share with the highest probabilities, at least one.

    Parameters
    ----------
    probability : float64 array of shape (looks,)
        What is said of each look. Looks equal to the last that belongs to them belong to them too.
    share : float
        Share of the looks, more than 0.

    Examples
    --------
    >>> most_promising(np.array([0.1, 0.4, 0.3, 0.4]), share=0.25).tolist()
    [False, True, False, True]
    """
    count = max(1, math.ceil(share * len(probability)))
    smallest = np.partition(probability, -count)[-count]
    return np.asarray(probability >= smallest, np.bool_)


def prediction_figures(probability: Float64, truth: Float64, base_rate: float) -> PredictionFigures:
    """How good probabilities are.

    Parameters
    ----------
    probability : float64 array of shape (looks,)
        What is said of each look.
    truth : float64 array of shape (looks,)
        Its true probability.
    base_rate : float
        Share that converted of the looks whose outcome was known.
    """
    base = excess_log_loss(np.full(len(truth), base_rate), truth)
    everybody = np.ones(len(truth), np.bool_)
    return PredictionFigures(
        excess=excess_log_loss(probability, truth) / base,
        said_over_true=said_over_true(probability, truth, everybody) or math.nan,
        said_over_true_top=said_over_true(probability, truth, most_promising(probability))
        or math.nan,
    )


def bearable_reach(order: Float64, truth: Float64, rate: float) -> float:
    """Largest share of the expected buyers that an order bears at a rate.

    Parameters
    ----------
    order : float64 array of shape (looks,)
        What the looks are ordered by, the highest first; equal ones are not torn apart.
    truth : float64 array of shape (looks,)
        True probability of each look.
    rate : float
        Mean truth that the first looks of the order must have.

    Examples
    --------
    >>> bearable_reach(np.array([3.0, 2.0, 1.0]), np.array([0.5, 0.3, 0.2]), rate=0.4)
    0.8
    """
    ranked = np.argsort(-order, kind="stable")
    return _reach_of_first(order[ranked], truth[ranked], np.cumsum(truth[ranked]), rate)


def provable_reach(order: Float64, truth: Float64, lead: Int64, rate: float) -> float:
    """Largest share of the expected buyers that an order can be shown to bear at a rate.

    Not the mean truth of the first looks must reach the rate, but its lower 90 % bound, with the
    error that the outcomes of these very looks would have. Looks of one lead foresee the same
    purchase: their outcomes are taken to go together, so that the variance of the sum is that of
    Σ over leads of (Σ √(t(1 − t)))². It is the most that a promise tested on as many looks can do.

    Parameters
    ----------
    order : float64 array of shape (looks,)
        What the looks are ordered by, the highest first; equal ones are not torn apart.
    truth : float64 array of shape (looks,)
        True probability of each look.
    lead : int64 array of shape (looks,)
        Lead of each look.
    rate : float
        Rate that the bound must reach.

    Examples
    --------
    >>> order, truth = np.linspace(1, 0, 400), np.linspace(0.6, 0.0, 400)
    >>> round(bearable_reach(order, truth, rate=0.4), 3)
    0.89
    >>> round(provable_reach(order, truth, np.arange(400), rate=0.4), 3)
    0.773
    """
    ranked = np.argsort(-order, kind="stable")
    deviation = np.sqrt(truth[ranked] * (1 - truth[ranked]))
    by_lead = np.argsort(lead[ranked], kind="stable")
    ordered = deviation[by_lead]
    total = np.cumsum(ordered) - ordered
    begins = np.diff(lead[ranked][by_lead], prepend=-1) != 0
    earlier = total - np.maximum.accumulate(np.where(begins, total, 0.0))
    added = np.empty(len(ranked))
    added[by_lead] = 2 * earlier * ordered + ordered**2
    bound = np.cumsum(truth[ranked]) - Z_80 * np.sqrt(np.cumsum(added))
    return _reach_of_first(order[ranked], truth[ranked], bound, rate)


def _reach_of_first(order: Float64, truth: Float64, bound: Float64, rate: float) -> float:
    """Largest share of the truth in first looks of which a bound of the sum bears a rate."""
    last_of_equals = np.flatnonzero(np.diff(order, append=np.nan) != 0)
    bears = bound[last_of_equals] >= rate * (last_of_equals + 1) - 1e-12
    buyers = np.cumsum(truth)[last_of_equals]
    return float(buyers[bears].max() / truth.sum()) if bears.any() else 0.0


def band_figures(
    band: Bool,
    hotter: Bool,
    probability: Float64,
    truth: Float64,
    lead: Int64,
    promised: float | None,
) -> BandFigures:
    """What a band promises, and what it holds.

    Parameters
    ----------
    band : bool array of shape (looks,)
        Looks in the band: the promise is about them.
    hotter : bool array of shape (looks,)
        Looks in a hotter band: they count for the reach alone.
    probability : float64 array of shape (looks,)
        What is said of each look within the band's horizon.
    truth : float64 array of shape (looks,)
        Its true probability within that horizon.
    lead : int64 array of shape (looks,)
        Lead of each look.
    promised : float or None
        Promised rate; None where nobody can be in the band, or no rate is promised.
    """
    return BandFigures(
        looks=int(band.sum()),
        promised=promised,
        true=float(truth[band].mean()) if band.any() else None,
        said_over_true=said_over_true(probability, truth, band),
        reach=float(truth[band | hotter].sum() / truth.sum()),
        bearable=None if promised is None else bearable_reach(probability, truth, promised),
        provable=None if promised is None else provable_reach(probability, truth, lead, promised),
        reach_by_truth=None if promised is None else bearable_reach(truth, truth, promised),
    )


def group_figures(groups: Iterable[Group]) -> GroupFigures:
    """Whether the intervals of groups hold their mean truth.

    Parameters
    ----------
    groups : iterable of Group
        What stands as their observed rate is the mean truth.
    """
    large = judged_by_interval(list(groups))
    return GroupFigures(
        groups=len(large),
        below=sum(group.rate.observed < group.promised_low for group in large),
        above=sum(group.rate.observed > group.promised_high for group in large),
    )
