"""Answers go in once and come out as they went in, from SQLite and PostgreSQL."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from ledger.record import Answered
from ledger.schema import METADATA
from ledger.store import Ledger, open_ledger
from tests.support.answers import ANSWER, DAY, answer


def test_an_answer_comes_back_as_it_was_given(store: Ledger) -> None:
    bare = replace(
        ANSWER, lead="L 2", warm=None, contract_version=None, previous_band=None, reasons=(),
        owner=None, channel=None, doubt=True, purpose="try",
    )  # fmt: skip
    store.append([ANSWER, bare])
    assert store.history("L1") == (ANSWER,)
    assert store.history("L 2") == (bare,)
    assert store.history("L3") == ()


def test_an_answer_is_kept_once_whoever_brings_it_again(store: Ledger) -> None:
    store.append([ANSWER, ANSWER])
    store.append([replace(ANSWER, received_at=5), answer("L2")])
    store.append([])
    assert store.read().lead.tolist() == ["L1", "L2"]
    assert store.history("L1") == (ANSWER,)


def test_all_answers_of_a_pass_are_kept_or_none(store: Ledger) -> None:
    with pytest.raises(ValueError, match=r"ledger (sqlite|postgresql) "):
        store.append([answer("L1"), replace(answer("L2"), band=None)])
    assert len(store.read()) == 0


def test_columns_are_the_answers_in_the_order_in_which_they_came(store: Ledger) -> None:
    answers = [answer("L2", 3, 0.5), replace(answer("L1", 1), warm=None, doubt=True), answer("L3")]
    for one in answers:
        store.append([one])
    columns = store.read()
    assert columns.answer_id.tolist() == [one.answer_id for one in answers]
    assert columns.lead.tolist() == ["L2", "L1", "L3"]
    assert columns.as_of.tolist() == [one.as_of for one in answers]
    assert columns.hot.probability.tolist() == [0.5, 0.25, 0.25]
    assert columns.hot.days.tolist() == [14, 14, 14]
    assert columns.warm.days.tolist() == [90, 0, 90]
    assert np.isnan(columns.warm.probability).tolist() == [False, True, False]
    assert np.isnan(columns.hot.happened).all()
    assert columns.doubt.tolist() == [False, True, False]
    assert columns.features.tolist() == [ANSWER.features] * 3
    assert (columns.band[0], columns.owner[0], columns.channel[0]) == ("warm", "ana", "web")


def test_only_what_was_asked_for_is_read(store: Ledger) -> None:
    answers = [answer(f"L{day}", day, purpose="try" if day == 2 else "work") for day in range(4)]
    store.append(answers)
    received = ANSWER.received_at
    assert store.read(begin=received + DAY).lead.tolist() == ["L1", "L2", "L3"]
    assert store.read(end=received + DAY).lead.tolist() == ["L0"]
    assert store.read(purposes=["work"]).lead.tolist() == ["L0", "L1", "L3"]
    assert store.read(purposes=["work", "try"], begin=received + 2 * DAY).lead.tolist() == [
        "L2", "L3",
    ]  # fmt: skip
    assert store.read(lead="L2").lead.tolist() == ["L2"]


def test_a_history_holds_the_latest_answers_the_earliest_first(store: Ledger) -> None:
    store.append([answer("L1", day) for day in (5, 1, 3)] + [answer("L2", 2)])
    days = [(one.as_of - ANSWER.as_of) // DAY for one in store.history("L1", limit=2)]
    assert days == [3, 5]


@pytest.mark.parametrize(
    "lead", ["", " ", "é", "L'1\"; DROP TABLE answers; --", "%_\\", "日本", "🙂" * 300]
)
def test_any_lead_id_is_kept_as_it_is(store: Ledger, lead: str) -> None:
    store.append([answer(lead)])
    assert store.history(lead) == (answer(lead),)


def test_letters_that_no_database_takes_are_drawn_and_looked_up_alike(store: Ledger) -> None:
    hostile = "a\0b\ud800"
    store.append([answer(hostile, owner="\0"), answer("L2")])
    assert [one.lead for one in store.history(hostile)] == ["a␀b\\ud800"]


def test_what_came_of_answers_is_noted_once(store: Ledger) -> None:
    answers = [answer("L1"), answer("L2"), answer("L3")]
    store.append(answers)
    names = [one.answer_id for one in answers]
    store.settle([names[0], names[1], "unknown"], "hot", np.array([True, False, True]))
    store.settle(names[:1], "hot", np.array([False]))
    store.settle(names[2:], "warm", np.array([True]))
    columns = store.read()
    np.testing.assert_array_equal(columns.hot.happened, [1, 0, np.nan])
    np.testing.assert_array_equal(columns.warm.happened, [np.nan, np.nan, 1])


def test_a_ledger_that_is_opened_again_has_its_answers(store: Ledger, location: str) -> None:
    store.append([ANSWER])
    again = open_ledger(location)
    assert again.history("L1") == (ANSWER,)
    again.close()


def test_the_steps_make_the_tables_that_the_queries_name(store: Ledger) -> None:
    inspector = sa.inspect(store.engine)
    for table in METADATA.tables.values():
        made = {
            column["name"]: (column["type"]._type_affinity, column["nullable"])
            for column in inspector.get_columns(table.name)
        }
        named = {
            column.name: (column.type._type_affinity, bool(column.nullable))
            for column in table.columns
        }
        assert made == named
        keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key]


def test_a_ledger_of_a_newer_version_is_refused(store: Ledger, location: str) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO ledger_format VALUES (99)")
    with pytest.raises(ValueError, match="has format 99, this version knows formats up to 1"):
        open_ledger(location)


@pytest.mark.parametrize(
    ("location", "law"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://ana:s3cret@host/crm", "must name SQLite or PostgreSQL, got mysql"),
        ("postgresql://ana:s3cret@host:port/crm", "must be a URL such as"),
        ("$NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE, which is not set"),
    ],
)
def test_a_location_that_cannot_be_is_refused_without_its_secret(location: str, law: str) -> None:
    with pytest.raises(ValueError, match=law) as refused:
        open_ledger(location)
    assert "s3cret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_secret() -> None:
    with pytest.raises(OSError, match=r"ledger postgresql 127\.0\.0\.1/crm: ") as refused:
        open_ledger("postgresql://ana:s3cret@127.0.0.1:1/crm")
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("lead_id,as_of\n" * 100)
    with pytest.raises(OSError, match=r"ledger sqlite .*ledger\.db: file is not a database"):
        open_ledger(str(tmp_path / "ledger.db"))


def test_a_file_that_is_not_there_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--ledger: .*does not exist"):
        open_ledger(str(tmp_path / "ledger.db"), make=False)
    assert list(tmp_path.iterdir()) == []


def test_a_locked_ledger_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.LOCK_SECONDS", 0.05)
    ledger = open_ledger(str(tmp_path / "ledger.db"))
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OSError, match="database is locked"):
        ledger.append([ANSWER])
    other.execute("COMMIT")
    ledger.append([ANSWER])
    assert ledger.history("L1") == (ANSWER,)
    other.close()
    ledger.close()


def test_two_that_write_at_once_keep_all(store: Ledger, location: str) -> None:
    second = open_ledger(location)
    for day in range(20):
        (store, second)[day % 2].append([answer("L1", day)])
    assert len(store.history("L1")) == 20
    second.close()


def test_more_answers_than_are_fetched_at_once_are_read(
    store: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store.READ_ROWS", 3)
    answers: list[Answered] = [answer(f"L{number}") for number in range(10)]
    store.append(answers)
    assert store.read().lead.tolist() == [f"L{number}" for number in range(10)]


@pytest.mark.parametrize("count", [63, 64, 65, 200])
def test_a_pass_of_any_length_is_added_whole(store: Ledger, count: int) -> None:
    answers = [answer(f"L{number}") for number in range(count)]
    store.append(answers[:1])
    store.append(answers)
    assert store.read().answer_id.tolist() == [one.answer_id for one in answers]
