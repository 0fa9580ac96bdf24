"""THE executor: the one place where features are computed, for batch and for a single lead alike.

`features.engine.plan` says what must be counted, `features.engine.exact` counts it in whole
numbers, and here floats are made, once, from exact integers: days, ratios, rates. Many leads are
walked over in blocks of whole leads that fit into the processor's caches; nothing that is computed
depends on where a block begins, so a lead alone has the bits it has among others.
"""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from features.arrays import Float64, Int64
from features.engine.exact import ExactAnswers, exact_answers
from features.engine.history import (
    MEASURE_SCALE,
    MICROSECONDS_PER_DAY,
    MISSING,
    Histories,
)
from features.engine.plan import FeatureGroup, Plan
from features.engine.questions import MINUTES_PER_DAY
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Calendar,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    DaysToFirst,
    Decayed,
    Distinct,
    Feature,
    Gap,
    KnownAttributes,
    LatestValue,
    LeadAge,
    Maximum,
    Mean,
    Rate,
    Share,
    Streak,
    Total,
    Trend,
)
from features.progress import RowProgress, no_row_progress

Values = npt.NDArray[Any]
BLOCK_LOAD = 10_000
"""Interactions and rows that are computed together, about: their sums fit into the caches."""
QUARTER_HOUR = 900_000_000
QUARTER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def features_of(
    plan: Plan,
    histories: Histories,
    lead: Int64,
    as_of: Int64,
    report_rows: RowProgress = no_row_progress,
) -> Float64:
    """Values of every feature for leads at instants.

    Parameters
    ----------
    plan : Plan
        Of the spec whose features are wanted.
    histories : Histories
        What happened; things at or after an instant may be in it and are not looked at.
    lead : int64 array of shape (rows,)
        Index of the row's lead in `histories`.
    as_of : int64 array of shape (rows,)
        The instant, in microseconds.
    report_rows : callable, optional
        Called with the number of rows of each block that was finished.

    Returns
    -------
    float64 array of shape (rows, features)
        In C order and in the order of the rows; NaN where a feature has no value.
    """
    if histories.leads == 1:
        return np.ascontiguousarray(_computed(plan, histories, lead, as_of))
    matrix = np.empty((len(as_of), len(plan.spec.features)), np.float64)
    order = None if (lead[1:] >= lead[:-1]).all() else np.argsort(lead, kind="stable")
    sorted_lead = lead if order is None else lead[order]
    blocks = _blocks(histories.offsets, sorted_lead)
    if len(blocks) == 1 and order is None:
        return np.ascontiguousarray(_computed(plan, histories, lead, as_of))
    for first_lead, end_lead in blocks:
        begin, end = np.searchsorted(sorted_lead, [first_lead, end_lead]).tolist()
        if begin == end:  # nobody looks at these leads
            continue
        rows: Any = slice(begin, end) if order is None else order[begin:end]
        lead_of_part = sorted_lead[begin:end] - first_lead
        part = _computed(plan, histories.part(first_lead, end_lead), lead_of_part, as_of[rows])
        # Whole rows are copied from memory to memory; element by element it takes four times that.
        matrix[rows] = np.ascontiguousarray(part)
        report_rows(end - begin)
    return matrix


def _blocks(offsets: Int64, sorted_lead: Int64) -> list[tuple[int, int]]:
    """Ranges of leads with about `BLOCK_LOAD` interactions and rows; a larger lead is alone."""
    leads = len(offsets) - 1
    load = offsets[1:] + np.searchsorted(sorted_lead, np.arange(1, leads + 1))
    edges = [0]
    while edges[-1] < leads:
        load_so_far = 0 if edges[-1] == 0 else load[edges[-1] - 1]
        following = int(np.searchsorted(load, load_so_far + BLOCK_LOAD, side="right"))
        edges.append(min(leads, max(following, edges[-1] + 1)))
    return list(itertools.pairwise(edges))


