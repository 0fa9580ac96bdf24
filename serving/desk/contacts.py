"""What passed between us and each lead, as known at an instant: the facts that a due date needs.

Everything is counted from `Histories`, which exports and requests both become, so the list is the
same whoever makes it. Known is what the law of the two clocks says (`features.engine.history`); a
talk that was entered beforehand, such as a booked meeting, is what was agreed.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from features.arrays import NEVER, Bool, Int64
from features.engine.history import Histories, LabelColumn, is_known, when_known

NO_EVENT = -1
OUTBOUND, INBOUND = "outbound", "inbound"


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts with each lead, all arrays of shape (leads,).

    Parameters
    ----------
    latest_by_us : int64 array
        Position in `Histories` of our latest contact; `NO_EVENT` where there is none.
    latest_mutual : int64 array
        Position of the latest contact in which both spoke: they asked something, or somebody
        answered; a visit or an opened letter is none.
    latest_enquiry : int64 array
        Position of the latest enquiry after our latest contact.
    unanswered : int64 array
        Contacts of ours since the latest mutual one.
    agreed_at : int64 array
        Instant of the next talk that was agreed, in microseconds; `NEVER` without one.
    """

    latest_by_us: Int64
    latest_mutual: Int64
    latest_enquiry: Int64
    unanswered: Int64
    agreed_at: Int64


def contacts_at(
    histories: Histories, as_of: int, no_answer: Collection[str], enquiries: Collection[str]
) -> Contacts:
    """Contacts with each lead as known at an instant.

    Parameters
    ----------
    histories : Histories
        The leads, with the labels ``direction``, ``kind`` and ``outcome``.
    as_of : int
        The instant, in microseconds.
    no_answer : collection of str
        Outcomes of contacts in which nobody was reached.
    enquiries : collection of str
        Kinds of inbound interactions that ask for an answer.
    """
    lead = np.repeat(np.arange(histories.leads), np.diff(histories.offsets))
    was_known = is_known(when_known(histories.occurred_at, histories.recorded_at), as_of)
    is_ours = _is(histories.labels["direction"], (OUTBOUND,))
    is_theirs = _is(histories.labels["direction"], (INBOUND,))
    outcome = histories.labels["outcome"]
    is_answered = (outcome.codes >= 0) & ~_is(outcome, no_answer)
    by_us = was_known & is_ours
    is_enquiry = is_theirs & _is(histories.labels["kind"], enquiries)
    mutual = was_known & (is_enquiry | ((is_ours | is_theirs) & is_answered))
    latest_by_us = _latest(histories, lead, by_us)
    latest_mutual = _latest(histories, lead, mutual)
    is_later = histories.occurred_at > _time_of(histories, latest_by_us)[lead]
    enquiry = was_known & is_enquiry & is_later
    since_mutual = by_us & (histories.occurred_at > _time_of(histories, latest_mutual)[lead])
    # Entered before the instant, to happen at it or later: somebody agreed on it.
    planned = is_known(histories.recorded_at, as_of) & ~was_known
    agreed_at = np.full(histories.leads, NEVER, np.int64)
    np.minimum.at(agreed_at, lead[planned], histories.occurred_at[planned])
    return Contacts(
        latest_by_us=latest_by_us,
        latest_mutual=latest_mutual,
        latest_enquiry=_latest(histories, lead, enquiry),
        unanswered=np.bincount(lead[since_mutual], minlength=histories.leads).astype(np.int64),
        agreed_at=agreed_at,
    )


def _is(labels: LabelColumn, words: Collection[str]) -> Bool:
    matches = [word in words for word in labels.vocabulary]
    return np.array([*matches, False], np.bool_)[labels.codes]


def _latest(histories: Histories, lead: Int64, mask: Bool) -> Int64:
    """Position of the latest event of each lead where `mask` is true."""
    positions = np.flatnonzero(mask)
    order = positions[np.lexsort((histories.occurred_at[positions], lead[positions]))]
    latest = np.full(histories.leads, NO_EVENT, np.int64)
    latest[lead[order]] = order  # the last one written stays
    return latest


def _time_of(histories: Histories, position: Int64) -> Int64:
    """When events took place; the beginning of time for `NO_EVENT`."""
    if not len(histories.occurred_at):
        return np.full(len(position), np.iinfo(np.int64).min, np.int64)
    beginning = np.iinfo(np.int64).min
    return np.where(position == NO_EVENT, beginning, histories.occurred_at[position])
