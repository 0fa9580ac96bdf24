"""When something was first known about leads, relative to their outcome.

Whatever carries times can be asked directly: was it there before the outcome, or did it come with
it, and how long before?
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from features.arrays import NEVER, Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.dataset.lives import SAME_MOMENT, Lives
from training.dataset.snapshots import last_mature_instant
from training.statistics.intervals import wilson_interval

Z_999 = 3.290526731491926
"""Half-width of all intervals, in standard errors: 99.9 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class LeadShare:
    """A share of leads with its 99.9 % interval, which is 0 to 1 where there are no leads.

    Parameters
    ----------
    count, total : int
        Number of leads that are counted, and of all leads that they are a share of.
    """

    count: int
    total: int

    @classmethod
    def of(cls, counted: Bool, group: Bool) -> Self:
        """Share of the leads in `group` that are `counted`."""
        return cls(int((counted & group).sum()), int(group.sum()))

    @property
    def share(self) -> float | None:
        """The share itself; None where there are no leads."""
        return self.count / self.total if self.total else None

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return wilson_interval(self.count / self.total, self.total, Z_999)[0] if self.total else 0.0

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return wilson_interval(self.count / self.total, self.total, Z_999)[1] if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """When something was first known about leads, relative to their outcome.

    Parameters
    ----------
    won, lost, open : LeadShare
        Leads that have it at all, among converted, lost and open leads.
    known_late : LeadShare
        Leads that had it first with the outcome or later, among leads with an outcome that have it.
    late_won, near_won : LeadShare
        The same among converted leads, and those that had it first within one step of the grid
        before the conversion.
    within_day_won : LeadShare
        Converted leads that had it first less than a day and a second before the conversion, or
        later.
    days_before_won : float or None
        Median days from the instant at which it was first known to the conversion; None where no
        converted lead had it.
    """

    won: LeadShare
    lost: LeadShare
    open: LeadShare
    known_late: LeadShare
    late_won: LeadShare
    near_won: LeadShare
    within_day_won: LeadShare
    days_before_won: float | None


def timing(first_known: Int64, lives: Lives, step_days: float) -> Timing:
    """When something was first known about each lead, relative to its outcome.

    After the outcome, only as much time counts as the lead had lived before it. Contacts go on with
    a client for years, so something rare would otherwise often be seen first after the conversion,
    by chance. Leads that ended at the moment they were created have no time before the outcome and
    are left out.

    Parameters
    ----------
    first_known : int64 array of shape (leads,)
        Instant at which it was first known, in microseconds; `NEVER` where it never was.
    lives : Lives
        When the leads were created and ended.
    step_days : float
        Length of one step of the grid, in days.
    """
    has = first_known < NEVER
    won, ended = lives.won, lives.ended
    lived = np.where(ended, lives.ended_at - lives.created_at, 0)
    mirrored = np.where(ended, lives.ended_at, 0) + lived
    compared = has & ended & (lived > SAME_MOMENT) & (first_known <= mirrored)
    known_late = first_known >= np.where(ended, lives.ended_at, 0) - SAME_MOMENT
    step = round(step_days * MICROSECONDS_PER_DAY)
    near = ~known_late & (first_known >= np.where(ended, lives.ended_at, 0) - step)
    day = MICROSECONDS_PER_DAY + SAME_MOMENT
    within_day = first_known >= np.where(ended, lives.ended_at, 0) - day
    days_ahead = lives.converted_at[compared & won] - first_known[compared & won]
    return Timing(
        won=LeadShare.of(has, won),
        lost=LeadShare.of(has, ended & ~won),
        open=LeadShare.of(has, ~ended),
        known_late=LeadShare.of(known_late, compared),
        late_won=LeadShare.of(known_late, compared & won),
        near_won=LeadShare.of(near, compared & won),
        within_day_won=LeadShare.of(within_day, compared & won),
        days_before_won=float(np.median(days_ahead)) / MICROSECONDS_PER_DAY
        if len(days_ahead)
        else None,
    )


def conversions_after(first_known: Int64, lives: Lives, days: int) -> LeadShare:
    """Share of leads that converted, among those about which it was known before their outcome.

    Only leads count about which it was known at least `days` days before the export's end, so that
    they had time to convert.
    """
    latest = last_mature_instant(lives.data_end, days)
    in_time = first_known < np.minimum(latest, lives.ended_at - SAME_MOMENT)
    return LeadShare.of(lives.won, in_time)
