"""Until `valid_until` the same interactions count in the same windows, and then they may not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.history import LeadRecord, single_history
from features.language.kinds import (
    Count,
    Decayed,
    Distinct,
    LatestValue,
    LeadAge,
    Maximum,
    Selection,
    Streak,
    Total,
    Trend,
)
from features.language.spec import Spec
from models.course.freshness import Freshness, freshness, windows
from tests.support.features import feature_matrix
from tests.support.histories import DAY, WORDS, events, instants

ANY, A = Selection(), Selection(kind=("a",))
SPEC = Spec(
    (
        *(Count(one, days) for one in (ANY, A) for days in (None, 1, 3)),
        Total(A, "value", 7),
        Maximum(ANY, "value", 3),
        Distinct(ANY, "kind", WORDS, 7),
        Trend(A, 1, 7),
        LatestValue(ANY, "outcome", WORDS),
        Streak(ANY, A),
    ),
    measures=("value",),
    ignored={"channel": ("d",)},
)
"""Features that change only when something comes or goes."""
AS_OF = 10 * DAY
records = st.lists(events(), max_size=8).map(lambda found: LeadRecord(0, found, {}))


def fresh(record: LeadRecord, as_of: int = AS_OF) -> Freshness:
    return freshness(record, as_of, windows(SPEC), SPEC.ignored)


def event(occurred_at: float, recorded_at: float | None = None, **fields: Any) -> dict[str, Any]:
    """An interaction; times in days."""
    recorded_at = occurred_at if recorded_at is None else recorded_at
    times = {"occurred_at": int(occurred_at * DAY), "recorded_at": int(recorded_at * DAY)}
    return {**times, "kind": "a", **fields}


@settings(max_examples=150, deadline=None)
@given(record=records, as_of=instants, share=st.floats(0, 1))
def test_nothing_comes_or_goes_before_it(record, as_of: int, share: float) -> None:
    until = fresh(record, as_of).valid_until
    assert as_of <= until <= as_of + DAY
    history = single_history(*record, SPEC.attribute_kinds, SPEC.measures)
    instants = np.array([as_of, as_of + int(share * (until - as_of)), until])
    now, between, last = feature_matrix(SPEC, history, np.zeros(3, np.int64), instants)
    np.testing.assert_array_equal(between, now)
    np.testing.assert_array_equal(last, now)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(event(7.25), id="leaves a window of 3 days"),
        pytest.param(event(10.25, 4.0), id="a meeting that was booked"),
        pytest.param(event(9.9, 10.25), id="a call that is entered late"),
    ],
)
def test_what_comes_or_goes_next_ends_it_at_its_microsecond(one: dict[str, Any]) -> None:
    record = LeadRecord(0, [one], {})
    until = fresh(record).valid_until
    assert until == int(10.25 * DAY)
    history = single_history(*record, SPEC.attribute_kinds, SPEC.measures)
    instants = np.array([until, until + 1])
    before, after = feature_matrix(SPEC, history, np.zeros(2, np.int64), instants)
    assert before.tolist() != after.tolist()


def test_what_is_at_the_edge_of_a_window_ends_it_at_once() -> None:
    assert fresh(LeadRecord(0, [event(7)], {})).valid_until == AS_OF
    assert fresh(LeadRecord(0, [event(10)], {})).valid_until == AS_OF


def test_where_nothing_comes_or_goes_it_is_a_day() -> None:
    assert fresh(LeadRecord(0, [event(1.5), event(20)], {})).valid_until == AS_OF + DAY


def test_the_newest_interaction_is_the_one_that_occurred_last_of_those_that_count() -> None:
    later = [event(9.5, 12), event(15, 2), event(9.8, channel="d")]
    record = LeadRecord(0, [event(9), event(3, 9.9), *later], {})
    assert fresh(record).newest_interaction_days == 1.0


def test_without_an_interaction_that_counts_there_is_no_newest() -> None:
    assert fresh(LeadRecord(0, [event(10)], {})).newest_interaction_days is None
    assert fresh(LeadRecord(0, [], {})) == Freshness(None, AS_OF + DAY)


def test_what_the_model_ignores_neither_comes_nor_goes() -> None:
    ignored = [event(7.25, channel="d"), event(10.25, channel="d")]
    assert fresh(LeadRecord(0, ignored, {})) == Freshness(None, AS_OF + DAY)


def test_half_lives_and_whole_histories_are_no_windows() -> None:
    features = (LeadAge(), Decayed(ANY, 14), Count(ANY, None), Trend(ANY, 2, 9), Count(A, 9))
    assert windows(Spec(features)) == (2, 9)
