"""One answer: what it holds, and when two are the same."""

from dataclasses import replace

import numpy as np
import pytest

from ledger.record import HorizonPromise, fingerprint
from tests.support.answers import ANSWER


def test_an_answer_that_is_given_again_has_the_same_id() -> None:
    again = replace(ANSWER, received_at=ANSWER.received_at + 1, owner="bob", reasons=())
    assert again.answer_id == ANSWER.answer_id


@pytest.mark.parametrize(
    "change",
    [
        {"lead": "L2"},
        {"as_of": 1},
        {"model_version": "v2"},
        {"band": "cold"},
        {"previous_band": None},
        {"features": b"another row"},
        {"purpose": "try"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_answer_has_another_id(change: dict[str, object]) -> None:
    assert replace(ANSWER, **change).answer_id != ANSWER.answer_id


def test_rows_that_differ_in_one_bit_have_other_fingerprints() -> None:
    row = np.array([1.0, np.nan, 0.5])
    moved = row.copy()
    moved[2] = np.nextafter(0.5, 1)
    assert fingerprint(row) == fingerprint(row.copy()) != fingerprint(moved)


@pytest.mark.parametrize("values", [(0, 0.5, 0.0, 1.0), (14, 1.5, 0.0, 1.0), (14, np.nan, 0, 1)])
def test_what_is_no_promise_is_refused(values: tuple[int, float, float, float]) -> None:
    with pytest.raises(ValueError, match="days from 1 on and a probability from 0 to 1"):
        HorizonPromise(*values)


def test_a_purpose_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="purpose must be one of work, try, batch, got 'play'"):
        replace(ANSWER, purpose="play")
