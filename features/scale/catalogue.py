"""The standard features for any CRM, from the vocabulary that its export has.

A new CRM needs no code: which channels, kinds, directions and outcomes exist, and which levels an
attribute takes, is learned from what was known before an instant (the end of the fitting period),
so that not even the *list* of features looks at the period that a model is judged on. A value that
too few leads have gets no features of its own and counts in "any" or in "other". The owner of the
data adds features and drops others by name.
"""

import runpy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import is_known, when_known
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
    LabelField,
    LatestValue,
    LeadAge,
    Maximum,
    Mean,
    Rate,
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)
from features.language.spec import Spec
from features.refusals import REFUSAL_KINDS
from features.spine import microseconds
from features.tables import Tables

MINIMUM_LEADS = 30
"""Fewest leads that must have a value before it gets features of its own."""
MOST_VALUES: dict[LabelField, int] = {
    "channel": 6,
    "kind": 16,
    "direction": 3,
    "outcome": 6,
    "agent": 30,
}
"""Most values of each field that get features of their own, the most common first."""
MOST_LEVELS = 50
"""Most levels of a category that get an index of their own, the most common first."""
MOST_MEASURES = 3
ANY = Selection()


def standard_spec(
    tables: Tables, known_before: int, *, owner: str | None = None, timezone: str = "UTC"
) -> Spec:
    """Spec of the standard features, learned from what was known before `known_before`.

    Parameters
    ----------
    tables : Tables
        The export; rows that became known later are left out first.
    known_before : int
        Microseconds; interactions known and leads created at or after it are not looked at.
    owner : str, optional
        Attribute that names the lead's owner, to tell the owner's contacts from others'.
    timezone : str
        Whose clocks the calendar features read.

    Returns
    -------
    Spec
        In a fixed order: the same tables give the same spec.
    """
    events = tables.interactions
    known_at = when_known(microseconds(events["occurred_at"]), microseconds(events["recorded_at"]))
    events = events.filter(pa.array(is_known(known_at, known_before)))
    features: list[Feature] = [LeadAge(), *_attribute_features(tables, known_before)]
    if events.num_rows:
        features += [Calendar("hour", timezone), Calendar("weekday", timezone)]
        features += _interaction_features(events, tables.measures[:MOST_MEASURES])
        if owner is not None:
            by_owner = Selection(by_owner=True)
            features += [Share(by_owner, ANY, None), DaysSinceLatest(by_owner)]
    return Spec(tuple(features), dict(tables.attribute_kinds), tables.measures, owner)


def customised_spec(spec: Spec, add: Sequence[Feature], drop: Sequence[str]) -> Spec:
    """Spec with features added and others dropped.

    Parameters
    ----------
    spec : Spec
        The features to start from.
    add : sequence of Feature
        Behind the others; one of the same name takes the other's place.
    drop : sequence of str
        Names, or patterns such as ``count[[]kind=fax*``.

    Raises
    ------
    ValueError
        Nothing has a name in `drop`, or nothing is left.
    """
    for pattern in drop:
        if not any(_named(feature, pattern) for feature in spec.features):
            raise ValueError(
                f"No feature to drop is named '{pattern}'. `lead-temperature features` lists them."
            )
    added = {feature.name for feature in add}
    remaining = [
        feature
        for feature in spec.features
        if feature.name not in added and not any(_named(feature, pattern) for pattern in drop)
    ]
    if not (remaining or add):
        raise ValueError("Every feature is dropped, nothing is left to learn from.")
    return replace(spec, features=(*remaining, *add))


