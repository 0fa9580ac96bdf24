"""The executor against plain loops, alone against together, and against the future."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.history import single_history
from features.language.kinds import Count, DaysSinceLatest, Selection
from features.language.spec import Spec
from tests.support.features import feature_matrix
from tests.support.histories import DAY, KINDS, histories_of, leads, naive_row, specs

many = st.lists(leads(), min_size=1, max_size=5)


def matrix(spec: Spec, found: list[dict[str, Any]]) -> np.ndarray:
    lead = np.repeat(np.arange(len(found)), [len(one["as_of"]) for one in found])
    as_of = np.array([moment for one in found for moment in one["as_of"]], np.int64)
    return feature_matrix(spec, histories_of(found), lead.astype(np.int64), as_of)


@settings(max_examples=300, deadline=None)
@given(specs, many)
def test_features_equal_plain_loops_bit_for_bit(spec: Spec, found: list[dict[str, Any]]) -> None:
    expected = [naive_row(spec, one, moment) for one in found for moment in one["as_of"]]
    computed = matrix(spec, found)
    for column, name in enumerate(spec.names):
        by_loops = [row[column] for row in expected]
        np.testing.assert_array_equal(computed[:, column], by_loops, err_msg=name)


@settings(max_examples=100, deadline=None)
@given(specs, many)
def test_a_lead_alone_has_the_bits_it_has_among_others(
    spec: Spec, found: list[dict[str, Any]]
) -> None:
    together = matrix(spec, found)
    alone = np.concatenate([matrix(spec, [one]) for one in found])
    assert together.tobytes() == alone.tobytes()


@settings(max_examples=100, deadline=None)
@given(specs, leads(), st.randoms(use_true_random=False))
def test_the_order_of_the_log_does_not_matter(
    spec: Spec, lead: dict[str, Any], random: Any
) -> None:
    shuffled = dict(
        lead, interactions=random.sample(lead["interactions"], len(lead["interactions"]))
    )
    assert matrix(spec, [lead]).tobytes() == matrix(spec, [shuffled]).tobytes()


@settings(max_examples=100, deadline=None)
@given(specs, leads())
def test_nothing_that_is_known_later_can_change_a_row(spec: Spec, lead: dict[str, Any]) -> None:
    first = min(lead["as_of"])
    past = dict(
        lead,
        as_of=[first],
        interactions=[
            e for e in lead["interactions"] if max(e["occurred_at"], e["recorded_at"]) < first
        ],
        versions=[v for v in lead["versions"] if v[0] < first],
    )
    whole = dict(lead, as_of=[first])
    assert matrix(spec, [whole]).tobytes() == matrix(spec, [past]).tobytes()


def event(occurred_at: int, recorded_at: int | None = None, **values: Any) -> dict[str, Any]:
    recorded = occurred_at if recorded_at is None else recorded_at
    return {"occurred_at": occurred_at, "recorded_at": recorded, **values}


def one_row(spec: Spec, interactions: list[dict[str, Any]], as_of: int) -> list[float]:
    history = single_history(0, interactions, {}, {}, [])
    return feature_matrix(spec, history, np.array([0]), np.array([as_of]))[0].tolist()


def test_an_interaction_at_the_instant_itself_is_not_known_yet() -> None:
    spec = Spec((Count(Selection(), None),))
    assert one_row(spec, [event(5 * DAY)], 5 * DAY) == [0]
    assert one_row(spec, [event(5 * DAY)], 5 * DAY + 1) == [1]


def test_a_call_entered_late_counts_only_once_it_is_entered() -> None:
    spec = Spec((Count(Selection(), 7), DaysSinceLatest(Selection())))
    late = [event(2 * DAY, recorded_at=4 * DAY)]
    assert one_row(spec, late, 4 * DAY)[0] == 0
    assert one_row(spec, late, 6 * DAY) == [1, 4]


def test_a_meeting_booked_ahead_counts_only_once_it_has_taken_place() -> None:
    spec = Spec((Count(Selection(), 7),))
    booked = [event(5 * DAY, recorded_at=1 * DAY)]
    assert one_row(spec, booked, 3 * DAY) == [0]
    assert one_row(spec, booked, 6 * DAY) == [1]


def test_a_window_is_closed_at_its_start_and_open_at_its_end() -> None:
    spec = Spec((Count(Selection(), 3),))
    assert one_row(spec, [event(2 * DAY)], 5 * DAY) == [1]
    assert one_row(spec, [event(2 * DAY)], 5 * DAY + 1) == [0]


def test_one_lead_from_a_request_equals_the_same_lead_in_a_table() -> None:
    spec = Spec((Count(Selection(kind=("a",)), 3), DaysSinceLatest(Selection())), KINDS, ("value",))
    interactions = [
        event(DAY, kind="a", value=1.5, channel=None, direction=None, outcome=None, agent=None),
        event(
            2 * DAY,
            3 * DAY,
            kind="b",
            value=None,
            channel="c",
            direction=None,
            outcome=None,
            agent=None,
        ),
    ]
    lead = {
        "created_at": 0,
        "interactions": interactions,
        "versions": [],
        "owner": "c",
        "as_of": [4 * DAY],
    }
    single = single_history(0, interactions, {"owner": "c"}, KINDS, ["value"])
    alone = feature_matrix(spec, single, np.array([0]), np.array([4 * DAY]))
    assert alone.tobytes() == matrix(spec, [lead]).tobytes()


@settings(max_examples=80, deadline=None)
@given(specs, leads(), st.integers(1, 5))
def test_recording_later_changes_no_row_before_and_shows_no_more_than_was_known(
    spec: Spec, lead: dict[str, Any], delay: int
) -> None:
    """Delay all that is recorded after an instant: rows up to then stay; later ones see it late."""
    cut = 8 * DAY
    delayed = dict(
        lead,
        interactions=[
            dict(e, recorded_at=e["recorded_at"] + delay * DAY) if e["recorded_at"] >= cut else e
            for e in lead["interactions"]
        ],
        versions=[(v[0] + delay * DAY, *v[1:]) if v[0] >= cut else v for v in lead["versions"]],
    )
    before = [moment for moment in lead["as_of"] if moment <= cut] or [cut]
    assert (
        matrix(spec, [dict(lead, as_of=before)]).tobytes()
        == matrix(spec, [dict(delayed, as_of=before)]).tobytes()
    )
    after = [moment for moment in lead["as_of"] if moment > cut] or [cut + DAY]
    expected = np.array([naive_row(spec, delayed, moment) for moment in after])
    np.testing.assert_array_equal(matrix(spec, [dict(delayed, as_of=after)]), expected)
