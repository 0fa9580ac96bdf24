"""Columns of a ledger from a few words about each answer."""

from typing import Any

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY
from ledger.columns import AnswerColumns, HorizonColumns, SumColumns, sums_of

ANSWER: dict[str, Any] = {
    "day": 0.0,
    "hot": 0.1,
    "warm": 0.3,
    "hot_days": 14,
    "warm_days": 90,
    "band": "warm",
    "model": "v1",
    "owner": None,
    "channel": None,
    "purpose": "work",
    "happened": np.nan,
}


def columns_of(*answers: dict[str, Any]) -> AnswerColumns:
    """Answers with a lead and what differs from `ANSWER`; a horizon that is None says nothing."""
    rows = [ANSWER | {"lead": "L0"} | answer for answer in answers]

    def words(name: str) -> Any:
        return np.array([row[name] for row in rows], object)

    def horizon(name: str) -> HorizonColumns:
        said = np.array([row[name] is not None for row in rows], np.bool_)
        probability = np.array([np.nan if row[name] is None else row[name] for row in rows])
        return HorizonColumns(
            days=np.where(said, np.array([row[f"{name}_days"] for row in rows], np.int64), 0),
            probability=probability.astype(np.float64),
            low=probability * 0.8,
            high=np.minimum(probability * 1.2, 1),
            happened=np.array([row["happened"] for row in rows], np.float64),
        )

    as_of = np.array([round(row["day"] * MICROSECONDS_PER_DAY) for row in rows], np.int64)
    nothing = np.full(len(rows), None, object)
    return AnswerColumns(
        answer_id=np.array([f"a{number}" for number in range(len(rows))], object),
        lead=words("lead"),
        as_of=as_of,
        received_at=as_of,
        model_version=words("model"),
        contract_version=nothing,
        hot=horizon("hot"),
        warm=horizon("warm"),
        band=words("band"),
        previous_band=nothing,
        doubt=np.zeros(len(rows), np.bool_),
        features=np.full(len(rows), b"", object),
        purpose=words("purpose"),
        owner=words("owner"),
        channel=words("channel"),
    )


def no_sums() -> SumColumns:
    """Sums of a ledger from which nothing was erased."""
    return sums_of(columns_of(ANSWER).among(np.array([], np.int64)))
