"""A column that repeats the log as of the export is an echo; one that agrees by chance is none."""

import numpy as np
import pyarrow as pa
import pytest

from features.arrays import NEVER
from features.spine import microseconds
from features.tables import INSTANT, Tables
from tests.support.tables import tables_of
from training.audit.echo import Agreement, agreements, log_quantities
from training.audit.timing import LeadShare
from training.dataset.lives import Lives

LEADS = 1_200


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Leads with one to six interactions each, the first of them at their creation."""
    random = np.random.default_rng(0)
    leads, events = [], []
    for lead in range(LEADS):
        leads.append({"lead_id": f"L{lead}", "created_at": lead / 10})
        for contact in range(int(random.integers(1, 7))):
            at = lead / 10 + contact * 1.5
            kind, channel = random.choice(["call", "mail", "visit"]), "phone"
            events.append(
                {"lead_id": f"L{lead}", "occurred_at": at, "kind": kind, "channel": channel}
            )
    return tables_of(leads, events, end_day=300)


def lives_of(tables: Tables) -> Lives:
    created = microseconds(tables.leads["created_at"])
    never = np.full(len(created), NEVER)
    return Lives(created, never, never, tables.data_end)


def history(tables: Tables) -> list[list[dict]]:
    """Interactions of each lead in the order of time, by a plain loop."""
    of_lead: dict[str, list[dict]] = {name: [] for name in tables.leads["lead_id"].to_pylist()}
    for event in tables.interactions.to_pylist():
        of_lead[event["lead_id"]].append(event)
    return [sorted(events, key=lambda event: event["occurred_at"]) for events in of_lead.values()]


def echoes(tables: Tables, column: pa.Array, kind: str) -> dict[str, Agreement]:
    quantities = log_quantities(tables, lives_of(tables))
    return {one.quantity: one for one in agreements(pa.chunked_array([column]), kind, quantities)}


def test_the_number_as_of_the_export_is_an_echo_and_that_at_creation_is_none(tables) -> None:
    contacts = history(tables)
    later = pa.array([float(len(events)) for events in contacts])
    went_on = sum(len(events) > 1 for events in contacts)
    found = echoes(tables, later, "number")["the number of interactions"]
    assert found.is_echo
    assert found.equal == LeadShare(went_on, went_on)
    early = echoes(tables, pa.array([1.0] * LEADS), "number")["the number of interactions"]
    assert not early.is_echo
    assert early.equal.count == 0


def test_the_last_instant_is_an_echo_to_the_second_and_as_a_date(tables) -> None:
    last = [events[-1]["occurred_at"] for events in history(tables)]
    name = "the last interaction's instant"
    assert echoes(tables, pa.array(last).cast(INSTANT), "timestamp")[name].is_echo
    dates = pa.array([at.replace(hour=0, minute=0, second=0, microsecond=0) for at in last])
    assert echoes(tables, dates.cast(INSTANT), "timestamp")[name].is_echo
    first = pa.array([events[0]["occurred_at"] for events in history(tables)]).cast(INSTANT)
    assert not echoes(tables, first, "timestamp")[name].is_echo


def test_the_last_kind_is_an_echo_and_the_first_is_none(tables) -> None:
    contacts = history(tables)
    last = pa.array([events[-1]["kind"] for events in contacts])
    first = pa.array([events[0]["kind"] for events in contacts])
    assert echoes(tables, last, "category")["the last interaction's kind"].is_echo
    assert not echoes(tables, first, "category")["the last interaction's kind"].is_echo


@pytest.mark.parametrize(("wrong", "echo"), [(0.0, True), (0.01, True), (0.15, False)])
def test_a_few_wrong_values_do_not_hide_an_echo_and_many_do(tables, wrong, echo) -> None:
    random = np.random.default_rng(1)
    kinds = [
        "letter" if random.random() < wrong else events[-1]["kind"] for events in history(tables)
    ]
    assert (
        echoes(tables, pa.array(kinds), "category")["the last interaction's kind"].is_echo is echo
    )


def test_a_word_that_nearly_all_have_agrees_by_chance() -> None:
    """Every lead is phoned: whoever writes 'phone' everywhere repeats nothing."""
    common = Agreement(
        "the last interaction's channel", "category", LeadShare(990, 1_000), by_chance=0.98
    )
    assert not common.is_echo
    assert Agreement(
        "the last interaction's channel", "category", LeadShare(990, 1_000), 0.3
    ).is_echo


@pytest.mark.parametrize(
    ("share", "partial"), [(0.0, False), (0.1, False), (0.5, True), (1.0, True)]
)
def test_a_number_that_is_kept_up_to_date_in_part_of_the_leads_is_a_partial_echo(
    tables, share, partial
) -> None:
    random = np.random.default_rng(3)
    numbers = [float(len(events)) if random.random() < share else 1.0 for events in history(tables)]
    found = echoes(tables, pa.array(numbers), "number")["the number of interactions"]
    assert found.is_partial_echo is partial
    assert found.is_echo is (share == 1.0)


def test_a_number_that_only_goes_with_the_log_is_no_echo(tables) -> None:
    random = np.random.default_rng(4)
    numbers = [float(len(events) + random.integers(-2, 3)) for events in history(tables)]
    found = echoes(tables, pa.array(numbers), "number")["the number of interactions"]
    assert found.equal.share > 0.15
    assert not found.is_partial_echo


def test_agreement_by_chance_is_that_of_shuffled_columns(tables) -> None:
    kinds = [events[-1]["kind"] for events in history(tables)]
    found = echoes(tables, pa.array(kinds), "category")["the last interaction's kind"]
    random = np.random.default_rng(2)
    went_on = np.array([events[0]["kind"] != events[-1]["kind"] for events in history(tables)])
    values = np.array(kinds)[went_on]
    shuffled = [(values == random.permutation(values)).mean() for _ in range(400)]
    assert found.by_chance == pytest.approx(np.mean(shuffled), abs=0.01)


def test_without_a_log_nothing_agrees() -> None:
    tables = tables_of([{"lead_id": "L1", "created_at": 1}], end_day=3)
    (found,) = echoes(tables, pa.array([0.0]), "number").values()
    assert (found.equal, found.by_chance, found.is_echo) == (LeadShare(0, 0), 1.0, False)
