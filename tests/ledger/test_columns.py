"""Sums of answers, beside a plain loop."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.columns import CELL, months_of, sums_of
from ledger.record import Answered
from ledger.store import open_ledger
from tests.support.answers import answer

DRAWN = st.lists(
    st.tuples(
        st.sampled_from(["L1", "L2", "L3"]),
        st.integers(0, 80),
        st.sampled_from([0.125, 0.25, 0.75]),
        st.sampled_from(["hot", "cold"]),
        st.sampled_from([None, "ana", ""]),
        st.sampled_from([None, True, False]),
    ),
    max_size=12,
)


@settings(max_examples=20)
@given(DRAWN)
def test_sums_are_those_of_a_plain_loop(tmp_path_factory: pytest.TempPathFactory, drawn) -> None:
    folder: Path = tmp_path_factory.mktemp("ledger")
    given_answers: list[tuple[Answered, bool | None]] = [
        (answer(lead, day, hot, band=band, owner=owner, features=bytes([number])), happened)
        for number, (lead, day, hot, band, owner, happened) in enumerate(drawn)
    ]
    ledger = open_ledger(str(folder / "ledger.db"))
    ledger.append([one for one, _ in given_answers])
    for one, happened in given_answers:
        if happened is not None:
            ledger.settle([one.answer_id], "hot", np.array([happened]))
    sums = sums_of(ledger.read())
    ledger.close()

    expected = defaultdict(lambda: [0, 0.0, 0.0, 0, 0.0, 0.0, 0])
    residuals = defaultdict(lambda: defaultdict(float))
    for one, happened in given_answers:
        month = str(np.datetime64(one.as_of, "us"))[:7]
        for horizon, promise, came in (("hot", one.hot, happened), ("warm", one.warm, None)):
            cell = (
                one.model_version, horizon, promise.days, one.band, month, one.owner or "",
                one.channel, one.purpose,
            )  # fmt: skip
            p = promise.probability
            known = came is not None
            values = (1, p, p * (1 - p), known, known * p, known * p * (1 - p), bool(came))
            expected[cell] = [a + b for a, b in zip(expected[cell], values, strict=True)]
            residuals[cell][one.lead] += (bool(came) - p) if known else 0.0
    assert len(sums) == len(expected)
    for row in range(len(sums)):
        cell = tuple(getattr(sums, name)[row] for name in CELL)
        assert [
            sums.answers[row],
            sums.promised[row],
            sums.variance[row],
            sums.settled[row],
            sums.settled_promised[row],
            sums.settled_variance[row],
            sums.happened[row],
        ] == pytest.approx(expected[cell])
        squares = sum(value**2 for value in residuals[cell].values())
        assert sums.residual_squares[row] == pytest.approx(squares)


def test_a_month_is_that_of_utc() -> None:
    assert months_of(np.array([20_454 * 86_400_000_000 - 1])).tolist() == ["2025-12"]
