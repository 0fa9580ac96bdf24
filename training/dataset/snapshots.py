"""Snapshots and their labels: which leads are looked at, when, and what came of it.

The instants come from a grid that starts at each lead's creation and, where they are asked for,
from triggers: interactions after which a lead is looked at once more. Neither can see the outcome:
a lead is looked at as long as it is open, whatever became of it, and a trigger is followed by its
look whatever follows on that. A label says whether the lead converted within a horizon; it is
mature when the horizon ended before the data did. An immature row is no negative, whatever has
happened so far.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY, when_known
from features.export.sections import near_miss
from features.language.kinds import LabelField
from features.spine import Spine, after_refusal_of, microseconds, observed_until
from features.tables import Tables
from training.config import SnapshotSettings
from training.dataset.lives import SAME_MOMENT, lead_index

TRIGGER_FIELDS: tuple[LabelField, ...] = ("direction", "kind", "channel")
"""A trigger is a value of one of these fields of the interactions."""


def horizon_end(as_of: Int64, days: int | Int64) -> Int64:
    """Instant at which the outcome of looks is known: the end of their horizon.

    A purchase that comes early makes no look known early. Else the looks that are known first
    would be those that bought, and a model would learn that everybody does.

    Parameters
    ----------
    as_of : int64 array of any shape, or int
        Instants of looks in microseconds.
    days : int, or int64 array of shape `as_of`
        Length of the horizon.
    """
    return as_of + days * MICROSECONDS_PER_DAY


def last_mature_instant(data_end: int, days: int) -> int:
    """Latest instant of a look whose outcome is known when the data end, in microseconds."""
    return data_end - days * MICROSECONDS_PER_DAY


def is_mature(as_of: Int64, days: int | Int64, data_end: int) -> Bool:
    """Whether the outcome of looks is known when the data end, by `horizon_end`.

    Examples
    --------
    >>> day = MICROSECONDS_PER_DAY
    >>> is_mature(np.array([5, 6, 7]) * day, days=14, data_end=20 * day).tolist()
    [True, True, False]
    """
    return np.less_equal(horizon_end(as_of, days), data_end)


@dataclass(frozen=True, slots=True)
class Labels:
    """What became of each row within one horizon.

    Parameters
    ----------
    days : int
        Length of the horizon.
    converted : bool array of shape (rows,)
        Whether the lead converted at or after the instant and within the horizon.
    mature : bool array of shape (rows,)
        Whether the horizon had ended when the data did.
    """

    days: int
    converted: Bool
    mature: Bool

    def known_before(self, spine: Spine, instant: int) -> Bool:
        """Whether each row's horizon had ended before an instant, and the data had not.

        Parameters
        ----------
        spine : Spine
            The same rows.
        instant : int
            Instant to compare with, in microseconds.
        """
        return np.logical_and(self.mature, horizon_end(spine.as_of, self.days) < instant)


@dataclass(frozen=True, slots=True)
class TriggeredLooks:
    """Looks that follow on interactions.

    Parameters
    ----------
    spine : Spine
        Lead and instant of each look; one look is one row.
    trigger : int64 array of shape (rows,)
        Which of the settings' triggers each look follows on.
    """

    spine: Spine
    trigger: Int64


def snapshots(tables: Tables, settings: SnapshotSettings) -> Spine:
    """Looks at every lead on the grid and after triggers, while it is open and the data last.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    settings : SnapshotSettings
        When leads are looked at.

    Returns
    -------
    Spine
        In the order of the leads and, within a lead, of time.

    Raises
    ------
    ValueError
        No lead is open at any instant, no interaction is a trigger of some name, or the export was
        read for another time after a refusal than the settings name.
    """
    if tables.after_refusal != after_refusal_of(settings.after_refusal_days):
        raise ValueError(
            f"[snapshots] after_refusal_days is {settings.after_refusal_days}, and the export was "
            f"read for {tables.after_refusal} microseconds after a refusal: read it again with "
            "this configuration."
        )
    created_at = microseconds(tables.leads["created_at"])[:, None]
    span = settings.until_days - settings.first_days
    steps = np.arange(int(span / settings.every_days + 1e-9) + 1)
    days = settings.first_days + settings.every_days * steps
    as_of = created_at + _whole(days)
    lead, step = np.nonzero(_open(tables, np.arange(len(as_of))[:, None], as_of))
    looks = np.column_stack([lead, as_of[lead, step]])
    if settings.triggers:
        spine = triggered_looks(tables, settings).spine
        merged_looks = np.concatenate([looks, np.column_stack([spine.lead, spine.as_of])])
        looks = np.unique(merged_looks, axis=0)
    if len(looks) == 0:
        raise ValueError(
            "No lead is open at any instant of the grid: check [snapshots] and, in the export, "
            "converted_at, closed_at and created_at."
        )
    return Spine(looks[:, 0].copy(), looks[:, 1].copy())


def triggered_looks(tables: Tables, settings: SnapshotSettings) -> TriggeredLooks:
    """Looks after interactions, the first of a lead's day alone.

    A look comes a second after its interaction became known, so that the interaction counts and
    what a system wrote with it does too. The first of a day is taken and not the last, because
    nobody knows of an interaction, when it comes, that it is the last one.

    Parameters
    ----------
    tables : Tables
        Without the interactions that the audit quarantines: a look after the outcome under another
        name would know the outcome.
    settings : SnapshotSettings
        When leads are looked at.

    Returns
    -------
    TriggeredLooks
        In the order of the leads and, within a lead, of time.

    Raises
    ------
    ValueError
        No interaction has a trigger's name as direction, kind or channel.
    """
    events = tables.interactions
    trigger = np.full(events.num_rows, -1, np.int64)
    for code, name in reversed(list(enumerate(settings.triggers))):
        trigger[_named(tables, name)] = code
    triggering = np.flatnonzero(trigger >= 0)
    lead = lead_index(tables, events["lead_id"])[triggering]
    known_at = when_known(
        microseconds(events["occurred_at"])[triggering],
        microseconds(events["recorded_at"])[triggering],
    )
    as_of = known_at + SAME_MOMENT
    age = as_of - microseconds(tables.leads["created_at"])[lead]
    first_age, last_age = _whole(np.array([settings.first_days, settings.until_days]))
    looked_at = np.flatnonzero(_open(tables, lead, as_of) & (first_age <= age) & (age <= last_age))
    day = age // MICROSECONDS_PER_DAY
    order = looked_at[np.lexsort((as_of[looked_at], lead[looked_at]))]
    _, firsts = np.unique(np.column_stack([lead[order], day[order]]), axis=0, return_index=True)
    order = order[firsts]
    return TriggeredLooks(Spine(lead[order], as_of[order]), trigger[triggering][order])


def labels(tables: Tables, spine: Spine, days: int) -> Labels:
    """Whether each row's lead converted within `days`, and whether that is known for sure."""
    converted_at = microseconds(tables.leads["converted_at"])[spine.lead]
    in_time = converted_at <= horizon_end(spine.as_of, days)
    converted = (converted_at >= spine.as_of) & in_time
    return Labels(days, converted, is_mature(spine.as_of, days, tables.data_end))


