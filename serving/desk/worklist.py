"""The day's list: who contacts which lead, in which order, why, and by when.

`make_worklist` scores the open leads, finds those that are due (`serving.desk.due`), gives them to
the people who work that day (`serving.desk.assignment`), and says of each what its person should
know (`serving.desk.details`). A list is as long as the people's capacities, whatever the bands; it
says which share of the coming buyers it holds, beside other ways to put leads in order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64
from features.engine.executor import features_of
from features.engine.history import MICROSECONDS_PER_DAY, Histories, LabelColumn
from models.bundle import Bundle
from models.course.looks import Band
from models.horizon import Scores
from models.plays import Play, Playbook
from serving.desk.assignment import NO_PERSON, Solver, assign
from serving.desk.contacts import NO_EVENT, Contacts, contacts_at
from serving.desk.details import LeadDetails, lead_details
from serving.desk.due import Clock, DueLeads, due_leads, words_of
from serving.desk.people import Person, Team, eligibility, skill_table
from serving.desk.variants import current_labels, current_numbers, known_histories

ESCALATION = 2.0
"""How many times as much as with its owner an enquiry that waited is worth with the leader."""
WhyPerson = Literal["owner", "owner_away", "owner_busy", "unowned", "leader", "skill", "territory"]
"""Why this person: the lead is theirs; its owner does not work today, has no room left, or may not
have it; nobody has it; it waited on the last list; or it is worth clearly more with them."""


@dataclass(frozen=True, slots=True)
class LeadPool:
    """The leads that a list is made of.

    Parameters
    ----------
    lead_ids : tuple of str
        Id of each lead, all different.
    histories : Histories
        What happened to them, with all labels of interactions.
    customer : int64 array of shape (leads,) or None
        Number of each lead's person in the export, negative where nobody knows: several leads of
        one customer are one row.
    refused_at : int64 array of shape (leads,) or None
        When each refused, `features.arrays.NEVER` for those that did not.
    """

    lead_ids: tuple[str, ...]
    histories: Histories
    customer: Int64 | None = None
    refused_at: Int64 | None = None


@dataclass(frozen=True, slots=True)
class PreviousRow:
    """A lead on the list before.

    Parameters
    ----------
    person : str
        Who had it.
    band : "cold", "warm" or "hot"
        Its band.
    probability : float
        Its hot probability.
    clock : Clock
        Why it was due.
    """

    person: str
    band: Band
    probability: float
    clock: Clock


@dataclass(frozen=True, slots=True)
class PreviousList:
    """The list before.

    Parameters
    ----------
    as_of : int
        Its instant, in microseconds.
    rows : mapping of str to PreviousRow
        Its leads by their ids.
    """

    as_of: int
    rows: Mapping[str, PreviousRow]


@dataclass(frozen=True, slots=True)
class Mention:
    """What to name first: the contact that they remember, or who sent them.

    Parameters
    ----------
    referrer : str or None
        Who referred them; then nothing else.
    kind, channel : str or None
        The latest contact in which both spoke.
    days_ago : int or None
        Whole days since then.
    """

    referrer: str | None = None
    kind: str | None = None
    channel: str | None = None
    days_ago: int | None = None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One customer on one person's list.

    Parameters
    ----------
    person : str
        Who contacts them.
    rank : int
        Place on that person's list, from 1 on.
    lead_id : str
        The lead.
    other_leads : tuple of str
        Other open leads of the same customer.
    link : str or None
        Address of the lead in the CRM.
    band : "cold", "warm" or "hot"
        Its band.
    probability, low : float
        Hot probability, and the low end of its interval.
    expected_purchases : float
        Sum of the hot probabilities of all leads of the row.
    due_by : int
        Until when, in microseconds.
    clock : Clock
        Why today.
    is_overdue : bool
        Whether an enquiry waits for longer than its deadline.
    play : Play
        What is to be done.
    mention : Mention or None
        What to name first.
    details : LeadDetails
        Reasons, changes, question, outcomes, and when the band changes.
    previous : PreviousRow or None
        The lead on the list before.
    why_person : WhyPerson
        Why this person.
    owner : str or None
        Who has the lead in the CRM.
    """

    person: str
    rank: int
    lead_id: str
    other_leads: tuple[str, ...]
    link: str | None
    band: Band
    probability: float
    low: float
    expected_purchases: float
    due_by: int
    clock: Clock
    is_overdue: bool
    play: Play
    mention: Mention | None
    details: LeadDetails
    previous: PreviousRow | None
    why_person: WhyPerson
    owner: str | None


