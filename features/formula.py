"""From the exact answers about one lead to a feature's float: one small function a feature.

The same formulas as in `features.engine`, for one row in place of arrays: what is whole becomes a
float before it is divided, as in NumPy, so that both have the same bits. Which function a feature
needs is decided once, when its spec is compiled.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from features.history import MEASURE_SCALE, MICROSECONDS_PER_DAY, MISSING
from features.kinds import (
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
from features.questions import MINUTES_PER_DAY

NAN = math.nan
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """One lead at one instant, with the answers about it.

    Parameters
    ----------
    as_of, created_at : int
        Microseconds.
    attributes : mapping of str to value
        Those of a `LeadRecord`, without the missing ones.
    whole, instants, largest, latest : sequences of int
        As in `features.exact.Answers`.
    """

    as_of: int
    created_at: int
    attributes: Mapping[str, Any]
    whole: Sequence[int]
    instants: Sequence[int]
    largest: Sequence[int]
    latest: Sequence[int]


Formula: TypeAlias = Callable[[Counted], float]


def formula(feature: Feature, places: tuple[int, ...]) -> Formula:
    """Float of a feature, given what `Questions.about` says of it."""
    match feature:
        case LeadAge():
            return _age_days
        case Calendar(part, timezone):
            return _calendar(part, ZoneInfo(timezone))
        case AttributeNumber(name):
            return lambda lead: float(lead.attributes.get(name, NAN))
        case AttributeCategory(name, levels):
            index = {None: NAN} | {level: float(i) for i, level in enumerate(levels)}
            other = float(len(levels))
            return lambda lead: index.get(lead.attributes.get(name), other)
        case DaysSinceAttribute(name):
            return lambda lead: _days(lead.as_of - float(lead.attributes.get(name, NAN)))
        case KnownAttributes(names):
            return lambda lead: float(sum(name in lead.attributes for name in names))
        case Count() | Total() | Streak() | Decayed():
            place, scale = places
            return lambda lead: float(lead.whole[place]) / scale
        case Mean() | Share() | Gap(statistic="mean"):
            above, below, times = places
            return lambda lead: _ratio(lead.whole[above], lead.whole[below] * times)
        case Maximum():
            return _scaled(*places)
        case Rate():
            place, days = places
            return lambda lead: float(lead.whole[place]) / min(max(_age_days(lead), 1.0), days)
        case Trend():
            recent, short, all_of_it, long = places
            return lambda lead: lead.whole[recent] / short - lead.whole[all_of_it] / long
        case Distinct():
            everything, *values = places
            return lambda lead: _distinct(lead.whole, everything, values)
        case LatestValue():
            (place,) = places
            return lambda lead: NAN if lead.latest[place] < 0 else float(lead.latest[place])
        case DaysSinceLatest() | DaysSinceFirst():
            (place,) = places
            return lambda lead: _since(lead, lead.instants[place])
        case DaysToFirst():
            (place,) = places
            return _to_first(place)
        case Gap(statistic="spread"):
            return _spread(*places)
        case Gap():
            return _relative(*places)
        case _:
            assert_never(feature)


def _days(microseconds: float) -> float:
    return microseconds / MICROSECONDS_PER_DAY


def _age_days(lead: Counted) -> float:
    return _days(lead.as_of - lead.created_at)


def _since(lead: Counted, instant: int) -> float:
    return NAN if instant == MISSING else _days(lead.as_of - instant)


def _to_first(place: int) -> Formula:
    def to_first(lead: Counted) -> float:
        instant = lead.instants[place]
        return NAN if instant == MISSING else _days(instant - lead.created_at)

    return to_first


def _ratio(above: int, below: int) -> float:
    return float(above) / below if below else NAN


def _scaled(place: int) -> Formula:
    def largest(lead: Counted) -> float:
        value = lead.largest[place]
        return NAN if value == MISSING else float(value) / MEASURE_SCALE

    return largest


def _distinct(whole: Sequence[int], everything: int, values: Sequence[int]) -> float:
    counts = [whole[place] for place in values]
    return float(sum(count > 0 for count in counts) + (whole[everything] > sum(counts)))


def _spread(number: int, minutes: int, squares: int, _latest: int) -> Formula:
    def spread(lead: Counted) -> float:
        gaps, total = lead.whole[number], lead.whole[minutes]
        if gaps < 2:
            return NAN
        variance = _ratio(gaps * lead.whole[squares] - total * total, gaps * gaps)
        return math.sqrt(variance) / MINUTES_PER_DAY

    return spread


def _relative(number: int, minutes: int, _squares: int, latest: int) -> Formula:
    def relative(lead: Counted) -> float:
        mean = _ratio(lead.whole[minutes], lead.whole[number] * MINUTES_PER_DAY)
        return _since(lead, lead.instants[latest]) / mean if mean > 0 else NAN

    return relative


def _calendar(part: str, zone: ZoneInfo) -> Formula:
    def calendar(lead: Counted) -> float:
        local = (EPOCH + lead.as_of * MICROSECOND).astimezone(zone)
        return float(local.hour if part == "hour" else local.weekday())

    return calendar
