"""Interactions of leads in the order of becoming known, and which selections look at each.

An interaction is known at an instant when it has both occurred and been recorded strictly before
it, so it becomes known at ``max(occurred_at, recorded_at)``. Here the interactions of a block of
leads are put in that order once, whatever the order in which things were recorded.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import NEVER, Bool, Int64
from features.engine.history import Histories, when_known
from features.engine.plan import Plan


@dataclass(frozen=True, slots=True)
class Events:
    """Events of all leads in the order of lead, then of becoming known, then of occurring.

    Parameters
    ----------
    histories : Histories
        Whose events, in this order.
    known_at : int64 array of shape (events,)
        Microseconds after which each event is known; `NEVER` for ignored events.
    lead : int64 array of shape (events,), or None
        Lead of each event; None when there is one lead.
    is_selected : bool array of shape (selections, events)
        Whether a selection looks at an event.
    rank : int64 array of shape (events,)
        Place of each event in the order of lead, then of occurring.
    occurred_in_order : int64 array of shape (events,)
        Times at which the events occurred, in that order.
    """

    histories: Histories
    known_at: Int64
    lead: Int64 | None
    is_selected: Bool
    rank: Int64
    occurred_in_order: Int64

    def __len__(self) -> int:
        return len(self.known_at)

    def first_place(self) -> Int64 | int:
        """Place of the first event of each event's lead."""
        return 0 if self.lead is None else self.histories.offsets[self.lead]

    def last_place(self) -> Int64 | int:
        """Place of the last event of each event's lead."""
        offsets = self.histories.offsets
        return len(self) - 1 if self.lead is None else offsets[self.lead + 1] - 1

    def any_tie(self) -> bool:
        """Whether two events of a lead occurred at the same instant."""
        times = self.occurred_in_order
        ties = times[1:] == times[:-1]
        if self.lead is not None:
            ties &= self.lead[1:] == self.lead[:-1]
        return bool(ties.any())

    def order(self, *keys: Int64) -> Int64:
        """Order of the events by lead, then by the keys, the last one first."""
        return np.lexsort(keys if self.lead is None else (*keys, self.lead))


def events_of(plan: Plan, histories: Histories) -> Events:
    """Events in the order of becoming known, with the selections that look at them."""
    known_at = when_known(histories.occurred_at, histories.recorded_at)
    for name, values in plan.spec.ignored.items():
        index = dict.fromkeys(values, 1)
        known_at[histories.labels[name].recode(index, unlisted=0, missing=0) == 1] = NEVER
    lead = None
    if histories.leads != 1:
        lead = np.repeat(np.arange(histories.leads, dtype=np.int64), np.diff(histories.offsets))
    occurred_at = histories.occurred_at
    backwards = known_at[1:] < known_at[:-1]
    backwards |= (known_at[1:] == known_at[:-1]) & (occurred_at[1:] < occurred_at[:-1])
    if lead is not None:
        backwards &= lead[1:] == lead[:-1]
    if backwards.any():
        order = np.lexsort(
            (occurred_at, known_at) if lead is None else (occurred_at, known_at, lead)
        )
        histories, known_at = histories.with_event_order(order), known_at[order]
    rank = _rank(histories.occurred_at, lead)
    occurred_in_order = np.empty_like(histories.occurred_at)
    occurred_in_order[rank] = histories.occurred_at
    return Events(
        histories, known_at, lead, _is_selected(plan, histories, lead), rank, occurred_in_order
    )


def _rank(occurred_at: Int64, lead: Int64 | None) -> Int64:
    """Place of each event in the order of lead, then of occurring."""
    positions = np.arange(len(occurred_at), dtype=np.int64)
    backwards = occurred_at[1:] < occurred_at[:-1]
    if lead is not None:
        backwards &= lead[1:] == lead[:-1]
    if not backwards.any():
        return positions
    rank = np.empty_like(positions)
    rank[np.lexsort((occurred_at,) if lead is None else (occurred_at, lead))] = positions
    return rank


def _is_selected(plan: Plan, histories: Histories, lead: Int64 | None) -> Bool:
    """Whether each selection looks at each event."""
    is_selected = np.ones((len(plan.selections), len(histories.occurred_at)), np.bool_)
    for book in plan.codebooks:
        code = book.code(histories.labels)
        is_selected &= book.admitted.take(code, axis=1)
    for row, selection in enumerate(plan.selections):
        if selection.by_owner is not None:
            by_owner = _by_owner(histories, str(plan.spec.owner), lead)
            is_selected[row] &= by_owner == (1 if selection.by_owner else 0)
    return is_selected


def _by_owner(histories: Histories, owner: str, lead: Int64 | None) -> Int64:
    """1 where the event's agent is the lead's owner, 0 where not, −1 where one is missing."""
    owners = histories.attributes[owner]
    if owners.labels is None or not owners.is_fixed:
        raise ValueError(f"The owner '{owner}' must be a category that is fixed at creation.")
    index = {name: code for code, name in enumerate(owners.labels.vocabulary)}
    agent = histories.labels["agent"].recode(index, unlisted=len(index), missing=-1)
    owner_code = owners.labels.codes[0 if lead is None else lead]
    return np.where((agent < 0) | (owner_code < 0), -1, (agent == owner_code).astype(np.int64))
