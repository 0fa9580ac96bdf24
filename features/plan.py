"""What must be counted for a spec: the exact questions behind its features, each asked once.

Many features share a question (all windows of a selection share its mask, a mean and a total share
a sum), and the executor answers all questions of one sort in one sweep over the interactions. A
`Plan` is the list of questions, sort by sort, and for each feature the places of its answers. It
depends on the spec alone and is made once, when a model is loaded or a batch begins.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from typing import Any, Literal, NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from features.history import Int64
from features.kinds import (
    LABEL_FIELDS,
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
from features.spec import Spec

WEIGHT_SCALE = 2**32
"""Weights of decay are whole numbers of 1 / WEIGHT_SCALE, so that their sums are exact."""


class Summand(NamedTuple):
    """What is summed over the interactions of a selection.

    ``of`` is "one" (counts them), "value" (a measure), "has" (one where the measure or label field
    is there), or what a gap of the selection adds: "gap" (one), "gap_minutes", "gap_squares".
    """

    selection: int
    of: Literal["one", "value", "has", "gap", "gap_minutes", "gap_squares"]
    name: str = ""


class Instant(NamedTuple):
    """When the latest (or first) known interaction of a selection occurred."""

    selection: int
    first: bool


class Largest(NamedTuple):
    """Largest value of a measure over a window of a selection."""

    selection: int
    measure: str
    days: int | None


class Latest(NamedTuple):
    """Level of a field in the latest interaction of a selection."""

    selection: int
    field: LabelField
    levels: tuple[str, ...]


class Unbroken(NamedTuple):
    """Interactions of a selection known after the latest of another one."""

    selection: int
    ended_by: int


class Weighted(NamedTuple):
    """Sum of weights by age over a selection."""

    selection: int
    half_life_days: int


@dataclass(frozen=True, slots=True)
class Group:
    """Features of one kind, which become floats together.

    Parameters
    ----------
    features : tuple of Feature
        All of one kind.
    places : tuple of int64 array
        Place of the first, second … answer of each feature; empty where their number differs.
    ragged : tuple of int64 array
        All places of each feature.
    """

    features: tuple[Feature, ...]
    places: tuple[Int64, ...]
    ragged: tuple[Int64, ...]


@dataclass(frozen=True, slots=True)
class Codebook:
    """Which selections admit which value of one label field.

    Parameters
    ----------
    index : dict of str to int
        Values that some selection names.
    admitted : bool array of shape (selections, values + 1)
        The last column is for all other values and for a missing one.
    """

    index: dict[str, int]
    admitted: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sums:
    """Windowed sums, with those of all history first.

    Parameters
    ----------
    summands : mapping of (of, name) to (places, selections)
        Which summands add what: places among the summands, and the selection of each.
    number : int
        How many summands there are.
    summand : int64 array of shape (sums,)
        Summand of each sum.
    windowed : int
        Place of the first sum that has a window.
    days : int64 array of shape (windows,)
        Widths of the windows.
    window : int64 array of shape (sums - windowed,)
        Window of each sum that has one.
    """

    summands: dict[tuple[str, str], tuple[Int64, Int64]]
    number: int
    summand: Int64
    windowed: int
    days: Int64
    window: Int64


@dataclass(frozen=True, slots=True)
class Plan:
    """Questions behind a spec, and where each feature finds its answers.

    Parameters
    ----------
    spec : Spec
    selections : tuple of Selection
        Which interactions are looked at, each once.
    sums : Sums
        The windowed sums.
    instants, largest, latest, unbroken, weighted
        The other questions.
    indices : mapping of levels to mapping of level to index
        Of each category's levels.
    groups : tuple of Group
        Features by kind, with the places of their answers.
    rows : int64 array of shape (features,)
        Where each feature stands when the groups stand one after the other.
    codebooks : mapping of label field to Codebook
        For each field that some selection restricts.
    weights : mapping of half-life to int64 array
        Weight of each age in hours.
    """

    spec: Spec
    selections: tuple[Selection, ...]
    sums: Sums
    instants: tuple[Instant, ...]
    largest: tuple[Largest, ...]
    latest: tuple[Latest, ...]
    unbroken: tuple[Unbroken, ...]
    weighted: tuple[Weighted, ...]
    groups: tuple[Group, ...]
    rows: Int64
    codebooks: dict[LabelField, Codebook]
    weights: dict[int, Int64]
    indices: dict[tuple[str, ...], dict[str, int]]


def compiled(spec: Spec) -> Plan:
    """Plan of a spec.

    Examples
    --------
    >>> plan = compiled(Spec((Count(Selection(), 7), Rate(Selection(), 7))))
    >>> len(plan.sums.summand)
    1
    """
    asked = _Questions()
    for feature in spec.features:
        asked.about(feature)
    # Sums of all history go first; then every feature is told where its answers stand.
    asked.sums = {key: place for place, key in enumerate(sorted(asked.sums, key=_has_window))}
    places = [asked.about(feature) for feature in spec.features]
    by_kind: dict[type[Feature], list[int]] = {}
    for column, feature in enumerate(spec.features):
        by_kind.setdefault(type(feature), []).append(column)
    columns = list(by_kind.values())
    return Plan(
        spec=spec,
        selections=tuple(asked.selections),
        sums=_sums(list(asked.sums)),
        instants=tuple(asked.instants),
        largest=tuple(asked.largest),
        latest=tuple(asked.latest),
        unbroken=tuple(asked.unbroken),
        weighted=tuple(asked.weighted),
        groups=tuple(_group(spec, places, mine) for mine in columns),
        rows=np.argsort(_whole(column for mine in columns for column in mine)),
        codebooks=_codebooks(tuple(asked.selections)),
        weights={one.half_life_days: _weights(one.half_life_days) for one in asked.weighted},
        indices={
            feature.levels: {level: i for i, level in enumerate(feature.levels)}
            for feature in spec.features
            if isinstance(feature, AttributeCategory | LatestValue)
        },
    )


@dataclass(slots=True)
class _Questions:
    """Questions so far, in the order in which they were first asked."""

    selections: dict[Selection, int] = field(default_factory=dict)
    sums: dict[tuple[Summand, int | None], int] = field(default_factory=dict)
    instants: dict[Instant, int] = field(default_factory=dict)
    largest: dict[Largest, int] = field(default_factory=dict)
    latest: dict[Latest, int] = field(default_factory=dict)
    unbroken: dict[Unbroken, int] = field(default_factory=dict)
    weighted: dict[Weighted, int] = field(default_factory=dict)

    def about(self, feature: Feature) -> tuple[int, ...]:
        """Ask what a feature needs; give the places of the answers."""
        match feature:
            case (
                LeadAge()
                | Calendar()
                | AttributeNumber()
                | AttributeCategory()
                | DaysSinceAttribute()
                | KnownAttributes()
            ):
                return ()
            case Count(selection, days) | Rate(selection, days):
                return (self.sum(selection, days),)
            case Total(selection, measure, days):
                return (self.sum(selection, days, "value", measure),)
            case Mean(selection, measure, days):
                total = self.sum(selection, days, "value", measure)
                return (total, self.sum(selection, days, "has", measure))
            case Maximum(selection, measure, days):
                key = Largest(self.selection(selection), measure, days)
                return (self.largest.setdefault(key, len(self.largest)),)
            case Share(selection, among, days):
                return (self.sum(selection, days), self.sum(among, days))
            case Trend(selection, short, long):
                return (self.sum(selection, short), self.sum(selection, long))
            case Distinct(selection, name, values, days):
                chosen = [_with(selection, name, value) for value in values]
                known = [self.sum(one, days) for one in chosen if one is not None]
                return (self.sum(selection, days, "has", name), *known)
            case LatestValue(selection, name, levels):
                asked = Latest(self.selection(selection), name, levels)
                return (self.latest.setdefault(asked, len(self.latest)),)
            case DaysSinceLatest(selection):
                return (self.instant(selection, first=False),)
            case DaysSinceFirst(selection) | DaysToFirst(selection):
                return (self.instant(selection, first=True),)
            case Gap(selection):
                sums = [self.sum(selection, None, "gap"), self.sum(selection, None, "gap_minutes")]
                sums.append(self.sum(selection, None, "gap_squares"))
                return (*sums, self.instant(selection, first=False))
            case Streak(selection, ended_by):
                run = Unbroken(self.selection(selection), self.selection(ended_by))
                return (self.unbroken.setdefault(run, len(self.unbroken)),)
            case Decayed(selection, half_life):
                faded = Weighted(self.selection(selection), half_life)
                return (self.weighted.setdefault(faded, len(self.weighted)),)
            case _:
                assert_never(feature)

    def selection(self, selection: Selection) -> int:
        """Place of a selection."""
        return self.selections.setdefault(selection, len(self.selections))

    def sum(
        self,
        selection: Selection,
        days: int | None,
        of: Literal["one", "value", "has", "gap", "gap_minutes", "gap_squares"] = "one",
        name: str = "",
    ) -> int:
        """Place of a windowed sum."""
        key = (Summand(self.selection(selection), of, name), days)
        return self.sums.setdefault(key, len(self.sums))

    def instant(self, selection: Selection, *, first: bool) -> int:
        """Place of an instant."""
        key = Instant(self.selection(selection), first)
        return self.instants.setdefault(key, len(self.instants))


def _has_window(key: tuple[Summand, int | None]) -> bool:
    return key[1] is not None


def _sums(keys: list[tuple[Summand, int | None]]) -> Sums:
    place = {summand: i for i, summand in enumerate(dict.fromkeys(key[0] for key in keys))}
    sorts: dict[tuple[str, str], list[Summand]] = {}
    for summand in place:
        sorts.setdefault((summand.of, summand.name), []).append(summand)
    days = [width for _, width in keys if width is not None]
    widths = sorted(set(days))
    return Sums(
        summands={
            sort: (_whole(place[one] for one in mine), _whole(one.selection for one in mine))
            for sort, mine in sorts.items()
        },
        number=len(place),
        summand=_whole(place[summand] for summand, _ in keys),
        windowed=len(keys) - len(days),
        days=_whole(widths),
        window=_whole(widths.index(width) for width in days),
    )


def _whole(numbers: Iterable[int]) -> Int64:
    return np.array(list(numbers), np.int64)


def _group(spec: Spec, places: list[tuple[int, ...]], columns: list[int]) -> Group:
    ragged = tuple(np.array(places[column], np.int64) for column in columns)
    even = len({len(one) for one in ragged}) == 1
    aligned = tuple(np.stack(ragged, axis=1)) if even else ()
    return Group(tuple(spec.features[column] for column in columns), aligned, ragged)


def _codebooks(selections: tuple[Selection, ...]) -> dict[LabelField, Codebook]:
    found = {}
    for name in LABEL_FIELDS:
        wanted: list[tuple[str, ...]] = [getattr(one, name) for one in selections]
        if any(wanted):
            index = {value: i for i, value in enumerate(sorted({v for w in wanted for v in w}))}
            admitted = np.zeros((len(selections), len(index) + 1), np.bool_)
            for row, values in zip(admitted, wanted, strict=True):
                row[[index[value] for value in values] if values else slice(None)] = True
            found[name] = Codebook(index, admitted)
    return found


def _with(selection: Selection, name: LabelField, value: str) -> Selection | None:
    """The selection narrowed to one value of a field; None when it never has it."""
    allowed: tuple[str, ...] = getattr(selection, name)
    if allowed and value not in allowed:
        return None
    narrowed: dict[str, Any] = {name: (value,)}
    return replace(selection, **narrowed)


def _weights(half_life_days: int) -> Int64:
    """Weight of each age in whole hours, until it is nothing; correctly rounded everywhere."""
    with localcontext() as context:
        context.prec = 30
        step = Decimal(2) ** (Decimal(-1) / Decimal(24 * half_life_days))
        weight, found = Decimal(WEIGHT_SCALE), []
        while weight >= Decimal("0.5"):
            found.append(int(weight.to_integral_value()))
            weight *= step
    return np.array([*found, 0], np.int64)
