"""What must be counted for a spec: the exact questions behind its features, each asked once.

Many features share a question (all windows of a selection share its mask, a mean and a total share
a sum), and the executor answers all questions of one sort in one sweep over the interactions. A
`Plan` is the list of questions, sort by sort, and for each feature the places of its answers. It
depends on the spec alone and is made once, when a model is loaded or a batch begins.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from typing import Any, Literal, NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from features.history import MEASURE_SCALE, Int64, Labels
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

MINUTES_PER_DAY = 1440
FOREVER_DAYS = 10**6
"""Width of the window that holds all of a history, where a width is counted with."""
MOST_CODES = 10_000
"""Label fields are looked at together as long as their values have no more combinations."""
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
    """Level of a field in the latest interaction of a selection, whose instant stands there too."""

    instant: int
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
    """Features of one kind (or of one form), which become floats together.

    Parameters
    ----------
    features : tuple of Feature
        All of one kind, or of kinds of one form.
    places : tuple of int64 array
        What `_Questions.about` says of the features: the first number of each, the second …; where
        features have different numbers of them, all numbers of the first, the second … feature in
        one array, and where each feature's begin in another.
    """

    features: tuple[Feature, ...]
    places: tuple[Int64, ...]


@dataclass(frozen=True, slots=True)
class Codebook:
    """Which selections admit which values of some label fields, taken together.

    Parameters
    ----------
    indices : mapping of field to (index of values, stride)
        The values of each field that some selection names. An event's code is the sum of its
        values' places times the strides; all other values, and a missing one, share the last place.
    admitted : bool array of shape (selections, codes)
    """

    indices: dict[LabelField, tuple[dict[str, int], int]]
    admitted: npt.NDArray[np.bool_]

    def code(self, labels: Mapping[LabelField, Labels]) -> Int64:
        """Code of each event."""
        codes = [
            labels[name].recoded(index, other=len(index), missing=len(index), scale=stride)
            for name, (index, stride) in self.indices.items()
        ]
        return functools.reduce(np.add, codes)


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
    before : int64 array of shape (sums,)
        What each sum leaves out: 1 for what precedes the lead, 2, 3 … for what has left the first,
        second … window.
    """

    summands: dict[tuple[str, str], tuple[Int64, Int64]]
    number: int
    summand: Int64
    windowed: int
    days: Int64
    before: Int64


