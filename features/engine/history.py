"""What happened to leads, as columns that the engine reads.

`Histories` holds many leads at once (a partition of an export) or just one (a request to the
server): interactions grouped by lead, versions of attributes grouped by lead, every instant a whole
number of microseconds and every measure a whole number of ten-thousandths. Both worlds build this
same value, and from here on they run the same code; that is why training and serving cannot drift
apart.

This module is also the one home of the law of the two clocks: an interaction is known at an instant
when it has both occurred and been recorded strictly before it, a version of an attribute when it
has been recorded strictly before it. `when_known`, `is_known` and `last_known` say so; everybody
else calls them, and a test forbids any other spelling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from features.arrays import NEVER, Bool, Float64, Int32, Int64
from features.language.kinds import LABEL_FIELDS, AttributeKind, LabelField
from features.refusals import REFUSAL_KINDS, REFUSED_AT

MICROSECONDS_PER_DAY = 86_400_000_000
MEASURE_SCALE = 10_000
"""Measures are kept to four decimals, as whole numbers: their sums are exact in any order."""
MEASURE_LIMIT = 900_000_000_000.0
"""Largest absolute value of a measure: times `MEASURE_SCALE` it is still exact as a float."""
TEXT_LIMIT = 200
"""Most characters of a text in a history: of an id, a label or a category."""
MOST_COMPARED = 50_000
"""Up to this many pairs of row and time, all pairs are compared; beyond it, times are searched."""
MISSING = np.iinfo(np.int64).min
ALWAYS_KNOWN = np.iinfo(np.int64).min
"""`recorded_at` of an attribute that is fixed at the lead's creation."""


@overload
def when_known(occurred_at: int, recorded_at: int) -> int: ...
@overload
def when_known(occurred_at: Int64, recorded_at: Int64) -> Int64: ...
def when_known(occurred_at: int | Int64, recorded_at: int | Int64) -> int | Int64:
    """Instant from which an interaction can be known: the later of its two clocks.

    Parameters
    ----------
    occurred_at, recorded_at : int, or int64 arrays of one shape
        When it took place, and when it was entered into the CRM, in microseconds.

    Examples
    --------
    >>> when_known(5, 7), when_known(9, 7)
    (7, 9)
    """
    if isinstance(occurred_at, np.ndarray):
        return np.maximum(occurred_at, recorded_at)
    return max(occurred_at, int(recorded_at))


def when_each_known(interactions: Sequence[Mapping[str, Any]]) -> list[int]:
    """`when_known` of each interaction of a lead: many at once cost little more than one.

    Parameters
    ----------
    interactions : sequence of mappings
        Each with both of its clocks.

    Examples
    --------
    >>> when_each_known([{"occurred_at": 5, "recorded_at": 7}])
    [7]
    """
    return list(map(max, column(interactions, "occurred_at"), column(interactions, "recorded_at")))


@overload
def is_known(known_at: int, as_of: int) -> bool: ...
@overload
def is_known(known_at: Int64, as_of: int | Int64) -> Bool: ...
def is_known(known_at: int | Int64, as_of: int | Int64) -> bool | Bool:
    """Whether something is known at an instant: strictly after it became known.

    Parameters
    ----------
    known_at : int or int64 array
        `when_known` of an interaction, or ``recorded_at`` of a version of an attribute, in
        microseconds.
    as_of : int or int64 array of the same shape
        The instant, in microseconds.

    Examples
    --------
    >>> is_known(7, as_of=7), is_known(7, as_of=8)
    (False, True)
    """
    return known_at < as_of


def last_known(offsets: Int64, known_at: Int64, lead: Int64, as_of: Int64) -> Int64:
    """Where the part of each lead's times that is known at an instant ends.

    `is_known` for many rows at once: ``known_at[offsets[lead]:end]`` is known, the rest is not.

    Parameters
    ----------
    offsets : int64 array of shape (leads + 1,)
        Times of lead i are ``known_at[offsets[i]:offsets[i + 1]]``.
    known_at : int64 array of shape (times,)
        Never falling within a lead, in microseconds.
    lead : int64 array of shape (rows,)
        Whose times each row asks about.
    as_of : int64 array of shape (rows,) or (…, rows)
        The instants, in microseconds.

    Returns
    -------
    int64 array, shape of `as_of`
        Position after the last known time; ``offsets[lead]`` where none is known.
    """
    if len(offsets) == 2:  # one lead: a request to the server
        return np.searchsorted(known_at, as_of, side="left")
    low, high = np.broadcast_to(offsets[lead], as_of.shape), offsets[lead + 1]
    if as_of.size * len(known_at) <= MOST_COMPARED:  # some calls of NumPy in place of some forty
        position = np.arange(len(known_at))
        of_this_lead = (position >= low[..., None]) & (position < high[..., None])
        end: Int64 = low + (of_this_lead & (known_at < as_of[..., None])).sum(axis=-1)
        return end
    for _ in range(int(np.max(high - low, initial=0)).bit_length()):
        middle = (low + high) >> 1
        inside = middle < high
        is_before = inside & (known_at[np.where(inside, middle, 0)] < as_of)
        low = np.where(is_before, middle + 1, low)
        high = np.where(is_before, high, middle)
    return low


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """Text values as indices into a vocabulary.

    Parameters
    ----------
    codes : int32 array of shape (n,)
        Index into `vocabulary`; −1 is a missing value.
    vocabulary : tuple of str
        Distinct values in any order.
    """

    codes: Int32
    vocabulary: tuple[str, ...]

    def recode(
        self, index: Mapping[str, int], unlisted: int, missing: int, scale: int = 1
    ) -> Int64:
        """Codes by an index of values, with `unlisted` for values outside of it, times a scale."""
        table = [index.get(value, unlisted) * scale for value in self.vocabulary]
        return np.array([*table, missing * scale])[self.codes]  # −1 picks the last entry: missing

    def part(self, begin: int, end: int) -> "LabelColumn":
        """Values from `begin` up to `end`, exclusive."""
        return LabelColumn(self.codes[begin:end], self.vocabulary)


