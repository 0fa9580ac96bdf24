from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import exact
from features.engine.exact import exact_answers
from features.engine.history import MEASURE_SCALE, MISSING, single_history
from features.engine.plan import compile_plan
from features.engine.questions import WEIGHT_SCALE
from features.language.kinds import (
    Count,
    DaysSinceFirst,
    DaysSinceLatest,
    Decayed,
    LatestValue,
    Maximum,
    Selection,
    Streak,
    Total,
)
from features.language.spec import Spec
from tests.support.histories import DAY, histories_of, leads, specs

ANY = Selection()
CALLS = Selection(kind=("call",))
VISITS = Selection(kind=("visit",))


def answers_of(*features: Any, as_of: int) -> exact.ExactAnswers:
    events = [
        {"occurred_at": 1 * DAY, "recorded_at": 1 * DAY, "kind": "call", "minutes": 2.5},
        {"occurred_at": 2 * DAY, "recorded_at": 8 * DAY, "kind": "visit", "minutes": 7.0},
        {"occurred_at": 4 * DAY, "recorded_at": 4 * DAY, "kind": "call"},
        {"occurred_at": 9 * DAY, "recorded_at": 3 * DAY, "kind": "visit", "minutes": 1.0},
    ]
    spec = Spec(features, {}, ("minutes",))
    history = single_history(0, events, {}, {}, ["minutes"])
    return exact_answers(compile_plan(spec), history, np.array([0]), np.array([as_of]))


@pytest.mark.parametrize(
    ("day", "calls", "in_three_days", "minutes"),
    [(1, 0, 0, 0), (2, 1, 1, 25_000), (5, 2, 1, 25_000), (8, 2, 0, 25_000), (9, 2, 0, 95_000)],
)
def test_sums_hold_what_was_known(day: int, calls: int, in_three_days: int, minutes: int) -> None:
    """A visit of day 2 is entered on day 8; the one of day 9 was booked and never counts before."""
    features = (Count(CALLS, None), Total(ANY, "minutes", None), Count(ANY, 3))
    found = answers_of(*features, as_of=day * DAY)
    assert found.counts[:, 0].tolist() == [calls, minutes, in_three_days]


def test_a_late_entry_leaves_a_window_by_when_it_occurred() -> None:
    counts = [
        int(answers_of(Count(VISITS, 7), as_of=day * DAY + 1).counts[0, 0]) for day in range(7, 18)
    ]
    assert counts == [0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0][: len(counts)]


def test_instants_and_levels_are_of_the_latest_that_is_known() -> None:
    features = (DaysSinceLatest(ANY), DaysSinceFirst(VISITS), LatestValue(ANY, "kind", ("visit",)))
    early, late = (answers_of(*features, as_of=day * DAY) for day in (5, 10))
    assert early.instants[:, 0].tolist() == [4 * DAY, MISSING]
    assert late.instants[:, 0].tolist() == [9 * DAY, 2 * DAY]
    assert (early.latest[0, 0], late.latest[0, 0]) == (1, 0)  # another one, then a visit


def test_the_largest_value_and_the_weights_look_at_each_event() -> None:
    found = answers_of(Maximum(ANY, "minutes", None), Decayed(CALLS, 1), as_of=5 * DAY)
    assert found.largest[0, 0] == 2.5 * MEASURE_SCALE
    assert found.counts[0, 0] == WEIGHT_SCALE // 16 + WEIGHT_SCALE // 2
    assert answers_of(Maximum(ANY, "minutes", 3), as_of=5 * DAY).largest[0, 0] == MISSING


def test_a_run_counts_what_became_known_after_the_latest_of_the_other() -> None:
    runs = [answers_of(Streak(CALLS, VISITS), as_of=day * DAY).counts[0, 0] for day in (5, 9)]
    assert runs == [2, 0]  # the visit that is entered on day 8 ends it


@settings(deadline=None)
@given(specs, st.lists(leads(), min_size=1, max_size=3), st.sampled_from([1, 3]))
def test_pairs_may_be_looked_at_in_chunks_of_any_size(
    spec: Spec, found: list[dict[str, Any]], most: int
) -> None:
    plan, histories = compile_plan(spec), histories_of(found)
    lead = np.repeat(np.arange(len(found)), [len(one["as_of"]) for one in found])
    as_of = np.array([instant for one in found for instant in one["as_of"]], np.int64)
    together = exact_answers(plan, histories, lead, as_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "MOST_PAIRS", most)
        in_chunks = exact_answers(plan, histories, lead, as_of)
    for name in ("counts", "instants", "largest", "latest"):
        np.testing.assert_array_equal(getattr(in_chunks, name), getattr(together, name))
