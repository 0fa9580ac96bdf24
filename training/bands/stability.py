"""Bands that mean the same after the next training, unless the change is beyond chance.

A cut-off is chosen on a few hundred buyers, so another month of data moves it even where nothing
has changed, and leads change their band although nothing is new about them. How far chance alone
moves it is known: the choice is made again on leads drawn with replacement. While the earlier
cut-off lies among those that chance gives, and the looks still bear its promise on average, it is
kept with its promise.

What serves has learned to the end of the data, and the looks of the test period are out of time
too. They confirm the bands that the test period has judged (`confirming`): the evidence is then
that of all of them, and only a promise that they contradict is chosen anew.
"""

import dataclasses
import math

import numpy as np

from features.arrays import Float64
from models.bands import Bands, Promise, staying_cutoff
from models.policy import (
    Capacity,
    Economics,
    FixedCutoff,
    GuaranteedRate,
    HighestLift,
    HighestRate,
    LimitedRate,
    Policy,
    Promised,
    WantedReach,
    confidence_of,
    promised_rate,
)
from training.bands.cutoffs import Chooser, HeldOutLooks, choose_cutoff, promise_of_cutoff
from training.statistics.rate_bounds import rate_bounds

RESAMPLES = 40
"""Draws of leads by which a cut-off's noise is known."""
NOISE_TAIL = 0.025
"""Share of the draws beyond each end of what counts as chance."""
NOBODY = 2.0
"""What stands for the cut-off of a draw that bears no promise: above every probability."""


def keeping(earlier: Bands, seed: int) -> Chooser:
    """Choice that keeps an earlier cut-off and its promise while the change may be chance.

    Parameters
    ----------
    earlier : Bands
        Bands of the model that serves until now.
    seed : int
        Seed of the draws; the same seed gives the same choice.
    """

    def choose(
        policy: Policy, looks: HeldOutLooks, band: str, hysteresis: float
    ) -> tuple[float | None, Promise]:
        cutoff, promise = choose_cutoff(policy, looks, band, hysteresis)
        earlier_cutoff, earlier_promise = earlier.cutoffs[band], earlier.promises.get(band)
        if (
            earlier_cutoff is None
            or earlier_promise is None
            or earlier.decided_by != "probability"
            or not answers(policy, earlier_promise.policy)
            or not _bears_on_average(looks, earlier_cutoff, earlier_promise.policy, hysteresis)
        ):
            return cutoff, promise
        cutoffs_by_chance = drawn_cutoffs(policy, looks, band, hysteresis, seed)
        low, high = np.quantile(cutoffs_by_chance, [NOISE_TAIL, 1 - NOISE_TAIL])
        if not low <= earlier_cutoff <= high:
            return cutoff, promise
        anew = "nobody would be called so" if cutoff is None else f"it would be {cutoff:.3f}"
        explanation = f"kept from the model before; chosen anew {anew}, which chance explains"
        return earlier_cutoff, promise_of_cutoff(
            earlier_promise.policy, looks, earlier_cutoff, hysteresis, explanation
        )

    return choose


def confirming(judged_bands: Bands) -> Chooser:
    """Choice that keeps the judged bands unless all looks together contradict a promise.

    Where the judged bands call nobody so, the looks of the test period may bear a promise after
    all.

    Parameters
    ----------
    judged_bands : Bands
        Bands that the test period has judged.
    """

    def choose(
        policy: Policy, looks: HeldOutLooks, band: str, hysteresis: float
    ) -> tuple[float | None, Promise]:
        cutoff, promise = judged_bands.cutoffs[band], judged_bands.promises[band]
        if cutoff is None or _is_contradicted(looks, cutoff, promise.policy, hysteresis):
            return choose_cutoff(policy, looks, band, hysteresis)
        return cutoff, promise_of_cutoff(
            promise.policy, looks, cutoff, hysteresis, promise.explanation
        )

    return choose


def drawn_cutoffs(
    policy: Policy, looks: HeldOutLooks, band: str, hysteresis: float, seed: int
) -> Float64:
    """Cut-offs that leads drawn with replacement give, shape (`RESAMPLES`,).

    Parameters
    ----------
    policy, looks, band, hysteresis
        As in `training.bands.cutoffs.choose_cutoff`.
    seed : int
        Seed of the draws.

    Returns
    -------
    float64 array of shape (RESAMPLES,)
        `NOBODY` where a draw bears no promise.
    """
    order = np.argsort(looks.lead, kind="stable")
    _, first_row, rows = np.unique(looks.lead[order], return_index=True, return_counts=True)
    random = np.random.default_rng(seed)
    cutoffs = []
    for _ in range(RESAMPLES):
        leads = random.integers(len(rows), size=len(rows))
        drawn_rows = np.concatenate(
            [order[first_row[lead] : first_row[lead] + rows[lead]] for lead in leads]
        )
        # A lead that is drawn twice is two leads.
        lead_of_row = np.repeat(np.arange(len(leads)), rows[leads])
        resample = dataclasses.replace(looks.among(drawn_rows), lead=lead_of_row)
        cutoff, _ = choose_cutoff(policy, resample, band, hysteresis)
        cutoffs.append(NOBODY if cutoff is None else cutoff)
    return np.array(cutoffs)


def answers(policy: Policy, promised: Promised) -> bool:
    """Whether a promise is one that the policy may have become, so that it can be kept.

    A cut-off set by hand and a capacity are not carried over: the first has no noise, and the
    second is to follow the number of leads.

    Examples
    --------
    >>> answers(HighestLift(0.25), GuaranteedRate(0.12))
    True
    >>> answers(GuaranteedRate(0.15), GuaranteedRate(0.12))
    False
    """
    match policy:
        case FixedCutoff() | Capacity():
            return False
        case GuaranteedRate() | Economics():
            return policy == promised
        case HighestRate(up_to, confidence):
            return (
                isinstance(promised, GuaranteedRate)
                and promised.rate <= up_to
                and promised.confidence == confidence
            )
        case HighestLift() | WantedReach():
            return isinstance(promised, GuaranteedRate) and promised.confidence == policy.confidence


def _own_outcomes(looks: HeldOutLooks, cutoff: float, hysteresis: float) -> HeldOutLooks:
    """Looks with a known outcome that the band may hold."""
    in_band = looks.probability >= staying_cutoff(cutoff, hysteresis)
    return looks.among(looks.outcome_known & ~looks.hotter & in_band)


def _bears_on_average(
    looks: HeldOutLooks, cutoff: float, promised: Promised, hysteresis: float
) -> bool:
    if isinstance(promised, Capacity | LimitedRate):
        return False
    held = _own_outcomes(looks, cutoff, hysteresis)
    return len(held.lead) > 0 and float(held.converted.mean()) >= promised_rate(promised)


def _is_contradicted(
    looks: HeldOutLooks, cutoff: float, promised: Promised, hysteresis: float
) -> bool:
    """Whether even the upper bound of the band's rate lies below the promise."""
    if isinstance(promised, Capacity | LimitedRate | FixedCutoff):
        return False
    held = _own_outcomes(looks, cutoff, hysteresis)
    _, high = rate_bounds(held.converted, held.lead, confidence_of(promised))
    return math.isfinite(high) and high < promised_rate(promised)
