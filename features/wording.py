"""Features in plain words: what a person reads in a reason, in a report or in the catalogue.

A *signal* is what several features look at together: all windows of "inbound calls" are one signal,
so a reader gets one reason for it and not seven. A *family* says what side of the lead it is about:
who they are (fit), what they do (engagement), how they answer (relationship), when (timing), and
what we do (sales effort). The words are English; an interaction is named by the values of its
fields as they stand in the CRM.
"""

import math
from typing import Literal, assert_never

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
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)

Family = Literal["fit", "engagement", "relationship", "timing", "sales effort"]


def signal(feature: Feature) -> str:
    """Name of what the feature looks at, shared by all features that look at the same thing.

    Examples
    --------
    >>> signal(Count(Selection(kind=("price_question",)), 7))
    'price question'
    >>> signal(LeadAge())
    'age of the lead'
    """
    match feature:
        case LeadAge():
            return "age of the lead"
        case Calendar():
            return "time of the week"
        case (
            AttributeNumber(attribute)
            | AttributeCategory(attribute)
            | DaysSinceAttribute(attribute)
        ):
            return _words(attribute)
        case KnownAttributes():
            return "completeness of the card"
        case Total(selection, measure) | Mean(selection, measure) | Maximum(selection, measure):
            return f"{_words(measure)} of {_selected(selection)}"
        case Gap(selection) | Rate(selection):
            return f"rhythm of {_selected(selection)}"
        case Distinct(selection, field) | LatestValue(selection, field):
            return f"{field} of {_selected(selection)}"
        case (
            Count(selection)
            | Share(selection)
            | Trend(selection)
            | Decayed(selection)
            | Streak(selection)
            | DaysToFirst(selection)
            | DaysSinceLatest(selection)
            | DaysSinceFirst(selection)
        ):
            return _selected(selection)
        case _:
            assert_never(feature)


def family(feature: Feature) -> Family:
    """Which side of the lead a feature is about.

    Examples
    --------
    >>> family(Count(Selection(direction=("outbound",)), 7))
    'sales effort'
    >>> family(Count(Selection(kind=("visit",)), 7))
    'engagement'
    """
    match feature:
        case AttributeNumber() | AttributeCategory() | DaysSinceAttribute() | KnownAttributes():
            return "fit"
        case LeadAge() | Calendar():
            return "timing"
        case DaysSinceLatest(selection) | DaysSinceFirst(selection) | DaysToFirst(selection):
            return "sales effort" if _ours(selection) else "timing"
        case Gap() | Rate() | Trend() | LatestValue() | Distinct() | Streak():
            return "relationship"
        case (
            Count(selection)
            | Total(selection)
            | Mean(selection)
            | Maximum(selection)
            | Share(selection)
            | Decayed(selection)
        ):
            if _ours(selection):
                return "sales effort"
            return "relationship" if selection.outcome else "engagement"
        case _:
            assert_never(feature)


def description(feature: Feature) -> str:
    """What a feature is, in a phrase.

    Examples
    --------
    >>> description(Count(Selection(kind=("price_question",)), 7))
    'how many: price question, in the last 7 days'
    """
    about = signal(feature)
    match feature:
        case LeadAge():
            return "days since the lead was created"
        case Calendar(part, timezone):
            return f"{part} of the moment, on clocks of {timezone}"
        case AttributeNumber() | AttributeCategory():
            return f"{about}, as known at the moment"
        case DaysSinceAttribute():
            return f"days since {about}"
        case KnownAttributes(attributes):
            return f"how many of {len(attributes)} fields of the card are filled"
        case Count(_, days):
            return f"how many: {about}, {_within(days)}"
        case Total(_, _, days):
            return f"total {about}, {_within(days)}"
        case Mean(_, _, days):
            return f"mean {about}, {_within(days)}"
        case Maximum(_, _, days):
            return f"largest {about}, {_within(days)}"
        case Share(_, among, days):
            return f"share: {about} among {_selected(among)}, {_within(days)}"
        case Rate(_, days):
            return f"interactions a day: {about}, {_within(days)}"
        case Trend(_, short, long):
            return f"trend: {about}, a day over {short} days less a day over {long}"
        case Distinct(_, _, _, days):
            return f"how many different: {about}, {_within(days)}"
        case LatestValue():
            return f"latest {about}"
        case DaysSinceLatest():
            return f"days since the latest: {about}"
        case DaysSinceFirst():
            return f"days since the first: {about}"
        case DaysToFirst():
            return f"days from creation to the first: {about}"
        case Gap(_, statistic):
            words = {
                "mean": "mean gap in days",
                "spread": "spread of the gaps in days",
                "relative": "present gap over the mean gap",
            }
            return f"{words[statistic]}: {about}"
        case Streak(_, ended_by):
            return f"in a row: {about}, since the latest {_selected(ended_by)}"
        case Decayed(_, half_life):
            return f"how much lately: {about}, halved every {half_life} days"
        case _:
            assert_never(feature)


