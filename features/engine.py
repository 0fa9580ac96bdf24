"""THE executor: the one place where a feature is computed, for batch and for a single lead alike.

An interaction is known at an instant when it has both occurred and been recorded strictly before
it, so it becomes known at ``max(occurred_at, recorded_at)``, and it leaves a window of w days once
``occurred_at < as_of - w``, that is, after ``max(known_at, occurred_at + w)``. Sorting once by the
first of these times and once by the second turns every windowed count and sum into the difference
of two prefix sums, whatever the order in which events were recorded. Only whole numbers are summed
(counts, microseconds, ten-thousandths), because prefix sums of floats would depend on where they
start and a lead alone would differ in its last bit from the same lead in a partition. Floats are
made once, in `_column`, from exact integers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, assert_never

import numpy as np
import numpy.typing as npt

from features.history import (
    MEASURE_SCALE,
    MICROSECONDS_PER_DAY,
    MISSING,
    Float64,
    Histories,
    Int64,
)
from features.spec import (
    AttributeCategory,
    AttributeNumber,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    KnownAttributes,
    LeadAge,
    Mean,
    Selection,
    Share,
    Spec,
    Total,
    Trend,
)

Bool = npt.NDArray[np.bool_]
T = TypeVar("T")


def feature_matrix(spec: Spec, histories: Histories, lead: Int64, as_of: Int64) -> Float64:
    """Values of every feature for leads at instants.

    Parameters
    ----------
    spec : Spec
        Which features.
    histories : Histories
        What happened; things at or after an instant may be in it and are not looked at.
    lead : int64 array of shape (rows,)
        Index of the row's lead in `histories`.
    as_of : int64 array of shape (rows,)
        The instant, in microseconds.

    Returns
    -------
    float64 array of shape (rows, features)
        In C order; NaN where a feature has no value.
    """
    rows = _Rows(histories, lead, as_of)
    matrix = np.empty((len(as_of), len(spec.features)), np.float64)
    for column, feature in enumerate(spec.features):
        matrix[:, column] = _column(feature, rows)
    return matrix


def _column(feature: Feature, rows: "_Rows") -> npt.NDArray[np.floating] | Int64:
    """One feature as floats, from exact integers."""
    match feature:
        case LeadAge():
            return _days(rows.as_of - rows.histories.created_at[rows.lead])
        case AttributeNumber(attribute):
            return rows.attribute_number(attribute)
        case AttributeCategory(attribute, levels):
            return rows.attribute_level(attribute, levels)
        case DaysSinceAttribute(attribute):
            return (rows.as_of - rows.attribute_number(attribute)) / MICROSECONDS_PER_DAY
        case KnownAttributes(attributes):
            return rows.known_attributes(attributes)
        case Count(selection, days):
            return rows.count(selection, days)
        case Total(selection, measure, days):
            return rows.total(selection, measure, days) / MEASURE_SCALE
        case Mean(selection, measure, days):
            present = rows.count(selection, days, measure)
            return _ratio(rows.total(selection, measure, days), present * MEASURE_SCALE)
        case Share(selection, among, days):
            return _ratio(rows.count(selection, days), rows.count(among, days))
        case Trend(selection, short_days, long_days):
            short = rows.count(selection, short_days) / short_days
            return short - rows.count(selection, long_days) / long_days
        case DaysSinceLatest(selection):
            return rows.days_since(selection, first=False)
        case DaysSinceFirst(selection):
            return rows.days_since(selection, first=True)
        case _:
            assert_never(feature)


@dataclass(slots=True)
class _Timeline:
    """Events of all leads in the order of one clock, and how many each row has passed.

    Parameters
    ----------
    order : int64 array of shape (events,), or None
        Index of the event at each place; None when events stand in this order already.
    passed : int64 array of shape (rows,)
        Place after the last event of the row's lead whose time is before the row's instant.
    """

    order: Int64 | None
    passed: Int64

    def arranged(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the events in this order."""
        return values if self.order is None else values[self.order]


