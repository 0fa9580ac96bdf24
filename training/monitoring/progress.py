r"""How promises fare while their horizons still run: purchases expected so far, and those made.

A promise of 20 % within 90 days needs no 90 days to be doubted: a share of those who buy does so in
the first weeks. Each lead has one *current promise*, its latest answer. It is spread over the days
that are left by the pace of buyers, and it ends when the lead is answered again, buys, or the
horizon ends. What is expected of a lead while it has not bought is its cumulative hazard

.. math:: Λ(u) = −\ln(1 − p F(u)),

where p is the promised probability and F(u) the share of a horizon's buyers who have bought after
the part u of it. Purchases less what was expected of leads that could still buy are a martingale,
whatever answers come in between and however many: so purchases so far can be held beside what was
expected so far. Adding up the answers instead would count one purchase as often as the lead was
asked about, and its luck so many times too.

References
----------
O. O. Aalen, Ø. Borgan, H. K. Gjessing, *Survival and Event History Analysis*, Springer (2008),
doi:10.1007/978-0-387-68560-1: counting processes and their compensators.
"""

from dataclasses import dataclass, field

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.dataset.snapshots import horizon_end

WEEK = 7 * MICROSECONDS_PER_DAY
"""Length of a bin of progress, in microseconds."""
STEADY_BUYERS = 1.0
"""Buyers that the prior of the pace weighs, which has them buy evenly over the horizon: without any
look that bought it decides alone."""
MOST_PROBABLE = 1 - 1e-6
"""Largest probability that is spread: the hazard of what is certain has no end."""