def features_of_file(path: Path) -> list[Feature]:
    """Features that a Python file lists as ``FEATURES``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It has no list of that name, or something else is in the list.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; [features] file names it.")
    listed = runpy.run_path(str(path)).get("FEATURES")
    if not isinstance(listed, list | tuple) or not all(
        isinstance(feature, get_args(Feature)) for feature in listed
    ):
        raise ValueError(
            f"{path} must set FEATURES to a list of features (features.language.kinds)."
        )
    return list(listed)


def _named(feature: Feature, pattern: str) -> bool:
    return feature.name == pattern or fnmatchcase(feature.name, pattern)


def _interaction_features(events: pa.Table, measures: Sequence[str]) -> Iterator[Feature]:
    values = {name: _values(events, name) for name in MOST_VALUES}
    yield from (Count(ANY, days) for days in (1, 3, 7, 14, 30, 90, None))
    yield from (Trend(ANY, 7, 30), Rate(ANY, None), Decayed(ANY, 7), Decayed(ANY, 30))
    yield from (DaysSinceLatest(ANY), DaysSinceFirst(ANY))
    yield from (Gap(ANY, "mean"), Gap(ANY, "spread"), Gap(ANY, "relative"))
    counted: tuple[LabelField, ...] = ("channel", "kind", "agent")
    for name in counted:
        if len(values[name]) > 1:
            yield Distinct(ANY, name, tuple(values[name]), None)
    with_levels: tuple[LabelField, ...] = ("channel", "kind", "outcome")
    for name in with_levels:
        if len(values[name]) > 1:
            yield LatestValue(ANY, name, tuple(sorted(values[name])))
    yield from _direction_features(values["direction"])
    yield from _outcome_features(values["outcome"])
    for kind in values["kind"]:
        yield from _recent(Selection(kind=(kind,)), (7, None))
    for channel in values["channel"]:
        yield from _recent(Selection(channel=(channel,)), (30,))
    for measure in measures:
        yield from (Total(ANY, measure, 30), Total(ANY, measure, None))
        yield from (Mean(ANY, measure, None), Maximum(ANY, measure, None))


def _direction_features(directions: list[str]) -> Iterator[Feature]:
    for direction in directions:
        selection = Selection(direction=(direction,))
        yield from (Count(selection, days) for days in (3, 7, 30, None))
        yield from (Trend(selection, 7, 30), Decayed(selection, 7), Share(selection, ANY, None))
        yield from (DaysSinceLatest(selection), DaysToFirst(selection))
        other_directions = tuple(other for other in directions if other != direction)
        if other_directions:
            yield Streak(selection, Selection(direction=other_directions))


def _outcome_features(outcomes: list[str]) -> Iterator[Feature]:
    for outcome in outcomes:
        selection = Selection(outcome=(outcome,))
        yield from _recent(selection, (30, None))
        other_outcomes = tuple(other for other in outcomes if other != outcome)
        if other_outcomes:
            yield Streak(selection, Selection(outcome=other_outcomes))


def _recent(selection: Selection, windows: Iterable[int | None]) -> Iterator[Feature]:
    yield from (Count(selection, days) for days in windows)
    yield DaysSinceLatest(selection)


def _values(events: pa.Table, field: LabelField) -> list[str]:
    """Values of a field that enough leads have, most common first."""
    return _frequent(events["lead_id"], events[field], MOST_VALUES[field])


def _attribute_features(tables: Tables, known_before: int) -> Iterator[Feature]:
    for name, kind in sorted(tables.attribute_kinds.items()):
        match kind:
            case "number":
                yield AttributeNumber(name)
            case "timestamp":
                yield DaysSinceAttribute(name)
            case "category":
                yield AttributeCategory(name, tuple(_levels(tables, name, known_before)))
    fields_of_the_card = sorted(set(tables.attribute_kinds) - set(REFUSAL_KINDS))
    if len(fields_of_the_card) > 1:
        yield KnownAttributes(tuple(fields_of_the_card))


def _levels(tables: Tables, name: str, known_before: int) -> list[str]:
    """Levels of a category that enough leads had, in alphabetical order."""
    if name in tables.leads.column_names:
        leads = tables.leads.filter(
            pa.array(microseconds(tables.leads["created_at"]) < known_before)
        )
        return sorted(_frequent(leads["lead_id"], leads[name], MOST_LEVELS))
    log = tables.attribute_log
    log = log.filter(pc.equal(log["name"].cast(pa.string()), name))
    log = log.filter(pa.array(is_known(microseconds(log["recorded_at"]), known_before)))
    return sorted(_frequent(log["lead_id"], log["text"], MOST_LEVELS))


def _frequent(lead_ids: pa.ChunkedArray, values: pa.ChunkedArray, limit: int) -> list[str]:
    """Values that at least `MINIMUM_LEADS` leads have, by falling number of leads, then by name."""
    pairs = pa.table({"lead": lead_ids, "value": values.cast(pa.string())}).drop_null()
    leads = pairs.group_by(["value"]).aggregate([("lead", "count_distinct")])
    frequent = leads.filter(pc.greater_equal(leads["lead_count_distinct"], MINIMUM_LEADS))
    ranked = frequent.sort_by([("lead_count_distinct", "descending"), ("value", "ascending")])
    most_frequent: list[str] = ranked["value"].to_pylist()[:limit]
    return most_frequent