@dataclass(slots=True)
class _Rows:
    """Exact integer questions about leads at instants; each answer is computed once."""

    histories: Histories
    lead: Int64
    as_of: Int64
    start: Int64 = field(init=False)
    event_lead: Int64 = field(init=False)
    known_at: Int64 = field(init=False)
    _memo: dict[tuple[object, ...], Any] = field(init=False)
    _timelines: dict[int | None, _Timeline] = field(init=False)

    def __post_init__(self) -> None:
        histories = self.histories
        self.start = histories.offsets[self.lead]
        self.event_lead = np.repeat(
            np.arange(histories.leads, dtype=np.int64), np.diff(histories.offsets)
        )
        self.known_at = np.maximum(histories.occurred_at, histories.recorded_at)
        self._memo = {}
        self._timelines = {}

    def count(self, selection: Selection, days: int | None, measure: str | None = None) -> Int64:
        """Known interactions in the window; with a measure, those that have it."""
        return self._once(
            ("count", selection, days, measure),
            lambda: self._windowed(self._counted(selection, measure), days),
        )

    def total(self, selection: Selection, measure: str, days: int | None) -> Int64:
        """Sum of a fixed-point measure over the window."""

        def values() -> Int64:
            measured = self.histories.measures[measure]
            return np.where(self._counted(selection, measure), measured, 0)

        return self._once(
            ("total", selection, measure, days), lambda: self._windowed(values(), days)
        )

    def days_since(self, selection: Selection, *, first: bool) -> Float64:
        """Days since the latest (or first) known interaction occurred; NaN without one."""
        instant = self._extreme(self._selected(selection), first=first)
        return np.where(instant == MISSING, np.nan, _days(self.as_of - instant))

    def attribute_number(self, attribute: str) -> Float64:
        """Latest known number (or microseconds of a timestamp); NaN without one."""
        versions = self.histories.attributes[attribute]
        if versions.numbers is None:
            raise ValueError(f"Attribute '{attribute}' holds categories, a number was asked for.")
        place, known = self._version(attribute)
        values = np.append(versions.numbers, np.nan)
        return values[np.where(known, place, -1)]

    def attribute_level(self, attribute: str, levels: tuple[str, ...]) -> Float64:
        """Index of the latest known level; ``len(levels)`` for others, NaN without one."""
        versions = self.histories.attributes[attribute]
        if versions.labels is None:
            raise ValueError(f"Attribute '{attribute}' holds numbers, a category was asked for.")
        place, known = self._version(attribute)
        codes = np.append(versions.labels.recoded(levels, other=len(levels), missing=-1), -1)
        picked = codes[np.where(known, place, -1)]
        return np.where(picked < 0, np.nan, picked)

    def known_attributes(self, attributes: tuple[str, ...]) -> Int64:
        """How many of the attributes have a value."""
        total = np.zeros(len(self.as_of), np.int64)
        for name in attributes:
            numeric = self.histories.attributes[name].numbers is not None
            values = self.attribute_number(name) if numeric else self.attribute_level(name, ())
            total += ~np.isnan(values)
        return total

    def _version(self, attribute: str) -> tuple[Int64, Bool]:
        """Place of the latest version known at each row, and whether there is one."""
        versions = self.histories.attributes[attribute]
        place = _passed(versions.offsets, versions.recorded_at, self.lead, self.as_of) - 1
        return place, place >= versions.offsets[self.lead]

    def _selected(self, selection: Selection) -> Bool:
        """Whether each event is one that the selection looks at."""

        def mask() -> Bool:
            chosen = np.ones(len(self.known_at), np.bool_)
            for name, values in selection.conditions():
                chosen &= self.histories.labels[name].among(values)
            return chosen

        return self._once(("selected", selection), mask)

    def _counted(self, selection: Selection, measure: str | None) -> Bool:
        chosen = self._selected(selection)
        if measure is None:
            return chosen
        present: Bool = self.histories.measures[measure] != MISSING
        return chosen & present

    def _windowed(self, values: Int64 | Bool, days: int | None) -> Int64:
        """Sum of `values` over the events in each row's window."""
        known = self._timeline(None)
        prefix = _prefix(known.arranged(values))
        if days is None:
            return prefix[known.passed] - prefix[self.start]
        left = self._timeline(days)
        gone = prefix if left.order is known.order else _prefix(left.arranged(values))
        return prefix[known.passed] - gone[left.passed]

    def _timeline(self, days: int | None) -> _Timeline:
        """Events by when they become known (None) or leave the window of `days`."""
        if days not in self._timelines:
            times = self.known_at
            if days is not None:
                leaves = self.histories.occurred_at + days * MICROSECONDS_PER_DAY
                times = np.maximum(times, leaves)
            order = self._order(times)
            times = times if order is None else times[order]
            passed = _passed(self.histories.offsets, times, self.lead, self.as_of)
            self._timelines[days] = _Timeline(order, passed)
        return self._timelines[days]

    def _order(self, times: Int64) -> Int64 | None:
        """Order of events by lead and time; None when they stand in it already."""
        backwards = times[1:] < times[:-1]
        if not np.any(backwards & (self.event_lead[1:] == self.event_lead[:-1])):
            return None
        return np.lexsort((times, self.event_lead))

    def _extreme(self, chosen: Bool, *, first: bool) -> Int64:
        """When the latest (or first) chosen and known event occurred; `MISSING` without one.

        Ranks by (lead, occurred_at) never fall from one lead to the next, so one running maximum
        over all events in the order of becoming known serves every lead: a rank from an earlier
        lead lies before the row's own first event and is told apart by that.
        """
        rank, occurred = self._once(("rank", first), lambda: self._ranked(first=first))
        known = self._timeline(None)
        running = np.maximum.accumulate(known.arranged(np.where(chosen, rank, -1)))
        best = np.append(running, -1)[known.passed - 1]
        found = best >= self.start
        return np.where(found, np.append(occurred, MISSING)[np.where(found, best, -1)], MISSING)

    def _ranked(self, *, first: bool) -> tuple[Int64, Int64]:
        """Rank of each event within all, by lead and then by time; and the times in that order."""
        occurred = self.histories.occurred_at
        order = np.lexsort((-occurred if first else occurred, self.event_lead))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return rank, occurred[order]

    def _once(self, key: tuple[object, ...], compute: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = compute()
        answer: T = self._memo[key]
        return answer


def _passed(offsets: Int64, times: Int64, lead: Int64, as_of: Int64) -> Int64:
    """Place after the last of the lead's `times` that is before `as_of`; times sorted by lead."""
    if len(offsets) == 2:  # one lead: a request to the server
        return np.searchsorted(times, as_of, side="left")
    low, high = offsets[lead], offsets[lead + 1]
    for _ in range(int(np.max(high - low, initial=0)).bit_length()):
        middle = (low + high) >> 1
        inside = middle < high
        before = inside & (times[np.where(inside, middle, 0)] < as_of)
        low = np.where(before, middle + 1, low)
        high = np.where(before, high, middle)
    return low


def _prefix(values: npt.NDArray[np.generic]) -> Int64:
    """Sums of the first 0, 1, …, n values."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _days(microseconds: Int64) -> Float64:
    return microseconds / MICROSECONDS_PER_DAY


def _ratio(numerator: Int64, denominator: Int64) -> Float64:
    """Quotient; NaN where the denominator is zero."""
    known = denominator != 0
    return np.where(known, numerator / np.where(known, denominator, 1), np.nan)