def _computed(plan: Plan, histories: Histories, lead: Int64, as_of: Int64) -> Float64:
    """Features of some rows, shape (rows, features)."""
    rows = _Rows(plan, histories, lead, as_of)
    values = np.empty((len(plan.rows), len(as_of)), np.float64)
    begin = 0
    for group in plan.groups:
        end = begin + len(group.features)
        values[begin:end] = _values(group, rows)
        begin = end
    return values.take(plan.rows, axis=0).T


class _Rows:
    """Leads at instants with the exact answers about them."""

    __slots__ = ("answers", "as_of", "histories", "indices", "lead")

    def __init__(self, plan: Plan, histories: Histories, lead: Int64, as_of: Int64) -> None:
        self.indices = plan.indices
        self.histories = histories
        self.lead = lead
        self.as_of = as_of
        self.answers: ExactAnswers = exact_answers(plan, histories, lead, as_of)

    @property
    def age_days(self) -> Float64:
        """Age of the lead."""
        return (self.as_of - self.histories.created_at[self.lead]) / MICROSECONDS_PER_DAY


def _values(group: FeatureGroup, rows: _Rows) -> Values | list[Any]:
    """Features of one kind as floats, shape (features, rows)."""
    features: tuple[Any, ...] = group.features
    kind: Feature = features[0]
    exact, answers = rows.answers, group.answers
    counts = exact.counts
    match kind:
        case LeadAge():
            return [rows.age_days]
        case Calendar():
            return _calendar(features, rows.as_of)
        case AttributeNumber():
            return [_number(rows, feature.attribute) for feature in features]
        case AttributeCategory():
            indices = rows.indices
            levels = [_level(rows, one.attribute, indices[one.levels]) for one in features]
            return _missing_below_zero(np.array(levels))
        case DaysSinceAttribute():
            instants = [_number(rows, feature.attribute) for feature in features]
            return (rows.as_of - np.stack(instants)) / MICROSECONDS_PER_DAY
        case KnownAttributes():
            return [_known(rows, feature.attributes) for feature in features]
        case Count() | Total() | Streak() | Decayed():
            scaled: Float64 = counts.take(answers[0], axis=0) / answers[1][:, None]
            return scaled
        case Mean() | Share() | Gap(statistic="mean"):
            scale = answers[2][:, None]
            return _ratio(counts.take(answers[0], axis=0), counts.take(answers[1], axis=0) * scale)
        case Maximum():
            largest = exact.largest[answers[0]]
            return np.where(largest == MISSING, np.nan, largest / MEASURE_SCALE)
        case Rate():
            age = np.maximum(rows.age_days, 1.0)
            per_day: Float64 = counts[answers[0]] / np.minimum(age, answers[1][:, None])
            return per_day
        case Trend():
            short, long = answers[1][:, None], answers[3][:, None]
            trend: Float64 = counts[answers[0]] / short - counts[answers[2]] / long
            return trend
        case Distinct():
            return _distinct(counts[answers[0]], answers[1])
        case LatestValue():
            return _missing_below_zero(exact.latest[answers[0]])
        case DaysSinceLatest() | DaysSinceFirst():
            return _since(rows.as_of, exact.instants[answers[0]])
        case DaysToFirst():
            instant = exact.instants[answers[0]]
            days = (instant - rows.histories.created_at[rows.lead]) / MICROSECONDS_PER_DAY
            return np.where(instant == MISSING, np.nan, days)
        case Gap(statistic="spread"):
            return _spread(
                number=counts[answers[0]],
                minutes=counts[answers[1]],
                squares=counts[answers[2]],
            )
        case Gap():
            since = _since(rows.as_of, exact.instants[answers[3]])
            return _relative(counts[answers[0]], counts[answers[1]], since)
        case _:
            assert_never(kind)


def _number(rows: _Rows, attribute: str) -> Float64:
    """Latest known number (or microseconds of a timestamp); NaN without one."""
    versions = rows.histories.attributes[attribute]
    if versions.numbers is None:
        raise ValueError(f"Attribute '{attribute}' holds categories, a number was asked for.")
    if versions.is_fixed:
        return versions.numbers[rows.lead]
    return np.append(versions.numbers, np.nan)[versions.latest_known(rows.lead, rows.as_of)]