def effective_leads(spine: Spine) -> float:
    """How many leads with equally many looks would tell as much as these, with unequally many.

    The looks of one lead tell much the same, so a lead that lives on counts for more looks, not for
    more leads: with n looks at each lead it is (Σ n)² / Σ n².

    References
    ----------
    L. Kish, *Survey Sampling*, Wiley (1965), section 11.7.

    Examples
    --------
    >>> effective_leads(Spine(np.array([0, 0, 0, 1]), np.arange(4)))
    1.6
    """
    looks = np.unique(spine.lead, return_counts=True)[1]
    return float(looks.sum() ** 2 / (looks**2).sum())


def _open(tables: Tables, lead: Int64, as_of: Int64) -> Bool:
    """Whether leads are looked at at instants, and the data last so long."""
    return np.logical_and(as_of < observed_until(tables)[lead], as_of <= tables.data_end)


def _whole(days: npt.NDArray[np.floating[Any]]) -> Int64:
    return np.asarray(np.rint(days * MICROSECONDS_PER_DAY), np.int64)


def _named(tables: Tables, name: str) -> Bool:
    """Interactions with a direction, kind or channel of that name."""
    events = tables.interactions
    matches = np.zeros(events.num_rows, np.bool_)
    for field in TRIGGER_FIELDS:
        field_matches = pc.equal(events[field].cast(pa.string()), name)
        matches |= pc.fill_null(field_matches, False).to_numpy()
    if not matches.any():
        words = {
            word
            for field in TRIGGER_FIELDS
            for word in pc.unique(events[field].cast(pa.string()).drop_null()).to_pylist()
        }
        raise ValueError(
            f"[snapshots] triggers: no interaction that may be used has the direction, kind or "
            f"channel {name!r}.{near_miss(name, words)}"
        )
    return matches
