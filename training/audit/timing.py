"""When something was first known of leads, against their outcome.

What carries times can be asked directly: was it there before the outcome, or did it come with it?
And a value without times betrays itself where the export ends: what is written with the outcome is
missing in leads whose outcome has not come yet.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from features.arrays import Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.dataset.lives import NEVER, SAME_MOMENT, Lives
from training.statistics.intervals import wilson_interval

Z = 3.290526731491926
"""Half-width of all intervals, in standard errors: 99.9 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class LeadShare:
    """A share of leads with its interval; of no leads, anything between 0 and 1.

    Parameters
    ----------
    part, whole : int
        Leads.
    """

    part: int
    whole: int

    @classmethod
    def of(cls, part: Bool, whole: Bool) -> Self:
        """Share of the leads in `whole` that are in `part` too."""
        return cls(int((part & whole).sum()), int(whole.sum()))

    @property
    def share(self) -> float | None:
        """The share itself; None of no leads."""
        return self.part / self.whole if self.whole else None

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return wilson_interval(self.part / self.whole, self.whole, Z)[0] if self.whole else 0.0

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return wilson_interval(self.part / self.whole, self.whole, Z)[1] if self.whole else 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """When something was first known of leads, against their outcome.

    Parameters
    ----------
    won, lost, open : LeadShare
        Leads of each kind that have it at all.
    late : LeadShare
        Leads with outcome that have it: known first with the outcome or after it.
    late_won, near_won : LeadShare
        Of the converted ones: known first then, or within one step of the grid before.
    """

    won: LeadShare
    lost: LeadShare
    open: LeadShare
    late: LeadShare
    late_won: LeadShare
    near_won: LeadShare


def timing(first_known: Int64, lives: Lives, step_days: float) -> Timing:
    """When something was first known of each lead, against its outcome.

    After the outcome, only as much time is looked at as the lead had lived before it: contacts go
    on with a client for years, and what is rare would else be seen first among clients by chance.
    Leads that ended the moment they were created have no time before the outcome and are left out.

    Parameters
    ----------
    first_known : int64 array of shape (leads,)
        Microseconds; `NEVER` where it never was.
    lives : Lives
    step_days : float
        One step of the grid.
    """
    has = first_known < NEVER
    won, ended = lives.won, lives.ended
    lived = np.where(ended, lives.ended_at - lives.created_at, 0)
    mirrored = np.where(ended, lives.ended_at, 0) + lived
    judged = has & ended & (lived > SAME_MOMENT) & (first_known <= mirrored)
    late = first_known >= np.where(ended, lives.ended_at, 0) - SAME_MOMENT
    step = round(step_days * MICROSECONDS_PER_DAY)
    near = ~late & (first_known >= np.where(ended, lives.ended_at, 0) - step)
    return Timing(
        won=LeadShare.of(has, won),
        lost=LeadShare.of(has, ended & ~won),
        open=LeadShare.of(has, ~ended),
        late=LeadShare.of(late, judged),
        late_won=LeadShare.of(late, judged & won),
        near_won=LeadShare.of(near, judged & won),
    )


def conversions_after(first_known: Int64, lives: Lives, days: int) -> LeadShare:
    """Leads that converted after something was first known of them, before any outcome.

    Only what was known so many days before the export's end is counted, so that they had the time.
    """
    horizon = days * MICROSECONDS_PER_DAY
    before = first_known < np.minimum(lives.data_end - horizon, lives.ended_at - SAME_MOMENT)
    return LeadShare.of(lives.won, before)


def shares_filled_at_end(present: Bool, lives: Lives, days: int) -> tuple[LeadShare, LeadShare]:
    """Leads with a value among those that ended in the last days, and among those open to the end.

    All of them were open when those days began, so that they differ in what happened since. What
    was known at creation differs little between them; what is written with the outcome stands in
    the first alone.
    """
    begin = lives.data_end - days * MICROSECONDS_PER_DAY
    at_risk = (lives.created_at < begin) & (lives.ended_at >= begin)
    return LeadShare.of(present, at_risk & lives.ended), LeadShare.of(
        present, at_risk & ~lives.ended
    )