@dataclass(frozen=True, slots=True)
class Promises:
    """Answers about leads of an export within one horizon, and when these leads bought.

    Parameters
    ----------
    lead, person : int64 arrays of shape (rows,)
        Lead of each answer, and the first lead of its person.
    as_of : int64 array of shape (rows,)
        Instant of each answer in microseconds. Of two answers about one instant the later row is
        the current one.
    probability : float64 array of shape (rows,)
        Promised probability of buying within the horizon.
    days : int64 array of shape (rows,)
        Length of each answer's horizon.
    converted_at : int64 array of shape (rows,)
        When the lead bought, in microseconds, not before `as_of`; `NEVER` where it has not.
    """

    lead: Int64
    person: Int64
    as_of: Int64
    probability: Float64
    days: Int64
    converted_at: Int64

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in self.__slots__}
        if len(lengths) > 1:
            raise ValueError(f"Promises need columns of one length, got lengths {sorted(lengths)}.")
        if not np.all((self.probability >= 0) & (self.probability <= 1)):
            raise ValueError("Promises need probabilities from 0 to 1.")
        if np.any(self.converted_at < self.as_of):
            raise ValueError("A lead that has bought is promised nothing: drop its later answers.")

    def among(self, rows: Bool | Int64) -> "Promises":
        """Some of the answers, chosen by a mask or by their places."""
        return Promises(**{name: getattr(self, name)[rows] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class BuyingPace:
    """When those who buy within a horizon do so.

    Parameters
    ----------
    elapsed : float64 array of shape (buyers,)
        Of each look that bought: the part of its horizon after which it did, from 0 to 1.
    """

    elapsed: Float64
    _steps: Float64 = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_steps", np.concatenate([[0.0], np.sort(self.elapsed), [1.0]]))

    def share(self, elapsed: Float64) -> Float64:
        """Share of the horizon's buyers who have bought after these parts of it.

        Parameters
        ----------
        elapsed : float64 array of any shape
            Parts of the horizon, from 0 to 1.

        Examples
        --------
        >>> BuyingPace(np.array([])).share(np.array([0.0, 0.5, 1.0])).tolist()
        [0.0, 0.5, 1.0]
        >>> BuyingPace(np.full(9, 0.1)).share(np.array([0.2, 1.0])).round(2).tolist()
        [0.92, 1.0]
        """
        buyers = len(self.elapsed)
        ranks = np.append(np.arange(buyers + 1.0), buyers) / max(buyers, 1)
        of_buyers = np.interp(elapsed, self._steps, ranks)
        return (buyers * of_buyers + STEADY_BUYERS * elapsed) / (buyers + STEADY_BUYERS)


def buying_pace(as_of: Int64, converted_at: Int64, days: Int64, known_until: int) -> BuyingPace:
    """Pace of the looks that bought, among those whose horizon has ended.

    Parameters
    ----------
    as_of, converted_at : int64 arrays of shape (rows,)
        Instants of looks and of their leads' purchases, in microseconds.
    days : int64 array of shape (rows,)
        Length of each look's horizon.
    known_until : int
        Microseconds: only looks whose horizon ended by then are counted. Else the quick would be
        counted and the slow not yet.
    """
    ends = horizon_end(as_of, days)
    bought = (converted_at >= as_of) & (converted_at <= ends) & (ends <= known_until)
    lasted = converted_at[bought] - as_of[bought]
    return BuyingPace(lasted / (days[bought] * MICROSECONDS_PER_DAY))


@dataclass(frozen=True, slots=True)
class Progress:
    """Purchases that were expected week by week, and those that were made.

    Parameters
    ----------
    expected, bought : float64 arrays of shape (weeks,)
        Of each week, the latest last.
    design_effect : float
        Purchases that tell as much as one that stands alone, at least 1: leads of one person buy
        together.
    """

    expected: Float64
    bought: Float64
    design_effect: float


def weekly_progress(promises: Promises, pace: BuyingPace, known_until: int, weeks: int) -> Progress:
    """What was expected in each of the latest weeks by the promises that then were current.

    Parameters
    ----------
    promises : Promises
        All answers, in any order.
    pace : BuyingPace
        When those who buy within a horizon do so.
    known_until : int
        Microseconds: the end of the latest week; purchases are known until then.
    weeks : int
        Number of weeks.
    """
    promises = promises.among(np.lexsort((promises.as_of, promises.lead)))
    same_lead = promises.lead[1:] == promises.lead[:-1]
    latest = np.append(~same_lead, True)[: len(promises.lead)]
    horizon = horizon_end(promises.as_of, promises.days)
    answered_again = np.append(promises.as_of[1:], known_until)[: len(promises.lead)]
    ends = np.minimum(
        horizon, np.where(latest, known_until, np.minimum(answered_again, known_until))
    )
    # A purchase at the instant of the next answer is the next one's.
    bought = (promises.converted_at <= ends) & (latest | (promises.converted_at < answered_again))
    ends = np.minimum(ends, promises.converted_at)
    edges = known_until - WEEK * np.arange(weeks, -1, -1, dtype=np.int64)
    row, week = _weeks_of(promises.as_of, ends, edges)
    length = promises.days[row] * MICROSECONDS_PER_DAY
    probability = np.minimum(promises.probability[row], MOST_PROBABLE)
    since, up_to = (
        probability * pace.share((instant - promises.as_of[row]) / length)
        for instant in (
            np.maximum(edges[week], promises.as_of[row]),
            np.minimum(edges[week + 1], ends[row]),
        )
    )
    hazard = np.log1p(-since) - np.log1p(-up_to)
    # A week is open on its left: a purchase at its end is its own.
    week_bought = np.searchsorted(edges, promises.converted_at[bought], side="left") - 1
    counted = week_bought >= 0
    return Progress(
        expected=np.bincount(week, hazard, weeks).astype(np.float64),
        bought=np.bincount(week_bought[counted], minlength=weeks).astype(np.float64),
        design_effect=_joint_purchases(promises.person[bought][counted]),
    )


def _weeks_of(starts: Int64, ends: Int64, edges: Int64) -> tuple[Int64, Int64]:
    """Each pair of a row and a week that its time from start to end reaches into."""
    first = np.maximum(np.searchsorted(edges, starts, side="right") - 1, 0)
    final = np.searchsorted(edges, ends, side="left") - 1
    count = np.where(ends > starts, np.maximum(final - first + 1, 0), 0)
    row = np.repeat(np.arange(len(starts)), count)
    step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, first[row] + step


def _joint_purchases(person: Int64) -> float:
    """Σ n² / Σ n over persons with n purchases each; 1 without purchases."""
    purchases = np.unique(person, return_counts=True)[1]
    return float((purchases**2).sum() / purchases.sum()) if len(purchases) else 1.0
