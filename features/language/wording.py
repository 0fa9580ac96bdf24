"""Features in plain words: what a person reads in a reason, in a report or in the catalogue.

A *signal* is what several features look at together: all windows of "inbound calls" are one signal,
so a reader gets one reason for it and not seven. A *family* says what side of the lead it is about:
who they are (fit), what they do (engagement), how they answer (relationship), when (timing), and
what we do (sales effort). An interaction is named by the values of its fields as they stand in the
CRM. The words are English; whoever speaks another language hands `signal` and `description` its
`Words`, which this module needs no library for.
"""

import math
from typing import Literal, Protocol, assert_never

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
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)
from features.refusals import REFUSAL_KINDS, REFUSAL_REASON, REFUSED_AT

Family = Literal["fit", "engagement", "relationship", "timing", "sales effort"]


class Words(Protocol):
    """A language: messages with places ``%(name)s`` for values, and words of the CRM's own."""

    def gettext(self, message: str, /, **values: str) -> str:
        """Message in this language, with values in its places."""
        ...

    def ngettext(self, singular: str, plural: str, number: int, /, **values: str) -> str:
        """Message in the form that goes with a number, with values in its places."""
        ...

    def word(self, name: str, /) -> str:
        """Word of the CRM in this language, or as it is."""
        ...


class English:
    """The language that the messages are written in."""

    def gettext(self, message: str, /, **values: str) -> str:
        """Message with values in its places."""
        return message % values

    def ngettext(self, singular: str, plural: str, number: int, /, **values: str) -> str:
        """Message in the form that goes with a number, with values in its places."""
        return (singular if number == 1 else plural) % values

    def word(self, name: str, /) -> str:
        """Word as it is."""
        return name


ENGLISH = English()


def signal(feature: Feature, words: Words = ENGLISH) -> str:
    """Name of what the feature looks at, shared by all features that look at the same thing.

    Parameters
    ----------
    feature : Feature
        The feature to name.
    words : Words
        Language to name it in.

    Examples
    --------
    >>> signal(Count(Selection(kind=("price_question",)), 7))
    'price question'
    >>> signal(LeadAge())
    'age of the lead'
    """
    match feature:
        case LeadAge():
            return words.gettext("age of the lead")
        case Calendar():
            return words.gettext("time of the week")
        case DaysSinceAttribute(attribute) if attribute == REFUSED_AT:
            return words.gettext("refusal")
        case AttributeCategory(attribute) if attribute == REFUSAL_REASON:
            return words.gettext("reason of the refusal")
        case (
            AttributeNumber(attribute)
            | AttributeCategory(attribute)
            | DaysSinceAttribute(attribute)
        ):
            return words.word(_words(attribute))
        case KnownAttributes():
            return words.gettext("completeness of the card")
        case Total(selection, measure) | Mean(selection, measure) | Maximum(selection, measure):
            return _of(words.word(_words(measure)), selection, words)
        case Gap(selection) | Rate(selection):
            return words.gettext(
                "rhythm of %(interactions)s", interactions=_selected(selection, words)
            )
        case Distinct(selection, field) | LatestValue(selection, field):
            return _of(words.word(field), selection, words)
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
            return _selected(selection, words)
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
        case AttributeCategory(attribute) | DaysSinceAttribute(attribute) if (
            attribute in REFUSAL_KINDS
        ):
            return "relationship"
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


def description(feature: Feature, words: Words = ENGLISH) -> str:
    """What a feature is, in a phrase.

    Parameters
    ----------
    feature : Feature
        The feature to describe.
    words : Words
        Language to say it in.

    Examples
    --------
    >>> description(Count(Selection(kind=("price_question",)), 7))
    'how many: price question, in the last 7 days'
    """
    _, signal_name = words.gettext, signal(feature, words)
    match feature:
        case LeadAge():
            return _("days since the lead was created")
        case Calendar("hour", timezone):
            return _("hour of the moment, on clocks of %(zone)s", zone=timezone)
        case Calendar(_, timezone):
            return _("weekday of the moment, on clocks of %(zone)s", zone=timezone)
        case AttributeNumber() | AttributeCategory():
            return _("%(signal)s, as known at the moment", signal=signal_name)
        case DaysSinceAttribute():
            return _("days since %(signal)s", signal=signal_name)
        case KnownAttributes(attributes):
            return _("how many of %(n)s fields of the card are filled", n=str(len(attributes)))
        case Count(_, days):
            return _(
                "how many: %(signal)s, %(when)s", signal=signal_name, when=_within(days, words)
            )
        case Total(_, _, days):
            return _("total %(signal)s, %(when)s", signal=signal_name, when=_within(days, words))
        case Mean(_, _, days):
            return _("mean %(signal)s, %(when)s", signal=signal_name, when=_within(days, words))
        case Maximum(_, _, days):
            return _("largest %(signal)s, %(when)s", signal=signal_name, when=_within(days, words))
        case Share(_, among, days):
            return _(
                "share: %(signal)s among %(others)s, %(when)s",
                signal=signal_name,
                others=_selected(among, words),
                when=_within(days, words),
            )
        case Rate(_, days):
            when = _within(days, words)
            return _("interactions a day: %(signal)s, %(when)s", signal=signal_name, when=when)
        case Trend(_, short, long):
            return _(
                "trend: %(signal)s, a day over %(short)s days less a day over %(long)s",
                signal=signal_name,
                short=str(short),
                long=str(long),
            )
        case Distinct(_, _, _, days):
            when = _within(days, words)
            return _("how many different: %(signal)s, %(when)s", signal=signal_name, when=when)
        case LatestValue():
            return _("latest %(signal)s", signal=signal_name)
        case DaysSinceLatest():
            return _("days since the latest: %(signal)s", signal=signal_name)
        case DaysSinceFirst():
            return _("days since the first: %(signal)s", signal=signal_name)
        case DaysToFirst():
            return _("days from creation to the first: %(signal)s", signal=signal_name)
        case Gap(_, "mean"):
            return _("mean gap in days: %(signal)s", signal=signal_name)
        case Gap(_, "spread"):
            return _("spread of the gaps in days: %(signal)s", signal=signal_name)
        case Gap():
            return _("present gap over the mean gap: %(signal)s", signal=signal_name)
        case Streak(_, ended_by):
            latest = _selected(ended_by, words)
            return _(
                "in a row: %(signal)s, since the latest %(other)s", signal=signal_name, other=latest
            )
        case Decayed(_, half_life):
            return _(
                "how much lately: %(signal)s, halved every %(n)s days",
                signal=signal_name,
                n=str(half_life),
            )
        case _:
            assert_never(feature)


