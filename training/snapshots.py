"""Snapshots and their labels: which leads are looked at, when, and what came of it.

The instants come from a grid that starts at each lead's creation, so they cannot see the outcome: a
lead is looked at as long as it is open, whatever became of it. A label says whether the lead
converted within a horizon; it is mature when the horizon ended before the data did. An immature row
is no negative, whatever has happened so far.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.batch import Spine, microseconds
from features.history import MICROSECONDS_PER_DAY, Int64
from features.tables import Tables
from training.config import SnapshotSettings

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labels:
    """What became of each row within one horizon.

    Parameters
    ----------
    days : int
        The horizon.
    converted : bool array of shape (rows,)
        Whether the lead converted at or after the instant and within the horizon.
    mature : bool array of shape (rows,)
        Whether the horizon had ended when the data did.
    """

    days: int
    converted: Bool
    mature: Bool


def snapshots(tables: Tables, settings: SnapshotSettings) -> Spine:
    """Looks at every lead on the grid while it is open and the data last.

    Parameters
    ----------
    tables : Tables
    settings : SnapshotSettings

    Returns
    -------
    Spine
        In the order of the leads and, within a lead, of time.

    Raises
    ------
    ValueError
        No lead is open at any instant of the grid.
    """
    created_at = microseconds(tables.leads["created_at"])
    span = settings.until_days - settings.first_days
    steps = np.arange(int(span / settings.every_days + 1e-9) + 1)
    days = settings.first_days + settings.every_days * steps
    offsets = np.rint(days * MICROSECONDS_PER_DAY).astype(np.int64)
    as_of = created_at[:, None] + offsets[None, :]
    looked_at = (as_of < ended_at(tables)[:, None]) & (as_of <= tables.data_end)
    lead, step = np.nonzero(looked_at)
    if len(lead) == 0:
        raise ValueError(
            "No lead is open at any instant of the grid: check [snapshots] and, in the export, "
            "converted_at, closed_at and created_at."
        )
    return Spine(lead.astype(np.int64), as_of[lead, step])


def labels(tables: Tables, spine: Spine, days: int) -> Labels:
    """Whether each row's lead converted within `days`, and whether that is known for sure."""
    converted_at = microseconds(tables.leads["converted_at"])[spine.lead]
    ends_at = spine.as_of + days * MICROSECONDS_PER_DAY
    converted = (converted_at >= spine.as_of) & (converted_at <= ends_at)
    return Labels(days, converted, ends_at <= tables.data_end)


def ended_at(tables: Tables) -> Int64:
    """When each lead was converted or closed; the largest integer when it is still open."""
    return np.minimum(
        microseconds(tables.leads["converted_at"]), microseconds(tables.leads["closed_at"])
    )
