"""Answers join their leads by id or hash, and what cannot be joined is counted."""

import numpy as np
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY
from features.tables import Tables
from tests.support.answered import columns_of
from tests.support.tables import tables_of
from training.monitoring.answers import join_answers

DAY = MICROSECONDS_PER_DAY


def export() -> Tables:
    """Two leads of one person, of which the first buys, and a lead of nobody's."""
    return tables_of(
        [
            {"lead_id": "A", "created_at": 0, "converted_at": 20.0, "person": 7},
            {"lead_id": "B", "created_at": 1, "person": 7},
            {"lead_id": "C é", "created_at": 2},
        ],
        end_day=100,
    )


def test_an_answer_knows_what_became_of_its_lead() -> None:
    answers = columns_of(
        {"lead": "A", "day": 10, "hot": 0.2, "band": "hot", "owner": "Ann"},
        {"lead": "B", "day": 95, "channel": "web"},
        {"lead": "C é", "day": 3, "model": "v2"},
    )
    hot = join_answers(answers, export(), "hot")
    assert hot.lead.tolist() == [0, 1, 2]
    assert hot.person.tolist() == [0, 0, 2]
    assert hot.mature.tolist() == [True, False, True]
    assert hot.bought.tolist() == [True, False, False]
    assert hot.converted_at.tolist() == [20 * DAY, NEVER, NEVER]
    assert hot.days.tolist() == [14, 14, 14]
    assert hot.probability.tolist() == [0.2, 0.1, 0.1]
    assert {kind: names.tolist() for kind, names in hot.groups.items()} == {
        "model": ["v1", "v1", "v2"],
        "band": ["hot", "warm", "warm"],
        "month": ["1970-01", "1970-04", "1970-01"],
        "channel": ["", "web", ""],
        "owner": ["Ann", "", ""],
    }
    assert hot.left_out.total == 0
    warm = join_answers(answers, export(), "warm")
    assert warm.mature.tolist() == [True, False, True]
    assert warm.probability.tolist() == [0.3, 0.3, 0.3]


@pytest.mark.parametrize(("days", "bought"), [(10, True), (9, False)])
def test_each_answer_has_its_own_horizon(days: int, bought: bool) -> None:
    answers = columns_of({"lead": "A", "day": 10, "hot_days": days}, {"lead": "A", "day": 10})
    hot = join_answers(answers, export(), "hot")
    assert hot.bought.tolist() == [bought, True]


def test_what_cannot_be_joined_is_counted() -> None:
    tables = export()
    unknown = Tables(
        **{
            name: getattr(tables, name)
            for name in tables.__dataclass_fields__
            if name != "outcome_unknown"
        },
        outcome_unknown=frozenset({"C é"}),
    )
    answers = columns_of(
        {"lead": "nobody", "day": 10},
        {"lead": "nobody", "day": 11},
        {"lead": "A", "day": 20.5},
        {"lead": "B", "day": 100.5},
        {"lead": "C é", "day": 10},
        {"lead": "B", "day": 10},
    )
    hot = join_answers(answers, unknown, "hot")
    left_out = hot.left_out
    assert (left_out.not_in_export, left_out.outcome_unknown) == (2, 1)
    assert (left_out.after_purchase, left_out.after_end) == (1, 1)
    assert left_out.total == 5
    assert hot.answer_id.tolist() == ["a5"]


def test_what_the_ledger_has_settled_counts_without_the_lead() -> None:
    answers = columns_of(
        {"lead": "gone", "day": 10, "happened": 1.0},
        {"lead": "gone", "day": 17, "happened": 1.0},
        {"lead": "gone too", "day": 17, "happened": 0.0},
        {"lead": "B", "day": 17},
    )
    hot = join_answers(answers, export(), "hot")
    assert hot.bought.tolist() == [True, True, False, False]
    assert hot.mature.all()
    assert len(set(hot.person.tolist())) == 3
    assert hot.settled.tolist() == [True, True, True, False]
    assert hot.promises.lead.tolist() == [1]


def test_a_hashed_ledger_is_joined_by_its_key() -> None:

    def hashed(lead: str) -> str:
        return f"hash of {lead}"

    answers = columns_of({"lead": "hash of A", "day": 10}, {"lead": "B", "day": 10})
    assert join_answers(answers, export(), "hot").left_out.not_in_export == 1
    assert join_answers(answers, export(), "hot", hashed).lead.tolist() == [0, 1]


def test_an_answer_that_says_nothing_of_a_horizon_is_none_about_it() -> None:
    answers = columns_of({"lead": "A", "day": 10, "warm": None})
    warm = join_answers(answers, export(), "warm")
    assert (len(warm.lead), warm.left_out.total) == (0, 0)


def test_an_empty_ledger_is_joined_too() -> None:
    empty = columns_of({}).among(np.array([], np.int64))
    hot = join_answers(empty, export(), "hot")
    assert len(hot.promises.lead) == 0
