"""Values that only leads have which have ended: the outcome wrote them.

How many leads of an age are still open is known from older leads. If a value stood there at
creation, the young leads that have it are still open as often as older leads that have it were at
the same age. If it is written when a lead ends, no young lead that is open has it yet, while the
older ones have had the time to end and to get it: fewer young leads with the value are open than
there should be.

Two things could feign that. All young leads may end faster than the older ones did; therefore leads
with the value are compared with those without. And a value's meaning may drift; therefore the same
is measured at *placebo ends*, instants in the past at which the export could have ended. Values as
they stand today are complete there, so nothing but drift moves them. The deviation at the true end
is counted in units of those.

References
----------
N. Breslow, *Analysis of survival data under the proportional hazards model*, International
Statistical Review 43 (1975), doi:10.2307/1402659: expected numbers from a standard's survival.
A. Abadie, A. Diamond, J. Hainmueller, *Synthetic control methods for comparative case studies*,
JASA 105 (2010), doi:10.1198/jasa.2009.ap08746: placebos in time and place.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from features.arrays import NEVER, Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.data_end import first_in_use
from features.tables import Kind
from training.dataset.lives import Lives
from training.dataset.values import EncodedValues

LEAST_EXPECTED_LEADS = 10.0
"""Open leads with a value that must be expected before their absence says something."""
MOST_STILL_OPEN = 0.5
"""Share of the expected open leads that there may be. Chance made it 0.7 of honest values of the
chain's world, and planted ones were at 0."""
LEAST_COHORT_LEADS = 50
"""Leads that must have a value, and that must not have it."""
LEAST_PLACEBOS = 4
_LEAST_WINDOWS = 5
_MOST_GROUPS = 12
_NUMBER_GROUPS = 5
_LEAST_REFERENCE = 20
_CONTINUITY = 0.25


@dataclass(frozen=True, slots=True)
class OpenLeadsWithValue:
    """Young leads with a value that are open, and how many should be.

    Parameters
    ----------
    value : str
        The value, in words.
    still_open : int
        Leads with it that are open at the export's end.
    expected : float
        Leads with it that should be, by those of the same age before.
    deviation : float
        Difference in standard errors, which are those of the placebo ends where these are wider.
    limit : float
        Deviation below which there are too few, at 99.9 % for all values of the column at once.
    """

    value: str
    still_open: int
    expected: float
    deviation: float
    limit: float

    @property
    def too_few(self) -> bool:
        """Whether leads with the value are open less than half as often as they should be."""
        fewer = self.still_open < MOST_STILL_OPEN * self.expected
        return self.expected >= LEAST_EXPECTED_LEADS and fewer and self.deviation < self.limit


def scarcest_open_leads(
    values: EncodedValues, kind: Kind, lives: Lives, days: int
) -> OpenLeadsWithValue | None:
    """The value whose leads are open least often against what should be; None without history.

    Parameters
    ----------
    values : EncodedValues
        Values of shape (leads,), as they stand in the export.
    kind : {"number", "category", "timestamp"}
        Kind of the column: the bins of numbers are joined.
    lives : Lives
        When the leads were created and ended.
    days : int
        Age up to which leads are called young; less in an export shorter than five times that.
    """
    groups = list(_groups(values, kind))
    if not groups or len(lives.created_at) == 0:
        return None
    begin = first_in_use(lives.created_at)
    window = min(days * MICROSECONDS_PER_DAY, (lives.data_end - begin) // _LEAST_WINDOWS)
    if window < 1:
        return None
    placebo_ends = np.arange(lives.data_end - window, begin + 2 * window, -window // 2)
    lifetime = np.where(lives.ended, lives.ended_at - lives.created_at, NEVER)
    limit = NormalDist().inv_cdf(0.001 / len(groups))
    findings = []
    for word, member in groups:
        at_end = _deviation(member, lives.created_at, lifetime, lives.data_end, window)
        placebos = [
            _deviation(member, lives.created_at, lifetime, int(end), window) for end in placebo_ends
        ]
        drift = np.array([placebo[2] for placebo in placebos if placebo is not None])
        if at_end is None or len(drift) < LEAST_PLACEBOS:
            continue
        still_open, expected, deviation = at_end
        scale = max(1.0, float(np.sqrt((drift**2).mean())))
        findings.append(OpenLeadsWithValue(word, still_open, expected, deviation / scale, limit))
    decisive = [one for one in findings if one.expected >= LEAST_EXPECTED_LEADS]
    return min(decisive or findings, key=lambda one: one.deviation, default=None)


def _groups(values: EncodedValues, kind: Kind) -> Iterator[tuple[str, Bool]]:
    """Leads by value: levels, fifths of numbers, no value, any value."""
    codes, words = values.codes, values.words
    if kind != "category" and values.missing > _NUMBER_GROUPS:
        codes, words = _fewer_bins(values)
    rows = np.bincount(codes, minlength=len(words))
    for code in np.argsort(-rows, kind="stable")[:_MOST_GROUPS].tolist():
        if LEAST_COHORT_LEADS <= rows[code] <= len(codes) - LEAST_COHORT_LEADS:
            yield words[code], codes == code
    if LEAST_COHORT_LEADS <= values.present.sum() <= len(codes) - LEAST_COHORT_LEADS:
        yield "any value", values.present


def _fewer_bins(values: EncodedValues) -> tuple[Int64, tuple[str, ...]]:
    joined = values.codes * _NUMBER_GROUPS // values.missing
    first = [-(-group * values.missing // _NUMBER_GROUPS) for group in range(_NUMBER_GROUPS + 1)]
    words = [
        f"{values.words[low].split(' to ')[0]} to {values.words[high - 1].split(' to ')[-1]}"
        for low, high in itertools.pairwise(first)
    ]
    return joined, (*words, values.words[-1])


def _deviation(
    member: Bool, created_at: Int64, lifetime: Int64, end: int, window: int
) -> tuple[int, float, float] | None:
    """Members open at an end, how many should be, and the difference in standard errors."""
    age = end - created_at
    young, older = (age >= 0) & (age < window), age >= window
    sides = []
    for side in (member, ~member):
        reference = np.sort(lifetime[older & side])
        ages = age[young & side]
        if len(reference) < _LEAST_REFERENCE or len(ages) < _LEAST_REFERENCE:
            return None
        survival = 1 - np.searchsorted(reference, ages, side="right") / len(reference)
        variance = (survival * (1 - survival)).sum() * (1 + len(ages) / len(reference))
        still_open = int((lifetime[young & side] > ages).sum())
        sides.append((still_open, float(survival.sum()), float(variance)))
    (still_open, expected, variance), (others_open, others_expected, others_variance) = sides
    if others_expected == 0:
        return None
    faster = others_open / others_expected
    variance = faster**2 * variance + (expected / others_expected) ** 2 * others_variance
    expected *= faster
    return still_open, expected, (still_open - expected) / float(np.sqrt(variance + _CONTINUITY))
