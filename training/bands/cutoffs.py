"""Cut-offs out of promises: where a band begins so that it keeps what was asked of it.

A promise is about the mean of a band: of the leads called hot at least such a share buys. So a
cut-off is compared with each lead's probability, and what is tested is the whole band, the leads
included that only hysteresis keeps in it, on looks that no model had learned from. Rows of one lead
foresee the same purchase; the bounds count how much they are worth together.

A cut-off that looks good on some rows looks better on them than it is, because it was chosen there.
A guaranteed rate r is therefore sought in three ways, and the first that succeeds is taken
(`guaranteed_cutoff`):

1. The looks from r on bear the rate: the lower bound of the share that converted is r or more. Then
   lower cut-offs are tried in a fixed order until one fails. The last that held, c*, was the
   luckiest of them, so the cut-off is √(c* · r), halfway between it and r.
2. There are too few looks for that, and r is not high. Then the mean of the band's probabilities is
   tested in place of its outcomes, drawn down by as much as the looks from r/2 on may have fallen
   short of theirs; the band's own outcomes must not contradict it. The cut-off is the lowest from r
   on that passes. This is a model-assisted estimator: the many looks below the band say how far
   probabilities are to be trusted, the probabilities say where in them the band lies.
3. Else the bound itself must bear it, above r. The search starts at the lowest cut-off worth
   having; where the rate does not hold there, it starts again with the better half of the looks and
   half of the allowed error, and from a start that passes it goes down until a test fails
   (fixed-sequence testing with several starts).

The multiples of the base rate, and the rates of `HighestRate`, are tried from the lowest upwards,
and the first that fails ends it: an order that does not know the outcomes. Where nothing passes
there is no cut-off: in doubt, everybody is the colder.

References
----------
A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei, *Learn then test: Calibrating
predictive algorithms to achieve risk control*, Annals of Applied Statistics 19 (2025),
doi:10.1214/24-AOAS1998.
C.-E. Särndal, B. Swensson, J. Wretman, *Model Assisted Survey Sampling*, Springer (1992),
doi:10.1007/978-1-4612-4378-6.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64
from features.spine import Spine
from models.bands import HORIZONS, LEVELS, Bands, Promise, staying_cutoff
from models.policy import (
    CONFIDENCE,
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
from training.bands.capacity import capacity_cutoff
from training.config import BandSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.statistics.rate_bounds import rate_bounds

Chooser: TypeAlias = Callable[[Policy, "HeldOutLooks", str, float], tuple[float | None, Promise]]
"""Chooses a band's cut-off, as `choose_cutoff` does."""
LIFTS = (1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
"""Multiples of the base rate that `HighestLift` tries, each about half as much again."""
LOWEST_RATE = 0.10
RATE_STEP = 0.05
"""The highest rate that holds is sought from the lowest on by such steps."""
STEPS = 16
"""So many cut-offs are tried between two starts of the search."""
LOWEST_SHARE = 1 / 8
DOWNWARD_STEPS = 24
"""Cut-offs below a rate that holds are tried down to that share of it, in so many equal steps of
the logarithm."""
UPWARD_STEPS = 40
"""Cut-offs from a rate up to 1 that a band's probabilities are tested at, likewise."""
NEAR = 1 / 2
"""Probabilities are trusted as far as looks bear them out from this share of the rate on."""
LEAST_ASSISTED_BUYERS = 5
"""Leads of the band that must have converted before its probabilities may speak for it."""
MOST_ASSISTED_RATE = 0.30
"""Above this rate probabilities are no evidence: on made-up CRMs they broke such promises."""
ROUNDED = 1_000
"""A rate that is measured is promised in tenths of a per cent."""


@dataclass(frozen=True, slots=True)
class HeldOutLooks:
    """Rows that no model has learned from, to choose a band's cut-off on.

    Parameters
    ----------
    probability : float64 array of shape (rows,)
        What is compared with the cut-off.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    converted, outcome_known : bool arrays of shape (rows,)
        Whether the lead converted within the band's horizon, and whether that may be looked at.
        Rows whose outcome is not known yet count only where leads are counted.
    hotter : bool array of shape (rows,)
        Whether a hotter band may hold the row: then it is none of this band's own, but the buyers
        that it foresees are reached.
    """

    probability: Float64
    lead: Int64
    as_of: Int64
    converted: Bool
    outcome_known: Bool
    hotter: Bool

    def among(self, rows: Bool) -> "HeldOutLooks":
        """The chosen rows alone."""
        return HeldOutLooks(
            *(getattr(self, column.name)[rows] for column in dataclasses.fields(self))
        )


def fit_bands(
    hot: Float64,
    warm: Float64,
    spine: Spine,
    labels: Mapping[str, Labels],
    splits: Mapping[str, Split],
    settings: BandSettings,
    choose: Chooser | None = None,
    with_test_period: bool = False,
) -> Bands:
    """The bands that the calibrating rows bear.

    Parameters
    ----------
    hot, warm : float64 arrays of shape (rows,)
        Probabilities within each horizon, by predictors that have not learned from the calibrating
        rows; rows without them (NaN) are left out.
    spine, labels, splits
        All rows, and the outcomes and periods by horizon.
    settings : BandSettings
        What is promised of each band.
    choose : callable, optional
        Chooses each cut-off; `choose_cutoff` by default.
    with_test_period : bool, optional
        Whether the rows of the test period are looked at as well.

    Raises
    ------
    ValueError
        The bands' rates are not in order.
    """
    looks, hot_of_rows = {}, {}
    predicted = ~(np.isnan(hot) | np.isnan(warm))
    for name, probability in zip(HORIZONS, (hot, warm), strict=True):
        split, outcomes = splits[name], labels[name]
        rows = (spine.as_of >= split.calibrate_from) & predicted
        if not with_test_period:
            rows &= spine.as_of < split.test_from
        known_outcome = split.calibrate | split.test
        hot_of_rows[name] = hot[rows]
        looks[name] = HeldOutLooks(
            probability=probability[rows],
            lead=spine.lead[rows],
            as_of=spine.as_of[rows],
            converted=outcomes.converted[rows],
            outcome_known=known_outcome[rows],
            hotter=np.zeros(int(rows.sum()), np.bool_),
        )
    bands = bands_for_promises(settings, looks["hot"], looks["warm"], hot_of_rows["warm"], choose)
    for name in HORIZONS:
        rows = splits[name].calibrate & predicted
        band = bands.assign(hot[rows], warm[rows])
        require_order(name, band, labels[name].converted[rows], spine.lead[rows])
    return bands


def bands_for_promises(
    settings: BandSettings,
    hot: HeldOutLooks,
    warm: HeldOutLooks,
    warm_hot: Float64,
    choose: Chooser | None = None,
) -> Bands:
    """Bands that keep what the configuration asks of them.

    Parameters
    ----------
    settings : BandSettings
        What is promised of each band.
    hot, warm : HeldOutLooks
        By which the cut-off of each band is chosen.
    warm_hot : float64 array of shape (rows of `warm`,)
        Their probabilities within the hot horizon, because a hot lead is not warm.
    choose : callable, optional
        Chooses each cut-off; `choose_cutoff` by default.
    """
    choose = choose or choose_cutoff
    hysteresis = settings.hysteresis
    hot_cutoff, hot_promise = choose(settings.hot, hot, "hot", hysteresis)
    # Hysteresis may keep a lead hot: what is left for warm are those that are surely not.
    lowest = math.inf if hot_cutoff is None else staying_cutoff(hot_cutoff, hysteresis)
    beside_hot = dataclasses.replace(warm, hotter=warm_hot >= lowest)
    warm_cutoff, warm_promise = choose(settings.warm, beside_hot, "warm", hysteresis)
    promises = {"hot": hot_promise, "warm": warm_promise}
    bands = Bands(hot_cutoff, warm_cutoff, hysteresis, promises)
    cold_promise = promise_of_cold(bands, warm, warm_hot)
    if cold_promise is None:
        return bands
    return dataclasses.replace(bands, promises={**promises, "cold": cold_promise})


def choose_cutoff(
    policy: Policy, looks: HeldOutLooks, band: str, hysteresis: float
) -> tuple[float | None, Promise]:
    """Cut-off of a band, or None where nobody can be called so, and what the promise rests on.

    Parameters
    ----------
    policy : Policy
        What is promised of the band.
    looks : HeldOutLooks
        Those that a hotter band may hold included.
    band : {"hot", "warm"}
        Name of the band, for the explanation.
    hysteresis : float
        Share of the cut-off's odds that a lead may lose and stay in the band.
    """
    known_looks = looks.among(looks.outcome_known)
    own_looks = known_looks.among(~known_looks.hotter)
    cutoff: float | None
    promised: Promised
    match policy:
        case FixedCutoff(cutoff):
            promised, explanation = policy, "set by hand"
        case Capacity(per_week):
            promised, colder = policy, looks.among(~looks.hotter)
            cutoff, explanation = capacity_cutoff(
                colder.probability, colder.lead, colder.as_of, per_week, hysteresis
            )
        case HighestRate(up_to, confidence):
            promised, cutoff, explanation = _highest_rate(own_looks, up_to, confidence, hysteresis)
        case HighestLift():
            promised, cutoff, explanation = _highest_lift(known_looks, policy, hysteresis)
        case WantedReach():
            promised, cutoff, explanation = _cutoff_of_reach(known_looks, policy, hysteresis)
        case GuaranteedRate() | Economics():
            promised, rate = policy, promised_rate(policy)
            cutoff, explanation = guaranteed_cutoff(own_looks, rate, policy.confidence, hysteresis)
        case _:
            assert_never(policy)
    if cutoff is None and not isinstance(promised, Capacity):
        explanation = f"the held-out looks do not bear the promise, so nobody is called {band}"
    return cutoff, promise_of_cutoff(promised, looks, cutoff, hysteresis, explanation)


def guaranteed_cutoff(
    looks: HeldOutLooks, rate: float, confidence: float, hysteresis: float
) -> tuple[float | None, str]:
    """Cut-off of a band of which at least a given share converts, and how it came about.

    Parameters
    ----------
    looks : HeldOutLooks
        All of them known, and in no hotter band.
    rate : float
        Share that must convert.
    confidence : float
        One minus the probability with which a test may pass although the rate does not hold.
    hysteresis : float
        What is tested are the looks down to which a lead stays in the band.

    Returns
    -------
    tuple of float or None and str
        None when no test passed; see the head of this module for the tests.
    """
    lowest = lowest_proven_cutoff(looks, rate, confidence, hysteresis)
    if lowest is not None:
        return math.sqrt(lowest * rate), (
            f"the held-out looks bear the promise down to a cut-off of {lowest:.3f}, and this one "
            "lies halfway to the rate"
        )
    if rate <= MOST_ASSISTED_RATE:
        cutoff = assisted_cutoff(looks, rate, confidence, hysteresis)
        if cutoff is not None:
            return cutoff, (
                "the held-out looks of the band are too few to bear the promise alone; its "
                f"probabilities do, trusted as far as the looks from {NEAR * rate:.3g} on bear "
                "theirs out"
            )
    cutoff = searched_cutoff(looks, rate, confidence, hysteresis)
    return cutoff, "a cut-off above the rate, for which the held-out looks bear the promise"


def lowest_proven_cutoff(
    looks: HeldOutLooks, rate: float, confidence: float, hysteresis: float
) -> float | None:
    """Last cut-off, tried downwards from the rate, before the lower bound of the band misses it.

    Parameters
    ----------
    looks, rate, confidence, hysteresis
        As in `guaranteed_cutoff`.

    Returns
    -------
    float or None
        None when the band from the rate on misses it already.
    """
    tried = np.geomspace(rate, LOWEST_SHARE * rate, DOWNWARD_STEPS + 1).tolist()
    tried[0] = rate
    proven = itertools.takewhile(
        lambda cutoff: _holds(looks, cutoff, rate, 1 - confidence, hysteresis), tried
    )
    return min(proven, default=None)


def assisted_cutoff(
    looks: HeldOutLooks, rate: float, confidence: float, hysteresis: float
) -> float | None:
    """Lowest cut-off from the rate on whose band bears it by its probabilities.

    The looks from `NEAR` of the rate on, which are many more than those of the band, converted at
    least so often, by their lower bound, as a share of what their probabilities said. That share of
    the band's mean probability must reach the rate, and so must what came of the band.

    Parameters
    ----------
    looks, rate, confidence, hysteresis
        As in `guaranteed_cutoff`.

    Returns
    -------
    float or None
        None when there is none.
    """
    near = looks.probability >= NEAR * rate
    if not near.any():
        return None
    low, _ = rate_bounds(looks.converted[near], looks.lead[near], confidence)
    trust = min(1.0, low / float(looks.probability[near].mean()))
    for cutoff in np.geomspace(rate, 1.0, UPWARD_STEPS, endpoint=False).tolist():
        in_band = looks.probability >= staying_cutoff(cutoff, hysteresis)
        if len(np.unique(looks.lead[in_band & looks.converted])) < LEAST_ASSISTED_BUYERS:
            break
        foreseen = trust * float(looks.probability[in_band].mean())
        if min(foreseen, float(looks.converted[in_band].mean())) >= rate:
            return float(cutoff)
    return None


def searched_cutoff(
    looks: HeldOutLooks, rate: float, confidence: float, hysteresis: float
) -> float | None:
    """Lowest cut-off above a rate that shows, by a test that the search does not spoil, it holds.

    Parameters
    ----------
    looks, rate, confidence, hysteresis
        As in `guaranteed_cutoff`.

    Returns
    -------
    float or None
        None when no test passed.
    """
    above = np.sort(looks.probability[looks.probability >= rate])[::-1]
    start, rows, allowed = rate, len(above), (1 - confidence) / 2
    below: list[float] = []
    while not _holds(looks, start, rate, allowed, hysteresis):
        if rows < 2:
            return None
        candidate_ranks = np.linspace(rows // 2, rows, STEPS, endpoint=False).astype(np.int64) - 1
        start, *below = np.unique(above[candidate_ranks])[::-1].tolist()
        rows, allowed = rows // 2, allowed / 2
    passing_cutoffs = itertools.takewhile(
        lambda cutoff: _holds(looks, cutoff, rate, allowed, hysteresis), below
    )
    return min(passing_cutoffs, default=start)


def reach_from(looks: HeldOutLooks, cutoff: float) -> float | None:
    """Share of the buyers that a band from a cut-off on holds together with the hotter ones.

    A buyer is a lead that converted in time after one of its looks; it is reached if it was in the
    band, or in a hotter one, at such a look.

    Parameters
    ----------
    looks : HeldOutLooks
        All of them known.
    cutoff : float
        The band's cut-off.

    Returns
    -------
    float or None
        None without buyers.
    """
    highest = _highest_of_buyers(looks)
    return float((highest >= cutoff).mean()) if len(highest) else None


def promise_of_cold(bands: Bands, looks: HeldOutLooks, hot: Float64) -> Promise | None:
    """What cold promises: the upper bound of the share of its looks that convert.

    Parameters
    ----------
    bands : Bands
        With the cut-offs of hot and warm.
    looks : HeldOutLooks
        Those that the cut-off of warm was chosen by.
    hot : float64 array of shape (rows,)
        Their probabilities within the hot horizon.

    Returns
    -------
    Promise or None
        None where there is no cold look whose outcome is known, or no bound below 100 %.
    """
    is_cold = bands.assign(hot, looks.probability) == LEVELS[0].value
    # Every look from its cut-off on is reached by hot or warm: what is left is cold's.
    known_looks = dataclasses.replace(looks, hotter=~is_cold).among(looks.outcome_known)
    cold = known_looks.among(~known_looks.hotter)
    if len(cold.lead) == 0:
        return None
    _, high = rate_bounds(cold.converted, cold.lead, CONFIDENCE)
    at_most = math.ceil(ROUNDED * high) / ROUNDED
    if at_most >= 1:
        return None
    reached = reach_from(known_looks, math.inf)
    return Promise(
        LimitedRate(at_most),
        line=1.0 if bands.warm is None else bands.warm,
        looks=len(cold.lead),
        leads=len(np.unique(cold.lead)),
        positives=int(cold.converted.sum()),
        rate=float(cold.converted.mean()),
        bound=high,
        explanation="the upper bound of what came of the held-out looks in neither of the bands",
        reach=None if reached is None else 1 - reached,
    )


def require_order(horizon: str, band: npt.NDArray[np.str_], converted: Bool, lead: Int64) -> None:
    """Refuse bands of which a hotter one converts surely less often than a colder one.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        Within which the leads converted.
    band : str array of shape (rows,)
        Band of each row.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.

    Raises
    ------
    ValueError
        Even the upper 95 % bound of the hotter band's rate lies below the lower one of the other's.
    """
    occupied = [name.value for name in LEVELS if np.any(band == name.value)]
    for colder, hotter in itertools.combinations(occupied, 2):
        low, high = (
            rate_bounds(converted[band == name], lead[band == name], 0.95)
            for name in (colder, hotter)
        )
        if high[1] < low[0]:
            raise ValueError(
                f"The bands are not in order: within the {horizon} horizon at most "
                f"{100 * high[1]:.1f} % of the calibrating looks called {hotter} converted, but at "
                f"least {100 * low[0]:.1f} % of those called {colder}. Ask for something else in "
                f"[bands]: a higher rate or a smaller capacity for {hotter}, say."
            )


def _highest_rate(
    looks: HeldOutLooks, up_to: float, confidence: float, hysteresis: float
) -> tuple[GuaranteedRate, float | None, str]:
    """Highest rate for which there is a cut-off, with it; the lowest rate where there is none."""
    rates = [*np.arange(LOWEST_RATE, up_to, RATE_STEP).round(9).tolist(), up_to]
    highest: tuple[GuaranteedRate, float | None, str]
    highest = GuaranteedRate(rates[0], confidence), None, ""
    for rate in rates:
        cutoff, explanation = guaranteed_cutoff(looks, rate, confidence, hysteresis)
        if cutoff is None:
            break
        sought = f"the highest rate up to {100 * up_to:.3g} % that the held-out looks bear"
        highest = GuaranteedRate(rate, confidence), cutoff, f"{sought}; {explanation}"
    return highest


def _highest_lift(
    looks: HeldOutLooks, policy: HighestLift, hysteresis: float
) -> tuple[GuaranteedRate, float | None, str]:
    """Highest of the `LIFTS` that is borne with enough reach; the lowest even with less."""
    own_looks = looks.among(~looks.hotter)
    # What the band holds by itself: without the looks of hotter bands, but of all buyers.
    own_probability = np.where(looks.hotter, -math.inf, looks.probability)
    alone = dataclasses.replace(
        looks, probability=own_probability, hotter=np.zeros_like(looks.hotter)
    )
    base_rate = float(looks.converted.mean()) if len(looks.lead) else 0.0
    rates = [(lift, _two_digits(lift * base_rate)) for lift in LIFTS]
    lowest_rate = min(max(rates[0][1], 1 / ROUNDED), 1 - 1 / ROUNDED)
    highest: tuple[GuaranteedRate, float | None, str]
    highest = GuaranteedRate(lowest_rate, policy.confidence), None, ""
    for lift, rate in rates:
        if not 0 < rate < 1:
            break
        cutoff, explanation = guaranteed_cutoff(own_looks, rate, policy.confidence, hysteresis)
        if cutoff is None:
            break
        reach = reach_from(alone, cutoff) or 0.0
        if reach < policy.least_reach and lift > LIFTS[0]:
            break
        highest = (
            GuaranteedRate(rate, policy.confidence),
            cutoff,
            (
                f"{lift:g} times the base rate of {100 * base_rate:.2g} %, the highest multiple "
                f"that holds with a reach of {100 * policy.least_reach:.3g} %; {explanation}"
            ),
        )
    return highest


def _cutoff_of_reach(
    looks: HeldOutLooks, policy: WantedReach, hysteresis: float
) -> tuple[GuaranteedRate, float | None, str]:
    """Highest cut-off that holds the wanted share of buyers, and the rate that is borne there."""
    own_looks = looks.among(~looks.hotter)
    lowest_rate = GuaranteedRate(policy.rate or 1 / ROUNDED, policy.confidence)
    highest = np.sort(_highest_of_buyers(looks))[::-1]
    if len(highest) == 0:
        return lowest_rate, None, ""
    cutoff = float(highest[math.ceil(policy.reach * len(highest) - 1e-9) - 1])
    reach_text = f"a reach of {100 * policy.reach:.3g} %"
    if math.isfinite(cutoff):
        in_band = own_looks.probability >= staying_cutoff(cutoff, hysteresis)
        low, _ = rate_bounds(
            own_looks.converted[in_band], own_looks.lead[in_band], policy.confidence
        )
        rate = math.floor(ROUNDED * low) / ROUNDED
        if rate >= max(policy.rate, 1 / ROUNDED):
            promised = GuaranteedRate(rate, policy.confidence)
            return (
                promised,
                cutoff,
                f"the highest with {reach_text}; the rate is what they bear there",
            )
    cutoff_of_rate, explanation = guaranteed_cutoff(
        own_looks, lowest_rate.rate, policy.confidence, hysteresis
    )
    return lowest_rate, cutoff_of_rate, f"{reach_text} is not borne at that rate; {explanation}"


def _highest_of_buyers(looks: HeldOutLooks) -> Float64:
    """Highest probability of each buyer at a look that it converted after; ∞ in a hotter band."""
    value = np.where(looks.hotter, math.inf, looks.probability)[looks.converted]
    buyers, buyer_index = np.unique(looks.lead[looks.converted], return_inverse=True)
    highest = np.full(len(buyers), -math.inf)
    np.maximum.at(highest, buyer_index, value)
    return highest


def _two_digits(number: float) -> float:
    """Number with two digits that say something.

    Examples
    --------
    >>> _two_digits(0.1249), _two_digits(0.0336)
    (0.12, 0.034)
    """
    return float(f"{number:.2g}")


def _holds(
    looks: HeldOutLooks, cutoff: float, rate: float, allowed: float, hysteresis: float
) -> bool:
    """Whether the rate of the leads that a band may hold is shown to be `rate` or more."""
    in_band = looks.probability >= staying_cutoff(cutoff, hysteresis)
    low, _ = rate_bounds(looks.converted[in_band], looks.lead[in_band], 1 - allowed)
    return low >= rate


def promise_of_cutoff(
    policy: Promised,
    looks: HeldOutLooks,
    cutoff: float | None,
    hysteresis: float,
    explanation: str,
) -> Promise:
    """What a promise rests on; where nobody is called so, what came of looks at its own rate.

    Parameters
    ----------
    policy : Promised
        What is promised.
    looks : HeldOutLooks
        Those of them count whose outcome is known.
    cutoff : float or None
        Where the band begins; None where nobody is called so.
    hysteresis : float
        Share of the cut-off's odds that a lead may lose and stay in the band.
    explanation : str
        How the cut-off came about, a sentence.
    """
    looks = looks.among(looks.outcome_known)
    counted_from = cutoff
    if counted_from is None:
        counted_from = policy.rate if isinstance(policy, GuaranteedRate) else 1.0
        if isinstance(policy, Economics):
            counted_from = promised_rate(policy)
    line = staying_cutoff(counted_from, hysteresis)
    in_band = looks.among(~looks.hotter & (looks.probability >= line))
    rows = len(in_band.lead)
    low, _ = rate_bounds(in_band.converted, in_band.lead, confidence_of(policy))
    return Promise(
        policy,
        line,
        looks=rows,
        leads=len(np.unique(in_band.lead)),
        positives=int(in_band.converted.sum()),
        rate=float(in_band.converted.mean()) if rows else None,
        bound=low if rows else None,
        explanation=explanation,
        reach=None if cutoff is None else reach_from(looks, cutoff),
    )