@dataclass(frozen=True, slots=True)
class Fading:
    """Weighted sums of one half-life.

    Parameters
    ----------
    places, selections : int64 arrays of shape (sums,)
        Place of each among all weighted sums, and its selection.
    weights : int64 array
        Weight of each age in hours; the last one is 0.
    """

    places: Int64
    selections: Int64
    weights: Int64


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
    latest_of, first_of : int64 arrays
        Selections whose latest interaction is asked for, then those whose first is.
    largest, latest, unbroken, weighted
        The other questions.
    indices : mapping of levels to mapping of level to index
        Of each category's levels.
    groups : tuple of Group
        Features by kind, with the places of their answers.
    rows : int64 array of shape (features,)
        Where each feature stands when the groups stand one after the other.
    codebooks : tuple of Codebook
        For the fields that some selection restricts.
    fading : tuple of Fading
        The weighted sums, by half-life.
    """

    spec: Spec
    selections: tuple[Selection, ...]
    sums: Sums
    latest_of: Int64
    first_of: Int64
    largest: tuple[Largest, ...]
    latest: tuple[Latest, ...]
    unbroken: tuple[Unbroken, ...]
    weighted: tuple[Weighted, ...]
    groups: tuple[Group, ...]
    rows: Int64
    codebooks: tuple[Codebook, ...]
    fading: tuple[Fading, ...]
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
    # Sums of all history go first, and latest instants; then every feature is told where its
    # answers stand.
    asked.sums = {key: place for place, key in enumerate(sorted(asked.sums, key=_has_window))}
    asked.instants = {key: place for place, key in enumerate(sorted(asked.instants, key=_is_first))}
    asked.latest.clear()
    places = [asked.about(feature) for feature in spec.features]
    by_form: dict[type[Feature] | str, list[int]] = {}
    for column, feature in enumerate(spec.features):
        by_form.setdefault(_form(feature), []).append(column)
    columns = list(by_form.values())
    return Plan(
        spec=spec,
        selections=tuple(asked.selections),
        sums=_sums(list(asked.sums)),
        latest_of=_whole(one.selection for one in asked.instants if not one.first),
        first_of=_whole(one.selection for one in asked.instants if one.first),
        largest=tuple(asked.largest),
        latest=tuple(asked.latest),
        unbroken=tuple(asked.unbroken),
        weighted=tuple(asked.weighted),
        groups=tuple(_group(spec, places, mine) for mine in columns),
        rows=np.argsort(_whole(column for mine in columns for column in mine)),
        codebooks=_codebooks(tuple(asked.selections)),
        fading=_fading(list(asked.weighted)),
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
        """Ask what a feature needs; give places of answers, and the numbers that go with them."""
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
            case Count(selection, days):
                return (self.sum(selection, days), 1)
            case Total(selection, measure, days):
                return (self.sum(selection, days, "value", measure), MEASURE_SCALE)
            case Mean(selection, measure, days):
                total = self.sum(selection, days, "value", measure)
                return (total, self.sum(selection, days, "has", measure), MEASURE_SCALE)
            case Rate(selection, days):
                return (self.sum(selection, days), FOREVER_DAYS if days is None else days)
            case Maximum(selection, measure, days):
                key = Largest(self.selection(selection), measure, days)
                return (self.largest.setdefault(key, len(self.largest)),)
            case Share(selection, among, days):
                return (self.sum(selection, days), self.sum(among, days), 1)
            case Trend(selection, short, long):
                return (self.sum(selection, short), short, self.sum(selection, long), long)
            case Distinct(selection, name, values, days):
                chosen = [_with(selection, name, value) for value in values]
                known = [self.sum(one, days) for one in chosen if one is not None]
                return (self.sum(selection, days, "has", name), *known)
            case LatestValue(selection, name, levels):
                asked = Latest(self.instant(selection, first=False), name, levels)
                return (self.latest.setdefault(asked, len(self.latest)),)
            case DaysSinceLatest(selection):
                return (self.instant(selection, first=False),)
            case DaysSinceFirst(selection) | DaysToFirst(selection):
                return (self.instant(selection, first=True),)
            case Gap(selection, statistic):
                number = self.sum(selection, None, "gap")
                minutes = self.sum(selection, None, "gap_minutes")
                # Asked for by every statistic, so that all three have the same selections.
                squares = self.sum(selection, None, "gap_squares")
                if statistic == "mean":
                    return (minutes, number, MINUTES_PER_DAY)
                return (number, minutes, squares, self.instant(selection, first=False))
            case Streak(selection, ended_by):
                run = Unbroken(self.selection(selection), self.selection(ended_by))
                place = self.unbroken.setdefault(run, len(self.unbroken))
                return (len(self.sums) + place, 1)
            case Decayed(selection, half_life):
                faded = Weighted(self.selection(selection), half_life)
                place = self.weighted.setdefault(faded, len(self.weighted))
                return (len(self.sums) + len(self.unbroken) + place, WEIGHT_SCALE)
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


def _form(feature: Feature) -> type[Feature] | str:
    """Same for all that become floats in the same way, and so together.

    A whole number by its scale, one whole number by another, days since an instant …
    """
    match feature:
        case Total() | Streak() | Decayed():
            return Count
        case Share() | Gap(statistic="mean"):
            return Mean
        case DaysSinceFirst():
            return DaysSinceLatest
        case Gap(statistic=statistic):
            return statistic
        case _:
            return type(feature)


def _has_window(key: tuple[Summand, int | None]) -> bool:
    return key[1] is not None


def _is_first(key: Instant) -> bool:
    return key.first


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
        before=_whole(1 if width is None else 2 + widths.index(width) for _, width in keys),
    )


def _whole(numbers: Iterable[int]) -> Int64:
    return np.array(list(numbers), np.int64)


def _group(spec: Spec, places: list[tuple[int, ...]], columns: list[int]) -> Group:
    features = tuple(spec.features[column] for column in columns)
    mine = [places[column] for column in columns]
    if isinstance(features[0], Distinct):
        begins = np.cumsum([0, *(len(one) for one in mine[:-1])])
        return Group(features, (_whole(itertools.chain(*mine)), begins))
    return Group(features, tuple(_whole(one) for one in zip(*mine, strict=True)))


def _codebooks(selections: tuple[Selection, ...]) -> tuple[Codebook, ...]:
    """Codebooks of all fields, as many fields together as give no more than `MOST_CODES`."""
    books: list[Codebook] = []
    for name in LABEL_FIELDS:
        wanted: list[tuple[str, ...]] = [getattr(one, name) for one in selections]
        if not any(wanted):
            continue
        index = {value: i for i, value in enumerate(sorted({v for w in wanted for v in w}))}
        admitted = np.zeros((len(selections), len(index) + 1), np.bool_)
        for row, values in zip(admitted, wanted, strict=True):
            row[[index[value] for value in values] if values else slice(None)] = True
        if books and books[-1].admitted.shape[1] * admitted.shape[1] <= MOST_CODES:
            book = books.pop()
            stride = book.admitted.shape[1]
            together = admitted[:, :, None] & book.admitted[:, None, :]
            indices = {**book.indices, name: (index, stride)}
            books.append(Codebook(indices, together.reshape(len(selections), -1)))
        else:
            books.append(Codebook({name: (index, 1)}, admitted))
    return tuple(books)


def _with(selection: Selection, name: LabelField, value: str) -> Selection | None:
    """The selection narrowed to one value of a field; None when it never has it."""
    allowed: tuple[str, ...] = getattr(selection, name)
    if allowed and value not in allowed:
        return None
    narrowed: dict[str, Any] = {name: (value,)}
    return replace(selection, **narrowed)


def _fading(weighted: list[Weighted]) -> tuple[Fading, ...]:
    by_half_life: dict[int, list[int]] = {}
    for place, one in enumerate(weighted):
        by_half_life.setdefault(one.half_life_days, []).append(place)
    return tuple(
        Fading(_whole(places), _whole(weighted[i].selection for i in places), _weights(half_life))
        for half_life, places in by_half_life.items()
    )


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
