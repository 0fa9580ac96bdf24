"""The standard features for any CRM, from the vocabulary that its export has.

A new CRM needs no code: which channels, kinds, directions and outcomes exist, and which levels an
attribute takes, is learned from what was known before an instant (the end of the fitting period),
so that not even the *list* of features looks at the period that a model is judged on. A value that
too few leads have gets no features of its own and counts in "any" or in "other".
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from features.spec import (
    AttributeCategory,
    AttributeNumber,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    KnownAttributes,
    LabelField,
    LeadAge,
    Mean,
    Selection,
    Share,
    Spec,
    Total,
    Trend,
)
from features.tables import Tables

MINIMUM_LEADS = 30
"""A value gets features of its own when at least so many leads have it."""
MOST_VALUES = 20
"""Of each field, so many of the most common values at most."""
MOST_LEVELS = 50
"""Of each category, so many of the most common levels at most."""


def standard_spec(tables: Tables, until: int) -> Spec:
    """Spec of the standard features, learned from what was known before `until`.

    Parameters
    ----------
    tables : Tables
    until : int
        Microseconds; interactions known and leads created at or after it are not looked at.

    Returns
    -------
    Spec
        In a fixed order: the same tables give the same spec.
    """
    instant = pa.scalar(until, pa.timestamp("us", "UTC"))
    events = tables.interactions
    known = pc.and_(
        pc.less(events["occurred_at"], instant), pc.less(events["recorded_at"], instant)
    )
    events = events.filter(known)
    features: list[Feature] = [LeadAge(), *_attribute_features(tables, instant)]
    if events.num_rows:
        features += _activity(Selection())
        for direction in _values(events, "direction"):
            features += _activity(Selection(direction=(direction,)))
            features += [
                Share(Selection(direction=(direction,)), Selection(), days) for days in (30, None)
            ]
        for kind in _values(events, "kind"):
            features += _recent(Selection(kind=(kind,)), (7, 30, None))
        for outcome in _values(events, "outcome"):
            features += _recent(Selection(outcome=(outcome,)), (7, 30, None))
        for channel in _values(events, "channel"):
            features += _recent(Selection(channel=(channel,)), (30, None))
        for measure in tables.measures:
            features += [Total(Selection(), measure, days) for days in (7, 30, None)]
            features += [Mean(Selection(), measure, days) for days in (30, None)]
    return Spec(tuple(features), dict(tables.attribute_kinds), tables.measures)


def _activity(selection: Selection) -> Iterable[Feature]:
    """How much, how recently and whether it is growing."""
    yield from (Count(selection, days) for days in (1, 3, 7, 14, 30, 90, None))
    yield Trend(selection, 7, 30)
    yield DaysSinceLatest(selection)
    yield DaysSinceFirst(selection)


def _recent(selection: Selection, windows: Iterable[int | None]) -> Iterable[Feature]:
    yield from (Count(selection, days) for days in windows)
    yield DaysSinceLatest(selection)


def _values(events: pa.Table, field: LabelField) -> list[str]:
    """Values of a field that enough leads have, most common first."""
    return _frequent(events["lead_id"], events[field], MOST_VALUES)


def _attribute_features(tables: Tables, instant: pa.Scalar) -> Iterable[Feature]:
    for name, kind in sorted(tables.attribute_kinds.items()):
        match kind:
            case "number":
                yield AttributeNumber(name)
            case "timestamp":
                yield DaysSinceAttribute(name)
            case "category":
                yield AttributeCategory(name, tuple(_levels(tables, name, instant)))
    if len(tables.attribute_kinds) > 1:
        yield KnownAttributes(tuple(sorted(tables.attribute_kinds)))


def _levels(tables: Tables, name: str, instant: pa.Scalar) -> list[str]:
    """Levels of a category that enough leads had, in alphabetical order."""
    if name in tables.leads.column_names:
        found = tables.leads.filter(pc.less(tables.leads["created_at"], instant))
        return sorted(_frequent(found["lead_id"], found[name], MOST_LEVELS))
    log = tables.attribute_log
    log = log.filter(pc.equal(log["name"].cast(pa.string()), name))
    log = log.filter(pc.less(log["recorded_at"], instant))
    return sorted(_frequent(log["lead_id"], log["text"], MOST_LEVELS))


def _frequent(lead_ids: pa.ChunkedArray, values: pa.ChunkedArray, most: int) -> list[str]:
    """Values that at least `MINIMUM_LEADS` leads have, by falling number of leads, then by name."""
    pairs = pa.table({"lead": lead_ids, "value": values.cast(pa.string())}).drop_null()
    leads = pairs.group_by(["value"]).aggregate([("lead", "count_distinct")])
    enough = leads.filter(pc.greater_equal(leads["lead_count_distinct"], MINIMUM_LEADS))
    ranked = enough.sort_by([("lead_count_distinct", "descending"), ("value", "ascending")])
    found: list[str] = ranked["value"].to_pylist()[:most]
    return found
