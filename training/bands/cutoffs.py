"""Cut-offs out of promises: how low a band may begin so that it keeps what was asked of it.

A cut-off that looks good on some rows looks better on them than it is, because it was chosen there.
So a guaranteed rate is *tested*. The search starts at the lowest cut-off worth having; where the
rate does not hold there, by a lower confidence bound, it starts again with the better half of the
looks and half of the allowed error, and from a start that passes it goes down until a test fails.
The order of the tests does not know the outcomes, so whichever cut-off is chosen, the promise is
wrong with no more than the allowed probability (fixed-sequence testing with several starts). The
highest rate that the data bear is sought likewise, from a low one upwards. Three more things make
a promise hold in use:

- a cut-off is never below the promised rate itself, so that leads with little hope are not carried
  along by the best ones;
- what is tested is everything that the band may hold, the leads included that only hysteresis keeps
  in it;
- rows of one lead foresee the same purchase, so the bound counts how much they are worth together.

Where no cut-off passes there is none: in doubt, everybody is the colder.

References
----------
A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei, *Learn then test: Calibrating
predictive algorithms to achieve risk control*, Annals of Applied Statistics 19 (2025),
doi:10.1214/24-AOAS1998.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64
from features.spine import Spine
from models.bands import LEVELS, Bands, Promise, staying_cutoff
from models.bundle import HORIZONS
from models.policy import (
    Capacity,
    Economics,
    FixedCutoff,
    GuaranteedRate,
    HighestRate,
    Policy,
    Promised,
    confidence_of,
    promised_rate,
)
from training.bands.capacity import capacity_cutoff
from training.config import BandSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.statistics.rate_bounds import rate_bounds

LOWEST_RATE = 0.10
RATE_STEP = 0.05
"""Where no rate is asked for, the highest that holds is sought from the lowest on by such steps."""
STEPS = 16
"""So many cut-offs are tried between two starts of the search."""


@dataclass(frozen=True, slots=True)
class HeldOutLooks:
    """Rows that no model has learned from, to choose a band's cut-off on.

    Parameters
    ----------
    bound : float64 array of shape (rows,)
        What is compared with the cut-off: the lower bound of the probability.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each row, and its instant in microseconds.
    converted, outcome_known : bool arrays of shape (rows,)
        Whether the lead converted within the band's horizon, and whether that may be looked at.
        Rows whose outcome is not known yet count only where leads are counted.
    """

    bound: Float64
    lead: Int64
    as_of: Int64
    converted: Bool
    outcome_known: Bool

    def among(self, rows: Bool) -> "HeldOutLooks":
        """The chosen rows alone."""
        return HeldOutLooks(
            self.bound[rows],
            self.lead[rows],
            self.as_of[rows],
            self.converted[rows],
            self.outcome_known[rows],
        )


def fit_bands(
    hot_low: Float64,
    warm_low: Float64,
    spine: Spine,
    labels: Mapping[str, Labels],
    splits: Mapping[str, Split],
    settings: BandSettings,
) -> Bands:
    """The bands that the calibrating rows bear.

    Parameters
    ----------
    hot_low, warm_low : float64 arrays of shape (rows,)
        Lower ends of the probabilities, by predictors that have not learned from the calibrating
        rows; those of test rows are not looked at.
    spine, labels, splits
        All rows, and the outcomes and periods by horizon.
    settings : BandSettings
        What is promised of each band.

    Raises
    ------
    ValueError
        The bands' rates are not in order.
    """
    looks, hot_bound = {}, {}
    for name, bound in zip(HORIZONS, (hot_low, warm_low), strict=True):
        split, outcomes = splits[name], labels[name]
        rows = (spine.as_of >= split.calibrate_from) & (spine.as_of < split.test_from)
        hot_bound[name] = hot_low[rows]
        looks[name] = HeldOutLooks(
            bound=bound[rows],
            lead=spine.lead[rows],
            as_of=spine.as_of[rows],
            converted=outcomes.converted[rows],
            outcome_known=split.calibrate[rows],
        )
    bands = bands_for_promises(settings, looks["hot"], looks["warm"], hot_bound["warm"])
    for name in HORIZONS:
        rows = splits[name].calibrate
        band = bands.assign(hot_low[rows], warm_low[rows])
        require_order(name, band, labels[name].converted[rows], spine.lead[rows])
    return bands


def bands_for_promises(
    settings: BandSettings, hot: HeldOutLooks, warm: HeldOutLooks, warm_hot: Float64
) -> Bands:
    """Bands that keep what the configuration asks of them.

    Parameters
    ----------
    settings : BandSettings
        What is promised of each band.
    hot, warm : HeldOutLooks
        By which the cut-off of each band is chosen.
    warm_hot : float64 array of shape (rows of `warm`,)
        Lower bounds of the hot probability, because a hot lead is not warm.
    """
    hysteresis, warm_policy = settings.hysteresis, settings.warm
    hot_cutoff, hot_promise = choose_cutoff(settings.hot, hot, "hot", hysteresis)
    # Hysteresis may keep a lead hot: what is left for warm are those that are surely not.
    lowest = math.inf if hot_cutoff is None else staying_cutoff(hot_cutoff, hysteresis)
    not_hot = warm.among(warm_hot < lowest)
    if isinstance(warm_policy, HighestRate) and hot_cutoff:
        # Then every hot lead would be warm as well, and one that cools does not skip a band.
        warm_policy = dataclasses.replace(warm_policy, up_to=min(warm_policy.up_to, hot_cutoff))
    warm_cutoff, warm_promise = choose_cutoff(warm_policy, not_hot, "warm", hysteresis)
    return Bands(hot_cutoff, warm_cutoff, hysteresis, {"hot": hot_promise, "warm": warm_promise})


def choose_cutoff(
    policy: Policy, looks: HeldOutLooks, band: str, hysteresis: float
) -> tuple[float | None, Promise]:
    """Cut-off of a band, or None where nobody can be called so, and what the promise rests on.

    Parameters
    ----------
    policy : Policy
        What is promised of the band.
    looks : HeldOutLooks
        Those that are not in a hotter band.
    band : {"hot", "warm"}
        Name of the band, for the explanation.
    hysteresis : float
        Share of the cut-off's odds that a lead may lose and stay in the band.
    """
    known_looks = looks.among(looks.outcome_known)
    explanation = "the lowest cut-off for which the calibrating looks bear the promise"
    cutoff: float | None
    match policy:
        case FixedCutoff(cutoff):
            return cutoff, _promise(policy, known_looks, cutoff, hysteresis, "set by hand")
        case Capacity(per_week):
            cutoff, explanation = capacity_cutoff(
                looks.bound, looks.lead, looks.as_of, per_week, hysteresis
            )
            return cutoff, _promise(
                policy, known_looks, 1.0 if cutoff is None else cutoff, hysteresis, explanation
            )
        case HighestRate(up_to, confidence):
            cutoff = highest_rate(known_looks, up_to, confidence, hysteresis)
            rate = min(LOWEST_RATE, up_to) if cutoff is None else cutoff
            explanation = (
                f"the highest rate up to {100 * up_to:.3g} % that the calibrating looks bear"
            )
            policy = GuaranteedRate(rate, confidence)
        case GuaranteedRate() | Economics():
            rate, confidence = promised_rate(policy), policy.confidence
            cutoff = guaranteed_cutoff(known_looks, rate, confidence, hysteresis)
        case _:
            assert_never(policy)
    if cutoff is None:
        explanation = f"the calibrating looks do not bear the promise, so nobody is called {band}"
    return cutoff, _promise(policy, known_looks, cutoff or rate, hysteresis, explanation)


def highest_rate(
    looks: HeldOutLooks, up_to: float, confidence: float, hysteresis: float
) -> float | None:
    """Highest rate that holds among the looks whose own lower bound promises it.

    Rates are tested from `LOWEST_RATE` on upwards by `RATE_STEP`, and the first that fails ends the
    search, so that the search does not spoil the test: the order was fixed beforehand.

    Parameters
    ----------
    looks : HeldOutLooks
        All of them known.
    up_to : float
        Highest rate that is tried.
    confidence, hysteresis : float
        As in `guaranteed_cutoff`.

    Returns
    -------
    float or None
        None when not even the lowest holds.
    """
    rates = np.arange(LOWEST_RATE, up_to, RATE_STEP).round(9).tolist()
    passing_rates = itertools.takewhile(
        lambda rate: _holds(looks, rate, rate, 1 - confidence, hysteresis), [*rates, up_to]
    )
    return max(passing_rates, default=None)


def guaranteed_cutoff(
    looks: HeldOutLooks, rate: float, confidence: float, hysteresis: float
) -> float | None:
    """Lowest cut-off that shows, by a test that the search does not spoil, that a rate holds.

    Parameters
    ----------
    looks : HeldOutLooks
        All of them known.
    rate : float
        Share that must convert; no cut-off is lower than it.
    confidence : float
        One minus the probability of choosing a cut-off at which the rate does not hold.
    hysteresis : float
        What is tested are the looks down to which a lead stays in the band.

    Returns
    -------
    float or None
        None when no test passed.
    """
    above = np.sort(looks.bound[looks.bound >= rate])[::-1]
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


def _holds(
    looks: HeldOutLooks, cutoff: float, rate: float, allowed: float, hysteresis: float
) -> bool:
    """Whether the rate of the leads that a band may hold is shown to be `rate` or more."""
    in_band = looks.bound >= staying_cutoff(cutoff, hysteresis)
    low, _ = rate_bounds(looks.converted[in_band], looks.lead[in_band], 1 - allowed)
    return low >= rate


def _promise(
    policy: Promised, looks: HeldOutLooks, cutoff: float, hysteresis: float, explanation: str
) -> Promise:
    line = staying_cutoff(cutoff, hysteresis)
    in_band = looks.among(looks.bound >= line)
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
    )