@dataclass(frozen=True, slots=True)
class AttributeVersions:
    """Values of one attribute over time, grouped by lead and in order of `recorded_at`.

    Parameters
    ----------
    offsets : int64 array of shape (leads + 1,)
        Versions of lead i are ``offsets[i]:offsets[i + 1]``.
    recorded_at : int64 array of shape (m,)
        Microseconds; a version is known strictly after it.
    numbers : float64 array of shape (m,), or None
        Values of a number, or microseconds of a timestamp (exact up to the year 2255); NaN missing.
    labels : LabelColumn of length m, or None
        Values of a category.
    is_fixed : bool
        Whether each lead has exactly one version, known from its creation on.
    """

    offsets: Int64
    recorded_at: Int64
    numbers: Float64 | None = None
    labels: LabelColumn | None = None
    is_fixed: bool = False

    def latest_known(self, lead: Int64, as_of: Int64) -> Int64:
        """Place of the latest version known at each row; −1 where there is none.

        Parameters
        ----------
        lead : int64 array of shape (rows,)
            Whose versions each row asks about.
        as_of : int64 array of shape (rows,)
            The instants, in microseconds.
        """
        latest = last_known(self.offsets, self.recorded_at, lead, as_of) - 1
        return np.where(latest >= self.offsets[lead], latest, -1)

    def part(self, first_lead: int, end_lead: int) -> "AttributeVersions":
        """Versions of the leads from `first_lead` up to `end_lead`, exclusive."""
        begin, end = self.offsets[first_lead], self.offsets[end_lead]
        return AttributeVersions(
            offsets=self.offsets[first_lead : end_lead + 1] - begin,
            recorded_at=self.recorded_at[begin:end],
            numbers=None if self.numbers is None else self.numbers[begin:end],
            labels=None if self.labels is None else self.labels.part(begin, end),
            is_fixed=self.is_fixed,
        )


@dataclass(frozen=True, slots=True)
class Histories:
    """Leads with their interactions and attribute versions.

    Parameters
    ----------
    created_at : int64 array of shape (leads,)
        Microseconds since the epoch, UTC.
    offsets : int64 array of shape (leads + 1,)
        Interactions of lead i are ``offsets[i]:offsets[i + 1]``, in any order.
    occurred_at, recorded_at : int64 arrays of shape (interactions,)
        The two clocks, in microseconds.
    labels : mapping of field to LabelColumn
        Channel, kind, direction, outcome and agent.
    measures : mapping of str to int64 array of shape (interactions,)
        Fixed-point values (see `fixed_point`); `MISSING` where there is none.
    attributes : mapping of str to AttributeVersions
        Versions of each attribute, by its name.
    """

    created_at: Int64
    offsets: Int64
    occurred_at: Int64
    recorded_at: Int64
    labels: Mapping[LabelField, LabelColumn]
    measures: Mapping[str, Int64]
    attributes: Mapping[str, AttributeVersions]

    @property
    def leads(self) -> int:
        """Number of leads."""
        return len(self.created_at)

    def with_event_order(self, order: Int64) -> "Histories":
        """The same with the events of each lead in another order."""
        return Histories(
            created_at=self.created_at,
            offsets=self.offsets,
            occurred_at=self.occurred_at[order],
            recorded_at=self.recorded_at[order],
            labels={
                n: LabelColumn(labels.codes[order], labels.vocabulary)
                for n, labels in self.labels.items()
            },
            measures={name: values[order] for name, values in self.measures.items()},
            attributes=self.attributes,
        )

    def part(self, first_lead: int, end_lead: int) -> "Histories":
        """Leads from `first_lead` up to `end_lead`, exclusive, alone."""
        begin, end = self.offsets[first_lead], self.offsets[end_lead]
        return Histories(
            created_at=self.created_at[first_lead:end_lead],
            offsets=self.offsets[first_lead : end_lead + 1] - begin,
            occurred_at=self.occurred_at[begin:end],
            recorded_at=self.recorded_at[begin:end],
            labels={name: labels.part(begin, end) for name, labels in self.labels.items()},
            measures={name: values[begin:end] for name, values in self.measures.items()},
            attributes={
                name: versions.part(first_lead, end_lead)
                for name, versions in self.attributes.items()
            },
        )


