"""Complete fields and prompt records, counted by hand."""

from tests.support.practice import made_up
from tests.support.tables import tables_of
from training.team.upkeep import FieldCompleteness, field_completeness, logging_promptness

HOUR = 1 / 24


def test_completeness_counts_the_cards_in_which_a_field_is_filled():
    tables = made_up()
    sources = [row["source"] for row in tables.leads.to_pylist()]
    known = sum(source is not None for source in sources)
    assert field_completeness(tables) == (
        FieldCompleteness("source", known, 400),
        FieldCompleteness("owner", 400, 400),
    )


def test_promptness_tells_booked_prompt_and_late_apart():
    lags = {"phone": [0, HOUR, 23 * HOUR, 30 * HOUR], "web": [-2, 5]}
    events = [
        {"lead_id": "a", "occurred_at": 10, "recorded_at": 10 + lag, "channel": channel}
        for channel, some in lags.items()
        for lag in some
    ]
    found = logging_promptness(tables_of([{"lead_id": "a", "created_at": 0}], events))
    assert [one.channel for one in found.channels] == ["phone", "web"]
    phone, web = found.channels
    assert (phone.before, phone.prompt, phone.late) == (0, 3, 1)
    assert (web.before, web.prompt, web.late) == (1, 0, 1)
    assert found.everything.interactions == 6


def test_an_export_that_does_not_say_when_contacts_were_recorded_has_no_promptness():
    tables = made_up()
    assert logging_promptness(tables) is None


def test_at_most_eight_channels_are_shown_but_all_are_counted():
    events = [
        {"lead_id": "a", "occurred_at": 10, "recorded_at": 11, "channel": f"c{i}"}
        for i in range(10)
        for _ in range(10 - i)
    ]
    found = logging_promptness(tables_of([{"lead_id": "a", "created_at": 0}], events))
    assert [delays.channel for delays in found.channels] == [f"c{i}" for i in range(8)]
    assert (found.everything.interactions, found.everything.prompt) == (55, 55)
