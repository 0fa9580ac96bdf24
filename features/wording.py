"""Features in plain words: what a person reads in a reason or in a report.

A *signal* is what several features look at together: all windows of "inbound calls" are one signal,
so a reader gets one reason for it and not seven. The words are English; an interaction is named by
the values of its fields as they stand in the CRM.
"""

import math
from typing import assert_never

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
    Total,
    Trend,
)


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
        case (
            AttributeNumber(attribute)
            | AttributeCategory(attribute)
            | DaysSinceAttribute(attribute)
        ):
            return _words(attribute)
        case KnownAttributes():
            return "completeness of the card"
        case Total(selection, measure, _) | Mean(selection, measure, _):
            return f"{_words(measure)} of {_selected(selection)}"
        case (
            Count(selection)
            | Share(selection)
            | Trend(selection)
            | DaysSinceLatest(selection)
            | DaysSinceFirst(selection)
        ):
            return _selected(selection)
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
    match feature:
        case LeadAge():
            return f"created {_ago(value)}"
        case AttributeNumber():
            return f"{about}: {_number(value)}"
        case AttributeCategory(_, levels):
            if math.isnan(value):
                return f"{about}: unknown"
            level = _words(levels[int(value)]) if value < len(levels) else "another one"
            return f"{about}: {level}"
        case DaysSinceAttribute():
            return f"{about}: {'unknown' if math.isnan(value) else _ago(value)}"
        case KnownAttributes(attributes):
            return f"{value:.0f} of {len(attributes)} fields of the card filled"
        case Count(_, days):
            return f"{about}: {value:.0f} {_within(days)}"
        case Total(_, _, days):
            return f"{about}: {_number(value)} in total {_within(days)}"
        case Mean(_, _, days):
            return f"{about}: {_number(value)} on average {_within(days)}"
        case Share(_, among, days):
            share = "none" if math.isnan(value) else f"{100 * value:.0f} %"
            return f"{about}: {share} of {_selected(among)} {_within(days)}"
        case Trend(_, short, long):
            change = "more" if value > 0 else "less" if value < 0 else "as"
            return f"{about}: {change} often in the last {short} days than over {long}"
        case DaysSinceLatest():
            return f"{about}: {'never' if math.isnan(value) else 'the latest ' + _ago(value)}"
        case DaysSinceFirst():
            return f"{about}: {'never' if math.isnan(value) else 'the first ' + _ago(value)}"
        case _:
            assert_never(feature)


def _selected(selection: Selection) -> str:
    parts = [" or ".join(_words(v) for v in values) for _, values in selection.conditions()]
    return " ".join(parts) or "any interaction"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _within(days: int | None) -> str:
    if days is None:
        return "so far"
    return "in the last day" if days == 1 else f"in the last {days} days"


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:,.4g}" if value % 1 else f"{value:,.0f}"


def _ago(days: float) -> str:
    for size, unit in ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute")):
        if days >= size:
            amount = round(days / size)
            return f"{amount} {unit}{'' if amount == 1 else 's'} ago"
    return "just now"
