"""When leads are due: not too soon, not too late, and not like a fly."""

from datetime import UTC, date, datetime

import numpy as np

from features.arrays import NEVER
from models.plays import shipped_plays
from serving.desk.contacts import contacts_at
from serving.desk.due import due_leads
from serving.desk.hours import as_datetime
from serving.desk.variants import current_labels
from tests.support.desk import DAY, HOUR, MONDAY, contact, house, lead, pool

CLOSING = MONDAY + 9 * HOUR


def due(record, band: str = "warm", refused_at: int = NEVER, as_of: int = MONDAY):
    """Whether a lead is due, until when, by which clock, whether it is overdue, and its play."""
    team, plays = house(), shipped_plays()
    histories = pool({"L": record}).histories
    contacts = contacts_at(histories, as_of, plays.words.no_answer, plays.forms)
    attributes = {n: current_labels(histories, n, as_of) for n in team.attribute_names}
    refusals = np.array([refused_at], np.int64)
    leads = due_leads(
        *(histories, contacts, np.array([band]), attributes, team, plays),
        *(as_of, date(2026, 1, 5), refusals),
    )
    values = leads.is_due[0], leads.by[0], leads.clock[0], leads.is_overdue[0]
    return *(value.item() for value in values), leads.plays[0].name


def test_an_enquiry_is_due_within_the_hours_of_its_form_while_the_house_is_open() -> None:
    friday = 2.5  # days before Monday 9:00, so Friday 21:00
    assert due(lead(friday, form="callback_popup")) == (
        *(True, MONDAY + HOUR // 4, "fresh", False),
        "warm",
    )
    assert due(lead(friday))[1] == MONDAY + 4 * HOUR  # the warm play's own
    overdue = due(lead(2.9, form="callback_popup"))  # Friday 11:24
    assert overdue[2:4] == ("fresh", True)
    assert as_datetime(overdue[1], UTC) == datetime(2026, 1, 2, 11, 39, tzinfo=UTC)


def test_an_enquiry_that_waited_too_long_is_fresh_no_more() -> None:
    assert due(lead(40)) == (True, CLOSING, "cooling", False, "warm")


def test_whom_we_chose_has_no_deadline() -> None:
    assert due(lead(1, source_kind="spear"), "cold") == (
        *(True, CLOSING, "cooling", False),
        "cold (spear)",
    )


def test_a_question_after_our_contact_is_an_enquiry_of_its_own() -> None:
    question = contact(0.01, kind="price_question", direction="inbound")
    assert due(lead(30, contact(1), question))[2] == "fresh"


def test_nobody_is_called_sooner_than_the_play_says() -> None:
    assert due(lead(30, contact(1, outcome="answered")))[:2] == (False, MONDAY + 2 * DAY)
    assert due(lead(30, contact(3, outcome="answered")))[:3] == (True, CLOSING, "cooling")
    assert due(lead(30, contact(1, outcome="answered")), "hot")[0]


def test_nobody_is_called_sooner_than_the_day_that_was_agreed() -> None:
    def agreed(days: float):
        meeting = {**contact(-days, kind="meeting"), "recorded_at": MONDAY - 9 * DAY}
        return due(lead(30, contact(9, outcome="agreed_next_step"), meeting), "hot")

    assert agreed(3)[:3] == (False, MONDAY + 3 * DAY, "promised")
    assert agreed(0.1)[:3] == (True, MONDAY + DAY // 10, "promised")


def test_who_never_answers_is_left_alone() -> None:
    calls = [contact(30 - i, outcome="no_answer") for i in range(6)]
    assert due(lead(40, *calls[:5]))[0]
    assert due(lead(40, *calls))[:2] == (False, NEVER)
    assert due(lead(40, *calls, contact(10, outcome="answered")))[0]


def test_who_refused_gets_one_farewell_and_comes_back_when_warm() -> None:
    refused_at = MONDAY - 20 * DAY
    assert due(lead(40), "cold", refused_at)[2:] == ("rework", False, "farewell")
    letter = contact(15)
    assert due(lead(40, letter), "cold", refused_at)[:3] == (False, NEVER, "rework")
    assert due(lead(40, letter), "warm", refused_at)[:3] == (True, CLOSING, "rework")


def test_who_refused_and_asks_again_is_answered_and_not_sent_away() -> None:
    question = contact(0.01, kind="price_question", direction="inbound")
    asked = due(lead(40, question), "warm", MONDAY - 20 * DAY)
    assert (asked[2], asked[4]) == ("fresh", "warm")
    before = due(lead(40, question), "warm", MONDAY - DAY // 1000)
    assert (before[2], before[4]) == ("rework", "farewell")