def fixed_point(values: npt.ArrayLike) -> Int64:
    """Measures as whole numbers of 1 / `MEASURE_SCALE`; NaN becomes `MISSING`.

    Raises
    ------
    ValueError
        A value is infinite or beyond `MEASURE_LIMIT`.

    Examples
    --------
    >>> fixed_point([12.34, float("nan")]).tolist() == [123400, MISSING]
    True
    """
    floats = np.asarray(values, np.float64)
    missing = np.isnan(floats)
    numbers = np.where(missing, 0.0, floats)
    if np.any(np.abs(numbers) > MEASURE_LIMIT):
        worst = float(numbers[np.argmax(np.abs(numbers))])
        raise ValueError(f"A measure must lie within ±{MEASURE_LIMIT:.0f}, got {worst}.")
    return np.where(missing, MISSING, np.rint(numbers * MEASURE_SCALE).astype(np.int64))


def labels_of(values: Sequence[str | None]) -> LabelColumn:
    """Text values with the vocabulary found in them; None and an empty text are missing.

    Examples
    --------
    >>> labels_of(["call", None, "call"]).codes.tolist()
    [0, -1, 0]
    """
    vocabulary = tuple(value for value in dict.fromkeys(values) if value)
    index: dict[str | None, int] = {
        None: -1,
        "": -1,
        **{value: code for code, value in enumerate(vocabulary)},
    }
    codes = np.fromiter(map(index.__getitem__, values), np.int32, len(values))
    return LabelColumn(codes, vocabulary)


class LeadRecord(NamedTuple):
    """One lead as it travels in a request.

    Parameters
    ----------
    created_at : int
        Microseconds.
    interactions : sequence of mappings
        Each with ``occurred_at`` and ``recorded_at`` (microseconds), the label fields (str or
        None or absent) and measures (float or None or absent). An empty text is missing.
    attributes : mapping of str to value
        Values by name: float, str, or microseconds for a timestamp; None and an empty text are
        missing.
        They are taken as known at any instant that is asked for, but for a refusal, which is known
        after it (`features.refusals`).
    """

    created_at: int
    interactions: Sequence[Mapping[str, Any]]
    attributes: Mapping[str, Any]


def histories_of_records(
    leads: Sequence[LeadRecord], kinds: Mapping[str, AttributeKind], measures: Sequence[str]
) -> Histories:
    """Leads of a request, in their order.

    Parameters
    ----------
    leads : sequence of LeadRecord
        The leads as they came; nothing in them is changed.
    kinds : mapping of str to {"number", "category", "timestamp"}
        The schema: attributes outside of it are not read.
    measures : sequence of str
        The schema's measures.
    """
    events = [event for lead in leads for event in lead.interactions]
    one_each = np.arange(len(leads) + 1, dtype=np.int64)
    always = np.full(len(leads), ALWAYS_KNOWN, np.int64)
    refused = [lead.attributes.get(REFUSED_AT) for lead in leads] if REFUSED_AT in kinds else []
    since_refusal = np.array([NEVER if at is None else at for at in refused], np.int64)

    def one_version_each(name: str, kind: AttributeKind) -> AttributeVersions:
        """One value of an attribute for each lead, known from its creation or refusal on."""
        values = [lead.attributes.get(name) for lead in leads]
        is_fixed = not (len(since_refusal) and name in REFUSAL_KINDS)
        since = always if is_fixed else since_refusal
        if kind == "category":
            return AttributeVersions(one_each, since, labels=labels_of(values), is_fixed=is_fixed)
        return AttributeVersions(one_each, since, numbers=_numbers(values), is_fixed=is_fixed)

    return Histories(
        created_at=np.array([lead.created_at for lead in leads], np.int64),
        offsets=np.cumsum([0, *(len(lead.interactions) for lead in leads)], dtype=np.int64),
        occurred_at=np.array(column(events, "occurred_at"), np.int64),
        recorded_at=np.array(column(events, "recorded_at"), np.int64),
        labels={name: labels_of(column(events, name)) for name in LABEL_FIELDS},
        measures={name: fixed_point(_numbers(column(events, name))) for name in measures},
        attributes={name: one_version_each(name, kind) for name, kind in kinds.items()},
    )


def column(events: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Value of a field in each event; None where it is not there.

    Examples
    --------
    >>> column([{"kind": "call"}, {}], "kind")
    ['call', None]
    """
    try:
        return list(map(itemgetter(name), events))
    except KeyError:
        return [event.get(name) for event in events]


def single_history(
    created_at: int,
    interactions: Sequence[Mapping[str, Any]],
    attributes: Mapping[str, Any],
    kinds: Mapping[str, AttributeKind],
    measures: Sequence[str],
) -> Histories:
    """One lead of a request; see `LeadRecord` and `histories_of_records`."""
    return histories_of_records([LeadRecord(created_at, interactions, attributes)], kinds, measures)


def _numbers(values: Sequence[Any]) -> Float64:
    """Numbers, with NaN for None."""
    return np.array(values, np.float64)  # NumPy itself makes NaN of None
