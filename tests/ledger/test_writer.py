"""The writer keeps what it says it keeps, and never holds anybody up."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ledger.record import Answered
from ledger.store import open_ledger
from ledger.writer import LedgerWriter, WriterState
from tests.support.answers import answer

PATIENCE = 60.0


class FakeStore:
    """A store that fails as a test says; it notes what it was given, pass by pass."""

    def __init__(self) -> None:
        self.passes: list[list[str]] = []
        self.failure: Callable[[Sequence[Answered]], Exception | None] = lambda answers: None
        self.opened = self.closed = 0
        self.may_go = threading.Event()
        self.may_go.set()

    def open(self) -> "FakeStore":
        self.opened += 1
        return self

    def append(self, answers: Sequence[Answered]) -> None:
        assert self.may_go.wait(PATIENCE)
        if failure := self.failure(answers):
            raise failure
        self.passes.append([one.lead for one in answers])

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def states() -> list[WriterState]:
    return []


@pytest.fixture
def writer(store: FakeStore, states: list[WriterState], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ledger.writer.RETRY_LEDGER_SECONDS", 0.01)
    writer = LedgerWriter(store.open, states.append, gather_seconds=0.0, max_waiting=10)
    yield writer
    store.may_go.set()
    writer.close(PATIENCE)


def test_nothing_is_opened_before_the_first_answer(writer: LedgerWriter, store: FakeStore) -> None:
    assert store.opened == 0
    assert writer.put([answer("L1")]).result(PATIENCE)
    assert (store.opened, store.passes) == (1, [["L1"]])


def test_what_comes_during_a_pass_shares_the_next_one(
    writer: LedgerWriter, store: FakeStore
) -> None:
    store.may_go.clear()
    first = writer.put([answer("L1")])
    while writer._queue:  # until the thread has taken it
        pass
    others = [writer.put([answer(f"L{number}")]) for number in (2, 3, 4)]
    store.may_go.set()
    assert all(future.result(PATIENCE) for future in [first, *others])
    assert store.passes == [["L1"], ["L2", "L3", "L4"]]


def test_answers_wait_for_a_database_that_fails_and_are_kept_in_their_order(
    writer: LedgerWriter, store: FakeStore, states: list[WriterState]
) -> None:
    has_failed = threading.Event()

    def fail(answers: Sequence[Answered]) -> Exception:
        if writer.is_failing:
            has_failed.set()
        return OSError("no space left")

    store.failure = fail
    futures = [writer.put([answer(f"L{number}")]) for number in range(3)]
    assert has_failed.wait(PATIENCE)
    assert not any(future.done() for future in futures)
    store.failure = lambda answers: None
    assert all(future.result(PATIENCE) for future in futures)
    assert [lead for leads in store.passes for lead in leads] == ["L0", "L1", "L2"]
    assert store.opened == store.closed + 1 > 1, "a database that failed is opened again"
    assert any(state.failing for state in states)
    assert states[-1].failing is False
    assert sum(state.kept_answers for state in states) == 3
    assert sum(state.lost_answers for state in states) == 0


def test_what_finds_no_room_is_lost_at_once_and_counted(
    writer: LedgerWriter, store: FakeStore, states: list[WriterState], caplog
) -> None:
    store.may_go.clear()
    with caplog.at_level(logging.WARNING):
        kept = writer.put([answer(f"L{number}") for number in range(10)])
        lost = [writer.put([answer("too many")]) for _ in range(5)]
    assert [future.result(0) for future in lost] == [False] * 5
    store.may_go.set()
    assert kept.result(PATIENCE)
    assert sum(state.lost_answers for state in states) == 5
    assert len(caplog.records) == 1, "the log says so once a minute"
    assert "too many" not in caplog.text


def test_what_no_database_can_take_keeps_no_others_out(
    writer: LedgerWriter, store: FakeStore
) -> None:
    store.failure = lambda answers: (
        ValueError("poison") if any(one.lead == "poison" for one in answers) else None
    )
    store.may_go.clear()
    first = writer.put([answer("L0")])
    futures = [writer.put([answer(lead)]) for lead in ("L1", "poison", "L2")]
    store.may_go.set()
    outcomes = [future.result(PATIENCE) for future in [first, *futures]]
    assert outcomes == [True, True, False, True]
    assert sorted(lead for leads in store.passes for lead in leads) == ["L0", "L1", "L2"]


def test_what_is_taken_back_in_time_is_not_kept(writer: LedgerWriter, store: FakeStore) -> None:
    store.may_go.clear()
    first = writer.put([answer("L1")])
    while writer._queue:
        pass
    second = writer.put([answer("L2")])
    assert second.cancel()
    store.may_go.set()
    assert first.result(PATIENCE)
    assert writer.put([answer("L3")]).result(PATIENCE)
    assert [lead for leads in store.passes for lead in leads] == ["L1", "L3"]


def test_the_end_keeps_what_waits(store: FakeStore) -> None:
    writer = LedgerWriter(store.open, gather_seconds=PATIENCE)
    futures = [writer.put([answer(f"L{number}")]) for number in range(3)]
    writer.close(PATIENCE)
    assert all(future.result(0) for future in futures)
    assert store.closed == store.opened == 1
    assert writer.put([answer("late")]).result(0) is False


def test_the_end_does_not_wait_for_a_database_that_fails(
    store: FakeStore, states: list[WriterState]
) -> None:
    writer = LedgerWriter(store.open, states.append, gather_seconds=0.0)
    store.failure = lambda answers: OSError("gone")
    future = writer.put([answer("L1")])
    writer.close(PATIENCE)
    assert future.result(0) is False
    assert sum(state.lost_answers for state in states) == 1


def test_a_ledger_that_is_removed_under_the_writer_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    writer = LedgerWriter(lambda: open_ledger(str(path)), gather_seconds=0.0)
    assert writer.put([answer("L1")]).result(PATIENCE)
    for part in tmp_path.iterdir():
        part.unlink()
    assert writer.put([answer("L2")]).result(PATIENCE)
    writer.close(PATIENCE)
    ledger = open_ledger(str(path))
    assert ledger.read().lead.tolist() == ["L2"], "what is called kept is in the file of that name"
    ledger.close()
