"""Which leads are looked at, and when.

A `Spine` is a list of pairs of lead and instant: the rows of every feature matrix. Instants are
whole microseconds since the epoch in UTC; `microseconds` and `iso` turn columns and single instants
into that form and back.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import NEVER, Bool, Int64
from features.tables import Tables


@dataclass(frozen=True, slots=True)
class Spine:
    """Which leads are looked at, and when.

    Parameters
    ----------
    lead : int64 array of shape (rows,)
        Index of the lead in ``Tables.leads``.
    as_of : int64 array of shape (rows,)
        The instant, in microseconds.
    """

    lead: Int64
    as_of: Int64

    def __post_init__(self) -> None:
        if self.lead.shape != self.as_of.shape:
            raise ValueError(
                "A spine needs one instant per lead, "
                f"got {len(self.lead)} leads and {len(self.as_of)} instants."
            )

    def __len__(self) -> int:
        return len(self.lead)


def microseconds(column: pa.ChunkedArray) -> Int64:
    """Instants as whole microseconds; a null becomes `NEVER`."""
    numbers = pc.fill_null(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), NEVER)
    return np.asarray(numbers.to_numpy(), np.int64)


def ended_at(tables: Tables) -> Int64:
    """When each lead was converted or closed; `NEVER` when it is still open.

    A lead of which nobody knows when it ended is not known to be open at any time: it counts as
    ended at its creation.
    """
    return _ended_at(tables.leads, is_outcome_unknown(tables))


def _ended_at(leads: pa.Table, is_unknown: Bool) -> Int64:
    ended = np.minimum(microseconds(leads["converted_at"]), microseconds(leads["closed_at"]))
    return np.where(is_unknown, microseconds(leads["created_at"]), ended)


def is_outcome_unknown(tables: Tables) -> Bool:
    """Whether nobody knows of each lead if and when it was converted or closed."""
    return _is_among(tables.leads, tables.outcome_unknown)


def _is_among(leads: pa.Table, lead_ids: frozenset[str]) -> Bool:
    if not lead_ids:
        return np.zeros(leads.num_rows, np.bool_)
    ids = pa.array(sorted(lead_ids), pa.string())
    return np.asarray(pc.is_in(leads["lead_id"], value_set=ids).to_numpy(), np.bool_)


def is_open_at(as_of: int, leads: pa.Table, outcome_unknown: frozenset[str]) -> Bool:
    """Whether each lead exists at an instant and is neither converted nor closed by then.

    Parameters
    ----------
    as_of : int
        The instant, in microseconds.
    leads : pa.Table
        As in `Tables`.
    outcome_unknown : frozenset of str
        Ids of the leads of which nobody knows: they are not open.
    """
    ended = _ended_at(leads, _is_among(leads, outcome_unknown))
    return (microseconds(leads["created_at"]) <= as_of) & (ended > as_of)


def iso(instant: int) -> str:
    """Instant as ISO 8601 text in UTC.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).isoformat()


@dataclass(frozen=True, slots=True)
class LeadsToScore:
    """Leads that can be scored at an instant, and what was left out.

    Parameters
    ----------
    spine : Spine
        The leads that can be scored, and the instants.
    notes : tuple of str
        What was left out and why, a line each.
    """

    spine: Spine
    notes: tuple[str, ...] = ()


def open_leads_at(as_of: int, tables: Tables) -> LeadsToScore:
    """Every lead that is open at one instant."""
    created_at = microseconds(tables.leads["created_at"])
    later = created_at > as_of
    ended = ~later & (ended_at(tables) <= as_of)
    lead = np.flatnonzero(is_open_at(as_of, tables.leads, tables.outcome_unknown))
    unknown = is_outcome_unknown(tables)
    notes = []
    if later.any():
        notes.append(f"{int(later.sum()):,} leads were created after that instant: not scored.")
    if unknown.any():
        notes.append(
            f"{int(unknown.sum()):,} leads have a conversion or closing that cannot be read: "
            "not scored."
        )
    if (ended & ~unknown).any():
        known_ends = int((ended & ~unknown).sum())
        notes.append(f"{known_ends:,} leads were converted or closed by then: not scored.")
    spine = Spine(lead.astype(np.int64), np.full(len(lead), as_of, np.int64))
    return LeadsToScore(spine, tuple(notes))
