"""When something was first known of leads, against their outcome."""

import numpy as np
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from training.audit.timing import LeadShare, conversions_after, timing
from training.dataset.lives import Lives


def days(*values: float | None) -> np.ndarray:
    return np.array([NEVER if v is None else round(v * DAY) for v in values], np.int64)


def lives(created: list[float], converted: list[float | None], closed: list[float | None]) -> Lives:
    ended = np.minimum(days(*converted), days(*closed))
    return Lives(days(*created), days(*converted), ended, round(100 * DAY))


SECOND = 1 / 86_400


def test_late_is_with_the_outcome_within_a_second_or_after_it() -> None:
    converted = [10.0] * 5
    known = days(10 - 2 * SECOND, 10 - SECOND / 2, 10, 12, 3)
    found = timing(known, lives([0.0] * 5, converted, [None] * 5), step_days=1)
    assert (found.known_late.count, found.known_late.total) == (3, 5)
    assert (found.near_won.count, found.near_won.total) == (1, 5)


def test_after_the_outcome_only_as_long_is_looked_as_the_lead_had_lived_before() -> None:
    known = days(19, 21)
    found = timing(known, lives([0.0] * 2, [10.0] * 2, [None] * 2), step_days=1)
    assert found.known_late == LeadShare(1, 1)
    assert found.won == LeadShare(2, 2)


def test_leads_that_ended_as_they_were_created_are_not_judged() -> None:
    found = timing(days(5, 5), lives([5.0, 0.0], [None] * 2, [5.0, 20.0]), step_days=1)
    assert found.known_late == LeadShare(0, 1)


def test_leads_are_counted_by_what_became_of_them() -> None:
    found = timing(
        days(1, None, 1, 1, None),
        lives([0.0] * 5, [9, 9, None, None, None], [None, None, 9, None, None]),
        step_days=1,
    )
    assert (found.won, found.lost, found.open) == (
        LeadShare(1, 2),
        LeadShare(1, 1),
        LeadShare(1, 2),
    )


def test_what_follows_is_counted_where_there_was_time_and_no_outcome_yet() -> None:
    # converted later; known with the outcome; lost later; still open; known too late to judge
    known = days(5, 20, 5, 5, 95)
    found = conversions_after(
        known, lives([0.0] * 5, [20, 20, None, None, 99], [None, None, 9, None, None]), 10
    )
    assert found == LeadShare(1, 3)


def test_within_a_day_of_the_sale_is_a_day_and_a_second_before_it_or_later() -> None:
    known = days(10 - 1 - 2 * SECOND, 10 - 1 - SECOND / 2, 10 - 0.5, 12, 3, 5)
    converted = [10.0] * 5 + [None]
    found = timing(known, lives([0.0] * 6, converted, [None] * 5 + [5.5]), step_days=1)
    assert found.within_day_won == LeadShare(3, 5)


def test_the_median_of_the_days_before_the_sale_counts_leads_that_converted() -> None:
    known = days(1, 4, 8, 9)
    found = timing(known, lives([0.0] * 4, [10.0, 10, 10, None], [None] * 3 + [9.5]), step_days=1)
    assert found.days_before_won == 6.0
    none = timing(days(None), lives([0.0], [10.0], [None]), step_days=1)
    assert none.days_before_won is None


def test_a_share_of_nobody_may_be_anything() -> None:
    nobody = LeadShare(0, 0)
    assert (nobody.share, nobody.low, nobody.high) == (None, 0.0, 1.0)
    assert LeadShare(50, 100).low == pytest.approx(0.3437, abs=0.0001)