def in_words(feature: Feature, value: float) -> str:
    """One lead's value of a feature as a phrase.

    Parameters
    ----------
    feature : Feature
    value : float
        As the engine computed it; NaN is "unknown" or "never".

    Examples
    --------
    >>> in_words(Count(Selection(kind=("price_question",)), 7), 2.0)
    'price question: 2 in the last 7 days'
    >>> in_words(DaysSinceLatest(Selection(direction=("inbound",))), 0.0833)
    'inbound: the latest 2 hours ago'
    """
    about = signal(feature)
    unknown = math.isnan(value)
    match feature:
        case LeadAge():
            return f"created {_ago(value)}"
        case Calendar(part):
            return f"{_WEEKDAYS[int(value)]}" if part == "weekday" else f"{value:.0f} o'clock"
        case AttributeNumber():
            return f"{about}: {_number(value)}"
        case AttributeCategory(_, levels) | LatestValue(_, _, levels):
            return f"{about}: {'unknown' if unknown else _level(levels, int(value))}"
        case DaysSinceAttribute():
            return f"{about}: {'unknown' if unknown else _ago(value)}"
        case KnownAttributes(attributes):
            return f"{value:.0f} of {len(attributes)} fields of the card filled"
        case Count(_, days):
            return f"{about}: {value:.0f} {_within(days)}"
        case Distinct(_, _, _, days):
            return f"{about}: {value:.0f} different {_within(days)}"
        case Total(_, _, days):
            return f"{about}: {_number(value)} in total {_within(days)}"
        case Mean(_, _, days):
            return f"{about}: {_number(value)} on average {_within(days)}"
        case Maximum(_, _, days):
            return f"{about}: {_number(value)} at most {_within(days)}"
        case Share(_, among, days):
            share = "none" if unknown else f"{100 * value:.0f} %"
            return f"{about}: {share} of {_selected(among)} {_within(days)}"
        case Rate(_, days):
            return f"{about}: {value:.2g} a day {_within(days)}"
        case Trend(_, short, long):
            change = "more" if value > 0 else "less" if value < 0 else "as"
            return f"{about}: {change} often in the last {short} days than over {long}"
        case Decayed(_, half_life):
            return f"{about}: weight {value:.2g}, halved every {half_life} days"
        case DaysSinceLatest():
            return f"{about}: {'never' if unknown else 'the latest ' + _ago(value)}"
        case DaysSinceFirst():
            return f"{about}: {'never' if unknown else 'the first ' + _ago(value)}"
        case DaysToFirst():
            return f"{about}: {'not yet' if unknown else 'first after ' + _lasting(value)}"
        case Streak(_, ended_by):
            return f"{about}: {value:.0f} in a row since the latest {_selected(ended_by)}"
        case Gap(_, "relative"):
            times = "unknown" if unknown else f"{value:.1f} times the usual one"
            return f"{about}: present gap {times}"
        case Gap(_, statistic):
            gap = "unknown" if unknown else _lasting(value)
            return f"{about}: {'usual gap' if statistic == 'mean' else 'gaps vary by'} {gap}"
        case _:
            assert_never(feature)


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _ours(selection: Selection) -> bool:
    """Whether a selection is of what our people did."""
    return selection.direction == ("outbound",) or selection.by_owner is not None


def _level(levels: tuple[str, ...], index: int) -> str:
    return _words(levels[index]) if index < len(levels) else "another one"


def _selected(selection: Selection) -> str:
    parts = []
    for field, values in selection.conditions():
        words = " or ".join(_words(value) for value in values)
        parts.append(f"via {words}" if field == "channel" else words)
    if selection.by_owner is not None:
        parts.append("by the owner" if selection.by_owner else "by others than the owner")
    return " ".join(parts) or "any interaction"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _within(days: int | None) -> str:
    if days is None:
        return "so far"
    return "in the last day" if days == 1 else f"in the last {days} days"


def _number(value: float) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:,.4g}" if value % 1 else f"{value:,.0f}"


def _ago(days: float) -> str:
    return f"{_lasting(days)} ago" if days >= 1 / 1440 else "just now"


def _lasting(days: float) -> str:
    for size, unit in ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute")):
        if days >= size:
            amount = round(days / size)
            return f"{amount} {unit}{'' if amount == 1 else 's'}"
    return "no time"