def in_words(feature: Feature, value: float, signal_name: str | None = None) -> str:
    """One lead's value of a feature as a phrase.

    Parameters
    ----------
    feature : Feature
        The feature whose value it is.
    value : float
        As the engine computed it; NaN is "unknown" or "never".
    signal_name : str, optional
        `signal` of the feature, where it was worked out before.

    Examples
    --------
    >>> in_words(Count(Selection(kind=("price_question",)), 7), 2.0)
    'price question: 2 in the last 7 days'
    >>> in_words(DaysSinceLatest(Selection(direction=("inbound",))), 0.0833)
    'inbound: the latest 2 hours ago'
    """
    signal_name = signal(feature) if signal_name is None else signal_name
    unknown = math.isnan(value)
    match feature:
        case LeadAge():
            return f"created {_ago(value)}"
        case Calendar(part):
            return f"{_WEEKDAYS[int(value)]}" if part == "weekday" else f"{value:.0f} o'clock"
        case AttributeNumber():
            return f"{signal_name}: {_number(value)}"
        case AttributeCategory(_, levels) | LatestValue(_, _, levels):
            return f"{signal_name}: {'unknown' if unknown else _level(levels, int(value))}"
        case DaysSinceAttribute(attribute):
            without = "none" if attribute == REFUSED_AT else "unknown"
            return f"{signal_name}: {without if unknown else _ago(value)}"
        case KnownAttributes(attributes):
            return f"{value:.0f} of {len(attributes)} fields of the card filled"
        case Count(_, days):
            return f"{signal_name}: {value:.0f} {_within(days)}"
        case Distinct(_, _, _, days):
            return f"{signal_name}: {value:.0f} different {_within(days)}"
        case Total(_, _, days):
            return f"{signal_name}: {_number(value)} in total {_within(days)}"
        case Mean(_, _, days):
            return f"{signal_name}: {_number(value)} on average {_within(days)}"
        case Maximum(_, _, days):
            return f"{signal_name}: {_number(value)} at most {_within(days)}"
        case Share(_, among, days):
            share = "none" if unknown else f"{100 * value:.0f} %"
            return f"{signal_name}: {share} of {_selected(among)} {_within(days)}"
        case Rate(_, days):
            return f"{signal_name}: {value:.2g} a day {_within(days)}"
        case Trend(_, short, long):
            change = "more" if value > 0 else "less" if value < 0 else "as"
            return f"{signal_name}: {change} often in the last {short} days than over {long}"
        case Decayed(_, half_life):
            return f"{signal_name}: weight {value:.2g}, halved every {half_life} days"
        case DaysSinceLatest():
            return f"{signal_name}: {'never' if unknown else 'the latest ' + _ago(value)}"
        case DaysSinceFirst():
            return f"{signal_name}: {'never' if unknown else 'the first ' + _ago(value)}"
        case DaysToFirst():
            return f"{signal_name}: {'not yet' if unknown else 'first after ' + _lasting(value)}"
        case Streak(_, ended_by):
            return f"{signal_name}: {value:.0f} in a row since the latest {_selected(ended_by)}"
        case Gap(_, "relative"):
            times = "unknown" if unknown else f"{value:.1f} times the usual one"
            return f"{signal_name}: present gap {times}"
        case Gap(_, statistic):
            gap = "unknown" if unknown else _lasting(value)
            return f"{signal_name}: {'usual gap' if statistic == 'mean' else 'gaps vary by'} {gap}"
        case _:
            assert_never(feature)


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _ours(selection: Selection) -> bool:
    """Whether a selection is of what our people did."""
    return selection.direction == ("outbound",) or selection.by_owner is not None


def _level(levels: tuple[str, ...], index: int) -> str:
    return _words(levels[index]) if index < len(levels) else "another one"


def _of(field: str, selection: Selection, words: Words) -> str:
    return words.gettext(
        "%(field)s of %(interactions)s", field=field, interactions=_selected(selection, words)
    )


def _selected(selection: Selection, words: Words = ENGLISH) -> str:
    parts = []
    for field, values in selection.conditions():
        any_of = words.word(_words(values[0]))
        for value in values[1:]:
            any_of = words.gettext(
                "%(one)s or %(other)s", one=any_of, other=words.word(_words(value))
            )
        if field == "channel":
            any_of = words.gettext("via %(channel)s", channel=any_of)
        parts.append(any_of)
    if selection.by_owner is not None:
        by_owner = words.gettext("by the owner")
        parts.append(by_owner if selection.by_owner else words.gettext("by others than the owner"))
    return " ".join(parts) or words.gettext("any interaction")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _within(days: int | None, words: Words = ENGLISH) -> str:
    if days is None:
        return words.gettext("so far")
    return words.ngettext("in the last day", "in the last %(n)s days", days, n=str(days))


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
