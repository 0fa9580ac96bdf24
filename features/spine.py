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
from features.refusals import REFUSED_AT
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


def observed_until(tables: Tables) -> Int64:
    """Until when each lead is looked at; `NEVER` while nothing has ended that.

    A conversion ends it. So does a closing, or, where leads are looked at after a refusal, the
    stated time after it, or the person's next lead, which takes the refused one's place.
    """
    return _observed_until(tables.leads, is_outcome_unknown(tables), tables.after_refusal)


def _observed_until(leads: pa.Table, is_unknown: Bool, after_refusal: int | None) -> Int64:
    ended = _ended_at(leads, is_unknown)
    if after_refusal is None:
        return ended
    closed = microseconds(leads["closed_at"])
    given_up = np.where(closed < NEVER - after_refusal, closed + after_refusal, NEVER)
    given_up = np.minimum(given_up, _next_lead_created(leads, closed))
    last_instant = np.minimum(microseconds(leads["converted_at"]), given_up)
    return np.where(is_unknown, ended, last_instant)


def _next_lead_created(leads: pa.Table, closed: Int64) -> Int64:
    """When the person of each lead came back as another one, after a closing; else `NEVER`."""
    person = np.asarray(pc.fill_null(leads["person"], -1).to_numpy(), np.int64)
    created = microseconds(leads["created_at"])
    order = np.lexsort((created, person))
    times = np.unique(np.concatenate([created, closed]))
    key = person * len(times) + np.searchsorted(times, created)
    position = np.searchsorted(
        key[order], person * len(times) + np.searchsorted(times, closed), side="right"
    )
    following = np.append(order, -1)[position]
    is_same = (position < len(order)) & (person >= 0) & (person[following] == person)
    return np.where(is_same, created[following], NEVER)


def after_refusal_of(days: float | None) -> int | None:
    """Days for which a lead is looked at after its refusal, as `Tables` has them: microseconds."""
    return None if days is None else timedelta(days=days) // timedelta(microseconds=1)


def refused_at(tables: Tables) -> Int64:
    """From when on the refusal of each lead is known; `NEVER` where there is none in the log."""
    log = tables.attribute_log
    log = log.filter(pc.equal(log["name"].cast(pa.string()), REFUSED_AT))
    known_at = np.full(tables.leads.num_rows, NEVER, np.int64)
    row = pc.index_in(log["lead_id"], value_set=tables.leads["lead_id"].combine_chunks())
    known_at[row.to_numpy()] = microseconds(log["recorded_at"])
    return known_at


def is_outcome_unknown(tables: Tables) -> Bool:
    """Whether nobody knows of each lead if and when it was converted or closed."""
    return _is_among(tables.leads, tables.outcome_unknown)


def _is_among(leads: pa.Table, lead_ids: frozenset[str]) -> Bool:
    if not lead_ids:
        return np.zeros(leads.num_rows, np.bool_)
    ids = pa.array(sorted(lead_ids), pa.string())
    return np.asarray(pc.is_in(leads["lead_id"], value_set=ids).to_numpy(), np.bool_)


def is_open_at(
    as_of: int, leads: pa.Table, outcome_unknown: frozenset[str], after_refusal: int | None = None
) -> Bool:
    """Whether each lead exists at an instant and is still looked at (`observed_until`).

    Parameters
    ----------
    as_of : int
        The instant, in microseconds.
    leads : pa.Table
        As in `Tables`.
    outcome_unknown : frozenset of str
        Ids of the leads of which nobody knows: they are not open.
    after_refusal : int, optional
        As in `Tables`.
    """
    last_instant = _observed_until(leads, _is_among(leads, outcome_unknown), after_refusal)
    return (microseconds(leads["created_at"]) <= as_of) & (last_instant > as_of)


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
    """Every lead that is open at one instant, or refused and still looked at."""
    created_at = microseconds(tables.leads["created_at"])
    later = created_at > as_of
    is_open = is_open_at(as_of, tables.leads, tables.outcome_unknown, tables.after_refusal)
    ended = ~later & ~is_open
    lead = np.flatnonzero(is_open)
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
        closed = "closed" if tables.after_refusal is None else "refused too long ago"
        notes.append(f"{known_ends:,} leads were converted or {closed} by then: not scored.")
    spine = Spine(lead.astype(np.int64), np.full(len(lead), as_of, np.int64))
    return LeadsToScore(spine, tuple(notes))
