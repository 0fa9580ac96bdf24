"""When each lead is due, and why today: which clock runs, and until when.

Not too soon, not too late: a lead waits until the day that was agreed, else until the play's days
since our latest contact have passed; after the play's most contacts without an answer it is left
alone. An enquiry is due at once, within the hours of its form, counted while the house is open; one
that has waited for the play's days beyond them is fresh no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from features.arrays import NEVER, Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY, Histories, LabelColumn
from models.plays import Play, Playbook
from serving.desk.contacts import NO_EVENT, Contacts
from serving.desk.people import Team

Clock = Literal["fresh", "promised", "cooling", "rework"]
"""Why a lead is due: a fresh enquiry, a talk agreed for today, cooling, or warm after a refusal."""
DUE_CLOCKS: tuple[Clock, ...] = get_args(Clock)


@dataclass(frozen=True, slots=True)
class DueLeads:
    """When each lead is due, all of shape (leads,).

    Parameters
    ----------
    is_due : bool array
        Whether it is to be contacted on the day of the list.
    by : int64 array
        Until when, in microseconds; of leads that are not due when they are due next, `NEVER` for
        those that are left alone.
    clock : str array
        Which of `DUE_CLOCKS` runs.
    is_overdue : bool array
        Whether a fresh enquiry waits for longer than its deadline.
    plays : tuple of Play
        What is to be done.
    """

    is_due: Bool
    by: Int64
    clock: npt.NDArray[np.str_]
    is_overdue: Bool
    plays: tuple[Play, ...]

    def pressure(self, team: Team) -> Float64:
        """Factor by which each lead is due sooner than one that only cools."""
        factors = team.pressure
        by_clock = {
            "fresh": factors.fresh,
            "promised": factors.promised,
            "cooling": 1.0,
            "rework": factors.rework,
        }
        pressure = np.array([by_clock[clock] for clock in self.clock.tolist()], np.float64)
        return np.where(self.is_overdue, factors.overdue, pressure)


def due_leads(
    histories: Histories,
    contacts: Contacts,
    band: npt.NDArray[np.str_],
    attributes: Mapping[str, LabelColumn],
    team: Team,
    plays: Playbook,
    as_of: int,
    day: date,
    refused_at: Int64 | None = None,
) -> DueLeads:
    """When each lead is due.

    Parameters
    ----------
    histories : Histories
        The leads.
    contacts : Contacts
        What passed between us and them.
    band : str array of shape (leads,)
        Band of each lead.
    attributes : mapping of str to LabelColumn
        Value of each lead by attribute: kind of source and form, where `team` names them.
    team : Team
        When the house is open, and which attributes say what.
    plays : Playbook
        Hours, days and most contacts.
    as_of : int
        The instant of the list, in microseconds.
    day : datetime.date
        The day that it is for, in the house's time zone.
    refused_at : int64 array of shape (leads,), optional
        When each lead refused, `NEVER` for those that did not.
    """
    day_end = team.hours.closing(day, team.zone)
    sources = words_of(attributes, team.attributes.source, histories.leads)
    forms = words_of(attributes, team.attributes.form, histories.leads)
    lead_plays: list[Play] = []
    rows: list[tuple[bool, int, Clock, bool]] = []
    for lead in range(histories.leads):
        refused = NEVER if refused_at is None else int(refused_at[lead])
        own_event = int(contacts.latest_by_us[lead])
        latest_by_us = None if own_event == NO_EVENT else int(histories.occurred_at[own_event])
        play = plays.play_for(str(band[lead]), sources[lead])
        deadline = _deadline(histories, contacts, lead, play, forms[lead], team, plays)
        is_silent = latest_by_us is None or latest_by_us <= refused
        event = int(contacts.latest_enquiry[lead])
        asks_again = event != NO_EVENT and histories.occurred_at[event] > refused
        if refused != NEVER and is_silent and not asks_again:
            play, deadline = plays.play_for("farewell", sources[lead]), None
        lead_plays.append(play)
        clock = _LeadClock(
            agreed_at=int(contacts.agreed_at[lead]),
            deadline=deadline,
            latest_by_us=latest_by_us,
            refused_at=refused,
            unanswered=int(contacts.unanswered[lead]),
            play=play,
            is_warm=str(band[lead]) != "cold",
        )
        rows.append(_row(clock, as_of, day_end))
    columns: Sequence[tuple[object, ...]] = tuple(zip(*rows, strict=True)) or ((), (), (), ())
    is_due, by, clocks, is_overdue = columns
    return DueLeads(
        is_due=np.array(is_due, np.bool_),
        by=np.array(by, np.int64),
        clock=np.array(clocks, np.str_),
        is_overdue=np.array(is_overdue, np.bool_),
        plays=tuple(lead_plays),
    )


def _deadline(
    histories: Histories,
    contacts: Contacts,
    lead: int,
    play: Play,
    form: str | None,
    team: Team,
    plays: Playbook,
) -> int | None:
    """Until when a lead's enquiry is to be answered; None where nothing waits for an answer."""
    event = int(contacts.latest_enquiry[lead])
    if event != NO_EVENT:
        kinds = histories.labels["kind"]
        hours = plays.forms[kinds.vocabulary[kinds.codes[event]]]
        return team.hours.later_by(int(histories.occurred_at[event]), hours, team.zone)
    if contacts.latest_by_us[lead] != NO_EVENT or play.first_contact_hours is None:
        return None
    hours = plays.forms.get(form or "", play.first_contact_hours)
    return team.hours.later_by(int(histories.created_at[lead]), hours, team.zone)


@dataclass(frozen=True, slots=True)
class _LeadClock:
    """What decides when one lead is due; instants in microseconds."""

    agreed_at: int
    deadline: int | None
    latest_by_us: int | None
    refused_at: int
    unanswered: int
    play: Play
    is_warm: bool


def _row(lead: _LeadClock, as_of: int, day_end: int) -> tuple[bool, int, Clock, bool]:
    """Whether a lead is due, until when, by which clock, and whether it is overdue."""
    if lead.agreed_at != NEVER:  # what was agreed goes before anything else
        return lead.agreed_at <= day_end, lead.agreed_at, "promised", False
    patience = round(lead.play.next_contact_days * MICROSECONDS_PER_DAY)
    if lead.deadline is not None and as_of <= lead.deadline + patience:
        return True, lead.deadline, "fresh", lead.deadline < as_of
    clock: Clock = "cooling" if lead.refused_at == NEVER else "rework"
    is_farewell = lead.play.band == "farewell"
    if (clock == "rework" and not is_farewell and not lead.is_warm) or (
        lead.unanswered >= lead.play.most_contacts and not is_farewell
    ):
        return False, NEVER, clock, False
    next_at = as_of
    if lead.latest_by_us is not None and not is_farewell:
        next_at = lead.latest_by_us + patience
    return (
        next_at <= day_end,
        max(next_at, day_end) if next_at <= day_end else next_at,
        clock,
        False,
    )


def words_of(
    attributes: Mapping[str, LabelColumn], name: str | None, leads: int
) -> list[str | None]:
    """Value of an attribute of each lead; None where it is unknown.

    Parameters
    ----------
    attributes : mapping of str to LabelColumn
        Values by attribute.
    name : str or None
        Which attribute; None where there is none.
    leads : int
        How many leads there are.
    """
    if name is None:
        return [None] * leads
    labels = attributes[name]
    words = (*labels.vocabulary, None)
    return [words[code] for code in labels.codes.tolist()]
