"""A lead's history: what was answered, and how each answer differs from the one before."""

from dataclasses import replace

import pytest

from ledger.record import HorizonPromise
from serving.answers.history import lead_history
from serving.answers.times import rfc3339
from tests.support.answers import ANSWER, answer


def test_each_answer_is_told_as_it_was_given() -> None:
    (told,) = lead_history("L1", [ANSWER]).answers
    assert (told.as_of, told.received_at) == (rfc3339(ANSWER.as_of), rfc3339(ANSWER.received_at))
    assert (told.hot_days, told.hot_probability, told.hot_low, told.hot_high) == (
        14, 0.25, 0.125, 0.5,
    )  # fmt: skip
    assert (told.warm_days, told.warm_probability) == (90, 0.5)
    assert (told.band, told.previous_band, told.purpose) == ("warm", "hot", "work")
    assert [(reason.signal, reason.points) for reason in told.reasons] == [
        ("price questions", 12.5),
        ("", -0.1),
    ]
    assert told.change is None


def test_a_change_is_the_difference_to_the_answer_before() -> None:
    later = replace(
        answer("L1", 3, 0.375), band="hot", model_version="v2",
        warm=HorizonPromise(90, 0.75, 0.5, 1.0), features=b"other",
    )  # fmt: skip
    change = lead_history("L1", [ANSWER, later]).answers[1].change
    assert change is not None
    assert (change.hot_points, change.warm_points) == (pytest.approx(12.5), pytest.approx(25))
    assert (change.same_band, change.same_model, change.same_features) == (False, False, False)


def test_the_same_answer_later_changes_nothing() -> None:
    change = lead_history("L1", [ANSWER, answer("L1", 1)]).answers[1].change
    assert change is not None
    assert (change.hot_points, change.warm_points) == (0, 0)
    assert (change.same_band, change.same_model, change.same_features) == (True, True, True)


def test_without_a_warm_answer_its_change_is_not_told() -> None:
    history = lead_history("L1", [ANSWER, replace(answer("L1", 1), warm=None)])
    assert history.answers[1].warm_probability is None
    assert history.answers[1].change is not None
    assert history.answers[1].change.warm_points is None


def test_a_lead_that_nobody_knows_has_no_answers() -> None:
    assert lead_history("L1", []).answers == ()
