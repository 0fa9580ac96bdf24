"""How fresh a score is: how old the newest thing it rests on is, and until when it may be used.

A score is of its instant and fades from then on. It may be used until something that it counts
comes or goes: the first moment at which an interaction leaves a window of the model, or one that
was sent beforehand (a booked meeting) becomes known. Ages and the clock run on meanwhile, so it is
a day at the most. What the sender does not know yet is beyond any date: a new interaction or a
change of the card ends a score at once.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.engine.history import (
    MICROSECONDS_PER_DAY,
    LeadRecord,
    column,
    is_known,
    when_each_known,
)
from features.language.kinds import LabelField
from features.language.spec import Spec

WIDTHS = ("days", "short_days", "long_days")
"""Parameters of features that are widths of windows."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a score is.

    Parameters
    ----------
    newest_interaction_days : float or None
        Days from the latest interaction that counts to the score's instant; None without one.
    valid_until : int
        Last instant at which the same interactions count in the same windows, in microseconds, and
        a day after the score at the latest.
    """

    newest_interaction_days: float | None
    valid_until: int


def windows(spec: Spec) -> tuple[int, ...]:
    """Widths of all windows of a spec, in days.

    Examples
    --------
    >>> from features.language.kinds import Count, LeadAge, Selection, Trend
    >>> windows(Spec((LeadAge(), Count(Selection(), 7), Trend(Selection(), 7, 30))))
    (7, 30)
    """
    widths = {getattr(feature, name, None) for feature in spec.features for name in WIDTHS}
    return tuple(sorted(days for days in widths if days is not None))


def freshness(
    record: LeadRecord,
    as_of: int,
    widths: Sequence[int],
    ignored: Mapping[LabelField, tuple[str, ...]],
) -> Freshness:
    """How fresh the score of a lead at an instant is.

    Parameters
    ----------
    record : LeadRecord
        The lead with its interactions, those that are not known yet included.
    as_of : int
        Microseconds.
    widths : sequence of int
        `windows` of the bundle's spec.
    ignored : mapping of label field to tuple of str
        `Spec.ignored`: what does not exist for any feature.
    """
    events = record.interactions
    if ignored:
        events = [
            event
            for event in events
            if not any(event.get(field) in values for field, values in ignored.items())
        ]
    counted, known_at = column(events, "occurred_at"), when_each_known(events)
    ends = [as_of + MICROSECONDS_PER_DAY]
    if known_at and not is_known(max(known_at), as_of):
        counted = [
            occurred_at
            for occurred_at, instant in zip(counted, known_at, strict=True)
            if is_known(instant, as_of)
        ]
        ends += [instant for instant in known_at if not is_known(instant, as_of)]
    counted.sort()
    for days in widths:
        width = days * MICROSECONDS_PER_DAY
        oldest = bisect_left(counted, as_of - width)
        if oldest < len(counted):
            ends.append(counted[oldest] + width)
    newest = (as_of - counted[-1]) / MICROSECONDS_PER_DAY if counted else None
    return Freshness(newest, min(ends))
