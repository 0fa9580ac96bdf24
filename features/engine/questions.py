"""The exact questions behind features: what each feature asks, and each question asked once.

Many features share a question: all windows of a selection share its mask, a mean and a total share
a sum. `Questions` collects them sort by sort and tells each feature the places of its answers.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, assert_never

from features.engine.history import MEASURE_SCALE
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

MINUTES_PER_DAY = 1440
FOREVER_DAYS = 10**6
"""Width of the window that holds all of a history, where a width is counted with."""
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


@dataclass(slots=True)
class Questions:
    """Questions so far, in the order in which they were first asked."""

    selections: dict[Selection, int] = field(default_factory=dict)
    sums: dict[tuple[Summand, int | None], int] = field(default_factory=dict)
    instants: dict[Instant, int] = field(default_factory=dict)
    largest: dict[Largest, int] = field(default_factory=dict)
    latest: dict[Latest, int] = field(default_factory=dict)
    unbroken: dict[Unbroken, int] = field(default_factory=dict)
    weighted: dict[Weighted, int] = field(default_factory=dict)

    def ask(self, feature: Feature) -> tuple[int, ...]:
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
                narrowed = [_with(selection, name, value) for value in values]
                listed = [self.sum(one, days) for one in narrowed if one is not None]
                return (self.sum(selection, days, "has", name), *listed)
            case LatestValue(selection, name, levels):
                latest = Latest(self.instant(selection, first=False), name, levels)
                return (self.latest.setdefault(latest, len(self.latest)),)
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
                row = self.unbroken.setdefault(run, len(self.unbroken))
                return (len(self.sums) + row, 1)
            case Decayed(selection, half_life):
                faded = Weighted(self.selection(selection), half_life)
                row = self.weighted.setdefault(faded, len(self.weighted))
                return (len(self.sums) + len(self.unbroken) + row, WEIGHT_SCALE)
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


def form(feature: Feature) -> type[Feature] | str:
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


def _with(selection: Selection, name: LabelField, value: str) -> Selection | None:
    """The selection narrowed to one value of a field; None when it never has it."""
    allowed: tuple[str, ...] = getattr(selection, name)
    if allowed and value not in allowed:
        return None
    narrowed: dict[str, Any] = {name: (value,)}
    return replace(selection, **narrowed)
