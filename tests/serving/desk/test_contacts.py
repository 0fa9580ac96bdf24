"""Contacts: who spoke to whom last, and what was agreed."""

import numpy as np

from features.arrays import NEVER
from serving.desk.contacts import NO_EVENT, contacts_at
from tests.support.desk import DAY, MONDAY, contact, lead, pool


def facts(*interactions: dict):
    histories = pool({"L": lead(30, *interactions)}).histories
    return contacts_at(histories, MONDAY, ["no_answer"], ["callback_request"])


def test_a_visit_is_no_talk_and_a_call_without_an_answer_neither() -> None:
    contacts = facts(
        contact(9, outcome="answered"),
        contact(8, kind="visit", channel="web", direction="inbound"),
        contact(7, outcome="no_answer"),
        contact(6, kind="follow_up"),
    )
    assert contacts.latest_by_us.tolist() == [3]
    assert contacts.latest_mutual.tolist() == [0]
    assert contacts.unanswered.tolist() == [2]
    assert contacts.latest_enquiry.tolist() == [NO_EVENT]


def test_an_enquiry_waits_until_we_contact_them() -> None:
    enquiry = contact(2, kind="callback_request", direction="inbound")
    assert facts(contact(5), enquiry).latest_enquiry.tolist() == [1]
    assert facts(contact(5), enquiry, contact(1)).latest_enquiry.tolist() == [NO_EVENT]


def test_what_is_not_known_yet_does_not_count_and_what_was_entered_beforehand_is_agreed() -> None:
    meeting = {**contact(-3, kind="meeting"), "recorded_at": MONDAY - DAY}
    entered_later = {**contact(1, outcome="answered"), "recorded_at": MONDAY}
    contacts = facts(contact(5), meeting, entered_later)
    assert contacts.latest_by_us.tolist() == [0]
    assert contacts.latest_mutual.tolist() == [NO_EVENT]
    assert contacts.agreed_at.tolist() == [MONDAY + 3 * DAY]


def test_leads_without_interactions_have_nothing() -> None:
    contacts = facts()
    assert contacts.agreed_at.tolist() == [NEVER]
    assert contacts.latest_by_us.tolist() == [NO_EVENT]
    empty = contacts_at(pool({}).histories, MONDAY, [], [])
    assert empty.unanswered.tolist() == []


def test_leads_do_not_mix() -> None:
    random = np.random.default_rng(3)
    leads = {}
    for i in range(40):
        events = [
            contact(
                float(random.integers(1, 30)),
                direction=str(random.choice(["inbound", "outbound"])),
                kind=str(random.choice(["call", "callback_request"])),
                outcome=random.choice([None, "no_answer", "answered"]),
            )
            for _ in range(random.integers(0, 6))
        ]
        leads[f"L{i}"] = lead(40, *events)
    together = pool(leads)
    contacts = contacts_at(together.histories, MONDAY, ["no_answer"], ["callback_request"])
    for i, (name, record) in enumerate(leads.items()):
        alone = contacts_at(
            pool({name: record}).histories, MONDAY, ["no_answer"], ["callback_request"]
        )
        assert alone.unanswered[0] == contacts.unanswered[i]
        begin = together.histories.offsets[i]
        for field in ("latest_by_us", "latest_mutual", "latest_enquiry"):
            position = int(getattr(alone, field)[0])
            expected = NO_EVENT if position == NO_EVENT else begin + position
            assert getattr(contacts, field)[i] == expected