def _level(rows: _Rows, attribute: str, index: Mapping[str, int]) -> Int64:
    """Index of the latest known level; ``len(index)`` for others, −1 without one."""
    versions = rows.histories.attributes[attribute]
    if versions.labels is None:
        raise ValueError(f"Attribute '{attribute}' holds numbers, a category was asked for.")
    codes = versions.labels.recode(index, unlisted=len(index), missing=-1)
    if versions.is_fixed:
        return codes[rows.lead]
    return np.append(codes, -1)[versions.latest_known(rows.lead, rows.as_of)]


def _missing_below_zero(levels: Values) -> Float64:
    """Levels as floats, with NaN for −1."""
    return np.where(levels < 0, np.nan, levels)


def _known(rows: _Rows, attributes: tuple[str, ...]) -> Int64:
    """How many of the attributes have a value."""
    has_value = []
    for name in attributes:
        versions = rows.histories.attributes[name]
        if versions.labels is None:
            has_value.append(~np.isnan(_number(rows, name)))
        elif versions.is_fixed:
            has_value.append(versions.labels.codes[rows.lead] >= 0)
        else:
            has_value.append(
                np.append(versions.labels.codes, -1)[versions.latest_known(rows.lead, rows.as_of)]
                >= 0
            )
    known_number: Int64 = np.array(has_value).sum(axis=0)
    return known_number


def _distinct(sums: Int64, begins: Int64) -> Int64:
    """Number of values with a count; what the known values do not account for is one more.

    Of each feature `sums` has the count of all events with a value, at its place in `begins`, and
    then those of the known values.
    """
    everything = sums[begins]
    listed = np.add.reduceat(sums, begins, axis=0) - everything
    listed_values = np.add.reduceat(sums > 0, begins, axis=0, dtype=np.int64) - (everything > 0)
    number: Int64 = listed_values + (everything > listed)
    return number


def _spread(number: Int64, minutes: Int64, squares: Int64) -> Float64:
    """Standard deviation of gaps in days from their number, sum and sum of squares in minutes."""
    variance = _ratio(number * squares - minutes * minutes, number * number)
    return np.where(number > 1, np.sqrt(variance), np.nan) / MINUTES_PER_DAY


def _relative(number: Int64, minutes: Int64, since: Float64) -> Float64:
    """Days since the latest interaction over the mean gap."""
    mean = _ratio(minutes, number * MINUTES_PER_DAY)
    has_gap = mean > 0
    return np.where(has_gap, since / np.where(has_gap, mean, 1.0), np.nan)


def _since(as_of: Int64, instant: Int64) -> Float64:
    """Days since instants; NaN where there is none."""
    return np.where(instant == MISSING, np.nan, (as_of - instant) / MICROSECONDS_PER_DAY)


def _ratio(numerator: Int64, denominator: Int64) -> Float64:
    """Quotient; NaN where the denominator is zero."""
    is_defined = denominator != 0
    return np.where(is_defined, numerator / np.where(is_defined, denominator, 1), np.nan)


def _calendar(features: tuple[Calendar, ...], as_of: Int64) -> list[list[int]]:
    """Hours and weekdays on local clocks, which differ from UTC by whole quarters of an hour."""
    quarters = (as_of // QUARTER_HOUR).tolist()
    instants = {quarter: EPOCH + quarter * QUARTER for quarter in set(quarters)}
    clocks = {
        zone: {quarter: instant.astimezone(ZoneInfo(zone)) for quarter, instant in instants.items()}
        for zone in {feature.timezone for feature in features}
    }
    parts = []
    for feature in features:
        local = clocks[feature.timezone]
        if feature.part == "hour":
            parts.append([local[quarter].hour for quarter in quarters])
        else:
            parts.append([local[quarter].weekday() for quarter in quarters])
    return parts