@dataclass(frozen=True, slots=True)
class OrderShare:
    """Share of the coming buyers that the first leads of an order hold.

    Parameters
    ----------
    order : {"list", "newest", "points", "turns"}
        This list; the newest leads first; the CRM's own points; everybody in turn.
    share : float
        Expected buyers among as many leads as the list has, over those among all open leads.
    """

    order: Literal["list", "newest", "points", "turns"]
    share: float


@dataclass(frozen=True, slots=True)
class Worklist:
    """The day's list.

    Parameters
    ----------
    day : datetime.date
        The day that it is for.
    as_of : int
        What was known at this instant, in microseconds.
    model_version : str
        The model.
    hot_days : int
        Days within which a hot lead buys.
    people : tuple of Person
        Who works that day, with or without rows.
    rows : tuple of WorkRow
        By person and rank.
    shares : tuple of OrderShare
        How many of the coming buyers the list holds, beside other orders.
    gap : float
        Share by which the best assignment can be better at most.
    open_leads, due_leads : int
        Leads that were looked at, and those among them that are due.
    nobody_may : int
        Due leads that nobody who works that day may have.
    no_room : int
        Due leads for which nobody has room.
    """

    day: date
    as_of: int
    model_version: str
    hot_days: int
    people: tuple[Person, ...]
    rows: tuple[WorkRow, ...]
    shares: tuple[OrderShare, ...]
    gap: float
    open_leads: int
    due_leads: int
    nobody_may: int
    no_room: int


