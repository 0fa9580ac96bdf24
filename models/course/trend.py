"""Whether a lead is heating or cooling: its score now beside its scores of days before.

One and the same person is cold, warm and hot at different times. What was known then is in the
history that is sent now, so the looks of then are made again from it, each with what had occurred
and been recorded by then. No look knows the band before it, because a request does not say it.

The verdict is by the interval: a lead is heating when its probability lies above the high end of
what it was a week before, and cooling when it lies below the low end; less is no more than what
the model does not know. The hot probability decides; where it stayed within, the warm one does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from features.engine.history import MICROSECONDS_PER_DAY, LeadRecord
from models.bands import HORIZONS, format_distinct
from models.course.looks import LeadOverDays, Look
from models.explain import SignalChange, signal_changes

TREND_DAYS = (1, 7, 30)
"""Days before now at which the lead is looked at again."""
COMPARED_DAYS = (7, 1)
"""The verdict compares with the first of these that the lead had been created by."""

Verdict = Literal["heating", "cooling", "steady"]


@dataclass(frozen=True, slots=True)
class ScoreTrend:
    """How a lead's score came to be what it is.

    Parameters
    ----------
    looks : tuple of Look or None
        The lead on each of `TREND_DAYS` before; None where it had not been created.
    verdict : "heating", "cooling", "steady" or None
        None for a lead that was created less than a day before.
    verdict_reason : str
        The comparison that decided it, in words.
    changes : tuple of SignalChange
        What moved the hot probability since the look that the verdict compares with; their points
        add up to the difference in percentage points. Empty without such a look.
    """

    looks: tuple[Look | None, ...]
    verdict: Verdict | None
    verdict_reason: str
    changes: tuple[SignalChange, ...]


def days_of_trend(record: LeadRecord, as_of: int) -> list[int]:
    """The days that a trend looks at: today, and those of `TREND_DAYS` that the lead had lived."""
    age = as_of - record.created_at
    return [0, *(-day for day in TREND_DAYS if day * MICROSECONDS_PER_DAY <= age)]


def score_trend(
    lead: LeadOverDays, max_signals: int = 3, columns: Mapping[str, Sequence[int]] | None = None
) -> ScoreTrend:
    """How a lead's score came to be what it is.

    Parameters
    ----------
    lead : LeadOverDays
        The lead on the days of `days_of_trend`, and on others.
    max_signals : int
        How many signals to name among what changed; 0 names none.
    columns : mapping of signal to columns, optional
        `models.explain.columns_by_signal` of the bundle's spec, where it was worked out before.
    """
    earlier = tuple(lead.look(-day) if -day in lead.days else None for day in TREND_DAYS)
    compared = next((day for day in COMPARED_DAYS if -day in lead.days), None)
    if compared is None:
        reason = "created less than a day before: there is nothing to compare with"
        return ScoreTrend(earlier, None, reason, ())
    verdict, reason = _verdict(lead.look(0), lead.look(-compared))
    two = lead.rows([-compared, 0])
    probability = lead.scores.hot_probability[two]
    changes = (
        signal_changes(lead.bundle, lead.matrix[two], probability, max_signals, columns)
        if max_signals
        else ()
    )
    return ScoreTrend(earlier, verdict, reason, changes)


def _verdict(today: Look, earlier: Look) -> tuple[Verdict, str]:
    """The verdict on two looks, and the comparison that decided it."""
    ago = "a day before" if earlier.day == -1 else f"{-earlier.day} days before"
    within = []
    for horizon in HORIZONS:
        value = getattr(today, f"{horizon}_probability")
        low, high = getattr(earlier, f"{horizon}_low"), getattr(earlier, f"{horizon}_high")
        if value > high:
            value_text, end_text = format_distinct(value, high, "g")
            return "heating", f"{horizon} probability {value_text} > {end_text}, its high end {ago}"
        if value < low:
            value_text, end_text = format_distinct(value, low, "g")
            return "cooling", f"{horizon} probability {value_text} < {end_text}, its low end {ago}"
        within.append(f"{horizon} probability {value:.3g} within {low:.3g}–{high:.3g}")
    return "steady", f"{', '.join(within)}: the intervals of {ago}"
