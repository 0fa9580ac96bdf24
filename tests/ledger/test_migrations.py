"""Steps of the ledger's format: each is applied once, whoever starts at the same time."""

import threading

import pytest
import sqlalchemy as sa

from ledger import migrations
from ledger.store import Ledger, open_ledger
from tests.support.answers import ANSWER


def test_many_that_open_a_new_ledger_at_once_make_it_once(location: str) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(6)

    def open_and_append() -> None:
        try:
            start.wait()
            ledger = open_ledger(location)
            ledger.append([ANSWER])
            ledger.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_append) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ledger = open_ledger(location)
    assert ledger.history("L1") == (ANSWER,)
    ledger.close()


def test_a_later_step_is_applied_to_a_ledger_with_answers(
    store: Ledger, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([ANSWER])

    def add_note(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE answers ADD COLUMN note TEXT")

    monkeypatch.setattr(migrations, "LEDGER_STEPS", (*migrations.LEDGER_STEPS, add_note))
    for _ in range(2):
        newer = open_ledger(location)
        assert newer.history("L1") == (ANSWER,)
        newer.close()
    with newer.reading() as connection:
        assert connection.exec_driver_sql("SELECT note FROM answers").scalars().all() == [None]


def test_a_step_that_fails_leaves_nothing_behind(
    store: Ledger, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (number INTEGER)")
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(migrations, "LEDGER_STEPS", (*migrations.LEDGER_STEPS, fail))
    with pytest.raises(RuntimeError, match="the power is gone"):
        open_ledger(location)
    assert not sa.inspect(store.engine).has_table("half")