def make_worklist(
    bundle: Bundle,
    leads: LeadPool,
    team: Team,
    plays: Playbook,
    as_of: int,
    day: date,
    previous: PreviousList | None = None,
    solve: Solver | None = None,
    effects: Float64 | None = None,
    threads: int = 1,
) -> Worklist:
    """The list of a day.

    Parameters
    ----------
    bundle : Bundle
        The model.
    leads : LeadPool
        All open leads.
    team : Team
        The people.
    plays : Playbook
        What is done with leads of each band.
    as_of : int
        What is known at this instant counts, in microseconds.
    day : datetime.date
        The day that the list is for.
    previous : PreviousList, optional
        The list before: bands near a cut-off stay, and the list says what changed.
    solve : callable, optional
        See `serving.desk.assignment.assign`.
    effects : float64 array of shape (leads, people who work), optional
        How many times as many of such leads buy when this person works them, as learned; the
        people's own ``skills`` are multiplied with it. Without it people are equal but for those.
    threads : int
        Threads of the model.
    """
    pool = _look_at_pool(bundle, leads, team, plays, as_of, day, previous, threads)
    dealt = _give_out(pool, team, team.working_on(day), solve, effects)
    lead = dealt.candidates[dealt.listed]
    details = lead_details(
        bundle,
        known_histories(leads.histories, lead, as_of),
        known_histories(leads.histories, np.arange(leads.histories.leads), as_of),
        pool.band[lead],
        [pool.due.plays[i] for i in lead.tolist()],
        plays,
        _may_be_asked(bundle, team),
        as_of,
        None if previous is None else previous.as_of,
    )
    may_somebody = dealt.eligible.any(axis=1)
    return Worklist(
        day=day,
        as_of=as_of,
        model_version=bundle.version,
        hot_days=bundle.hot.days,
        people=dealt.people,
        rows=_rows(pool, dealt, team, details, as_of),
        shares=_shares(pool.scores.hot_probability, leads.histories, lead, team, as_of),
        gap=dealt.gap,
        open_leads=leads.histories.leads,
        due_leads=int(pool.due.is_due.sum()),
        nobody_may=int((~may_somebody).sum()),
        no_room=int(((dealt.person == NO_PERSON) & may_somebody).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """All open leads with what is known of them on the day."""

    leads: LeadPool
    scores: Scores
    band: npt.NDArray[np.str_]
    attributes: Mapping[str, LabelColumn]
    contacts: Contacts
    due: DueLeads
    rows_before: Mapping[str, PreviousRow]


def _look_at_pool(
    bundle: Bundle,
    leads: LeadPool,
    team: Team,
    plays: Playbook,
    as_of: int,
    day: date,
    previous: PreviousList | None,
    threads: int,
) -> _Pool:
    histories = leads.histories
    instants = np.full(histories.leads, as_of, np.int64)
    matrix = features_of(bundle.plan, histories, np.arange(histories.leads), instants)
    scores = bundle.scores(matrix, threads)
    rows_before = {} if previous is None else previous.rows
    bands_before = [r.band if (r := rows_before.get(i)) else None for i in leads.lead_ids]
    band = bundle.bands.assign(*scores.decisive(bundle.bands), previous=bands_before)
    attributes = {name: current_labels(histories, name, as_of) for name in team.attribute_names}
    contacts = contacts_at(histories, as_of, plays.words.no_answer, plays.forms)
    refusals = leads.refused_at
    due = due_leads(histories, contacts, band, attributes, team, plays, as_of, day, refusals)
    return _Pool(leads, scores, band, attributes, contacts, due, rows_before)


@dataclass(frozen=True, slots=True)
class _Dealt:
    """Due leads, one a customer, and who got which; arrays are (candidates,) or times people."""

    people: tuple[Person, ...]
    candidates: Int64
    owners: Sequence[str | None]
    eligible: Bool
    to_leader: Bool
    value: Float64
    person: Int64
    listed: Int64
    gap: float


def _give_out(
    pool: _Pool,
    team: Team,
    people: tuple[Person, ...],
    solve: Solver | None,
    effects: Float64 | None,
) -> _Dealt:
    urgency = pool.scores.hot_probability * pool.due.pressure(team)
    candidates = _one_row_a_customer(pool.leads, pool.due, urgency)
    lead_ids = [pool.leads.lead_ids[lead] for lead in candidates.tolist()]
    attributes = {name: _among(labels, candidates) for name, labels in pool.attributes.items()}
    band = pool.band[candidates]
    eligible = eligibility(people, band, attributes, team.attributes.language)
    value = urgency[candidates, None] * skill_table(people, band)
    if effects is not None:
        value = value * effects[candidates]
    to_leader = _for_the_leader(pool.due, candidates, lead_ids, pool.rows_before, people, team)
    value[to_leader] *= ESCALATION * team.stay  # more than an owner's claim
    eligible |= to_leader
    owners = words_of(attributes, team.attributes.owner, len(candidates))
    index = {person.id: i for i, person in enumerate(people)}
    assignment = assign(
        value,
        eligible,
        [person.capacity for person in people],
        lead_ids,
        np.array([index.get(owner or "", NO_PERSON) for owner in owners], np.int64),
        team.stay,
        solve,
    )
    listed = _in_list_order(assignment.person, value, lead_ids)
    return _Dealt(
        people=people,
        candidates=candidates,
        owners=owners,
        eligible=eligible,
        to_leader=to_leader,
        value=value,
        person=assignment.person,
        listed=listed,
        gap=assignment.gap,
    )


def _rows(
    pool: _Pool, dealt: _Dealt, team: Team, details: Sequence[LeadDetails], as_of: int
) -> tuple[WorkRow, ...]:
    """Rows of the list, in its order."""
    customers = _leads_by_customer(pool.leads.customer)
    ranks: Counter[int] = Counter()
    rows = []
    for position, lead_detail in zip(dealt.listed.tolist(), details, strict=True):
        ranks[int(dealt.person[position])] += 1
        rank = ranks[int(dealt.person[position])]
        rows.append(_row(pool, dealt, team, customers, position, rank, lead_detail, as_of))
    return tuple(rows)


def _row(
    pool: _Pool,
    dealt: _Dealt,
    team: Team,
    customers: Mapping[int, Sequence[int]],
    position: int,
    rank: int,
    details: LeadDetails,
    as_of: int,
) -> WorkRow:
    """The row of one candidate."""
    leads, due, scores = pool.leads, pool.due, pool.scores
    lead, lead_id = int(dealt.candidates[position]), leads.lead_ids[dealt.candidates[position]]
    customer = NO_PERSON if leads.customer is None else int(leads.customer[lead])
    siblings = [sibling for sibling in customers.get(customer, ()) if sibling != lead]
    link = team.link
    return WorkRow(
        person=dealt.people[dealt.person[position]].id,
        rank=rank,
        lead_id=lead_id,
        other_leads=tuple(sorted(leads.lead_ids[sibling] for sibling in siblings)),
        link=None if link is None else link.format(lead_id=quote(lead_id, "")),
        band=cast("Band", str(pool.band[lead])),
        probability=float(scores.hot_probability[lead]),
        low=float(scores.hot_low[lead]),
        expected_purchases=float(scores.hot_probability[[lead, *siblings]].sum()),
        due_by=int(due.by[lead]),
        clock=cast("Clock", str(due.clock[lead])),
        is_overdue=bool(due.is_overdue[lead]),
        play=due.plays[lead],
        mention=_mention(leads.histories, pool.contacts, pool.attributes, team, lead, as_of),
        details=details,
        previous=pool.rows_before.get(lead_id),
        why_person=_why_person(dealt, position),
        owner=dealt.owners[position],
    )


def _one_row_a_customer(leads: LeadPool, due: DueLeads, urgency: Float64) -> Int64:
    """Due leads; of those of one customer the most urgent, then the one with the first id."""
    candidates = np.flatnonzero(due.is_due)
    if leads.customer is None:
        return candidates
    most_urgent: dict[int, tuple[float, str, int]] = {}
    alone = []
    for lead in candidates.tolist():
        customer = int(leads.customer[lead])
        if customer < 0:
            alone.append(lead)
            continue
        claim = (-float(urgency[lead]), leads.lead_ids[lead], lead)
        most_urgent[customer] = min(claim, most_urgent.get(customer, claim))
    return np.array(sorted([*alone, *(lead for _, _, lead in most_urgent.values())]), np.int64)


def _leads_by_customer(customer: Int64 | None) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for lead, number in enumerate([] if customer is None else customer.tolist()):
        if number >= 0:
            groups.setdefault(number, []).append(lead)
    return groups


def _for_the_leader(
    due: DueLeads,
    candidates: Int64,
    lead_ids: Sequence[str],
    rows_before: Mapping[str, PreviousRow],
    people: Sequence[Person],
    team: Team,
) -> Bool:
    """Overdue enquiries that stood on the last list and were not contacted: the leader's column."""
    table = np.zeros((len(candidates), len(people)), np.bool_)
    waited = [
        (row := rows_before.get(lead_id)) is not None and row.clock == "fresh"
        for lead_id in lead_ids
    ]
    for column, person in enumerate(people):
        if person.id == team.leader:
            table[:, column] = due.is_overdue[candidates] & np.array(waited, np.bool_)
    return table


def _among(labels: LabelColumn, leads: Int64) -> LabelColumn:
    return LabelColumn(labels.codes[leads], labels.vocabulary)


def _in_list_order(person: Int64, value: Float64, lead_ids: Sequence[str]) -> Int64:
    """Assigned leads by person, then by what they are worth there, then by id."""
    assigned = np.flatnonzero(person != NO_PERSON).tolist()
    order = sorted(assigned, key=lambda i: (person[i], -value[i, person[i]], lead_ids[i]))
    return np.array(order, np.int64)


def _may_be_asked(bundle: Bundle, team: Team) -> tuple[str, ...]:
    """Attributes that the model reads and that are the customer's to tell."""
    internal = set(team.attributes.model_dump().values())
    kinds = bundle.spec.attribute_kinds
    return tuple(
        name for name, kind in kinds.items() if kind != "timestamp" and name not in internal
    )


def _mention(
    histories: Histories,
    contacts: Contacts,
    attributes: Mapping[str, LabelColumn],
    team: Team,
    lead: int,
    as_of: int,
) -> Mention | None:
    """The latest contact in which both spoke, else who referred the lead."""
    event = int(contacts.latest_mutual[lead])
    if event != NO_EVENT:
        kind, channel = (
            (*labels.vocabulary, None)[labels.codes[event]]
            for labels in (histories.labels["kind"], histories.labels["channel"])
        )
        days = int((as_of - histories.occurred_at[event]) // MICROSECONDS_PER_DAY)
        return Mention(kind=kind, channel=channel, days_ago=days)
    name = team.attributes.referrer
    referrer = None if name is None else words_of(attributes, name, histories.leads)[lead]
    return None if referrer is None else Mention(referrer=referrer)


def _why_person(dealt: _Dealt, position: int) -> WhyPerson:
    """Why a candidate went to the person who got it."""
    column, owner = int(dealt.person[position]), dealt.owners[position]
    ids = [person.id for person in dealt.people]
    if dealt.to_leader[position, column]:
        return "leader"
    if owner is None:
        return "unowned"
    if owner not in ids:
        return "owner_away"
    own_column, value = ids.index(owner), dealt.value[position]
    if own_column == column:
        return "owner"
    if not dealt.eligible[position, own_column]:
        return "territory"
    return "skill" if value[column] > value[own_column] else "owner_busy"


def _shares(
    probability: Float64, histories: Histories, listed: Int64, team: Team, as_of: int
) -> tuple[OrderShare, ...]:
    """Expected buyers of the list and of as many first leads of other orders, over all."""
    total, length = float(probability.sum()), len(listed)
    if not total:
        return ()
    shares = [
        OrderShare("list", float(probability[listed].sum()) / total),
        OrderShare("newest", _first_share(probability, histories.created_at, length)),
        OrderShare("turns", length / len(probability)),
    ]
    if team.attributes.points is not None:
        points = current_numbers(histories, team.attributes.points, as_of)
        shares.append(OrderShare("points", _first_share(probability, points, length)))
    return tuple(shares)


def _first_share(probability: Float64, merit: Float64 | Int64, length: int) -> float:
    """Share of the expected buyers among the first leads by merit; equals come in turn."""
    merit = np.nan_to_num(np.asarray(merit, np.float64), nan=-np.inf)
    levels, level = np.unique(-merit, return_inverse=True)
    mean = np.bincount(level, probability) / np.bincount(level)
    first = np.sort(level)[:length]
    return float(mean[first].sum() / probability.sum()) if len(levels) else 0.0
