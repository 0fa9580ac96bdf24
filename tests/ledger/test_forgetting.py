"""What is erased leaves its sums and no byte of its id."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from ledger.columns import SumColumns, sums_of
from ledger.forgetting import erase_leads, forget_older
from ledger.store import Ledger, open_ledger
from tests.support.answers import ANSWER, DAY, answer

NAME = "maria.dos.santos@example.org"


def assert_same_sums(left: SumColumns, right: SumColumns) -> None:
    for part in fields(SumColumns):
        values, expected = getattr(left, part.name), getattr(right, part.name)
        if values.dtype == np.float64:
            np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=part.name)
        else:
            assert values.tolist() == expected.tolist(), part.name


def all_sums(store: Ledger) -> SumColumns:
    """Sums of all that was ever answered, erased or not."""
    remaining, erased = sums_of(store.read()), store.sums()
    totals: dict[tuple[object, ...], list[float]] = {}
    for sums in (remaining, erased):
        for row in range(len(sums)):
            values = [getattr(sums, part.name)[row] for part in fields(SumColumns)]
            total = totals.setdefault(tuple(values[:8]), [0.0] * 8)
            totals[tuple(values[:8])] = [a + b for a, b in zip(total, values[8:], strict=True)]
    rows = [(*cell, *totals[cell]) for cell in sorted(totals)]
    return SumColumns(
        **{
            part.name: np.array([row[place] for row in rows], getattr(erased, part.name).dtype)
            for place, part in enumerate(fields(SumColumns))
        }
    )


def filled(store: Ledger) -> SumColumns:
    """Sums of a ledger after answers about 30 leads were added and some of them settled."""
    answers = [
        answer(
            NAME if lead == 7 else f"L{lead}", day, (1 + lead % 3) / 8, owner=f"owner {lead % 2}"
        )
        for lead in range(30)
        for day in (0, 40)
    ]
    store.append(answers)
    settled = [one.answer_id for one in answers[::2]]
    store.settle(settled, "hot", np.arange(len(settled)) % 3 == 0)
    return all_sums(store)


def test_an_erased_lead_leaves_all_sums_as_they_were(store: Ledger) -> None:
    sums = filled(store)
    assert erase_leads(store, [NAME, "L3", "L3", "nobody"]) == 4
    assert store.history(NAME) == ()
    assert len(store.read()) == 56
    assert store.sums().answers.sum() == 8  # four answers, each with two horizons
    assert_same_sums(all_sums(store), sums)
    assert erase_leads(store, [NAME]) == 0
    assert_same_sums(all_sums(store), sums)


def test_what_is_old_is_forgotten_and_its_sums_stay(store: Ledger) -> None:
    sums = filled(store)
    now = ANSWER.received_at + 45 * DAY
    assert forget_older(store, 45, now) == 0
    assert forget_older(store, 44, now) == 30
    assert (store.read().received_at >= now - 44 * DAY).all()
    erased, expected = all_sums(store), sums
    assert_same_sums(erased, expected)


def test_no_byte_of_an_erased_lead_is_in_the_files(tmp_path: Path) -> None:
    store = open_ledger(str(tmp_path / "ledger.db"))
    filled(store)
    files = lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: E731
    assert NAME.encode() in files()
    erase_leads(store, [NAME])
    assert NAME.encode() not in files()
    store.close()
    assert NAME.encode() not in files()


def test_an_erasure_beside_a_reader_says_that_bytes_may_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store.LOCK_SECONDS", 0.1)
    store = open_ledger(str(tmp_path / "ledger.db"))
    filled(store)
    reader = open_ledger(str(tmp_path / "ledger.db"))
    with reader.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM answers").all()
        with pytest.raises(OSError, match="Erase again when it has finished"):
            erase_leads(store, [NAME])
    assert erase_leads(store, [NAME]) == 0
    assert NAME.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    reader.close()
    store.close()


@pytest.mark.parametrize("days", [0, -1, 36_501, 10**15])
def test_retention_that_is_no_time_is_refused(tmp_path: Path, days: int) -> None:
    store = open_ledger(str(tmp_path / "ledger.db"))
    with pytest.raises(ValueError, match=f"--older-than must be 1 to 36,500 days, got {days}"):
        forget_older(store, days, ANSWER.received_at)
    store.close()
