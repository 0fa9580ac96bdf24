"""A lead of a request, counted by walking over it, against plain loops and the sweeps."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.additions import MOST_REMEMBERED
from features.engine import features_of, features_of_record
from features.history import MEASURE_LIMIT, LeadRecord, single_history
from features.kinds import Count, Selection, Total
from features.plan import compiled
from features.single import MOST_INTERACTIONS
from features.spec import Spec
from tests.support.histories import DAY, KINDS, LOGGED, leads, naive_row, specs

COUNT = Spec((Count(Selection(kind=("a",)), None), Count(Selection(), 7)))


def record_of(lead: dict[str, Any], as_of: int) -> LeadRecord:
    """The lead as the CRM sends it: its attributes as known at the instant."""
    known = {
        name: value for moment, name, value in lead["versions"] if name in LOGGED and moment < as_of
    }
    return LeadRecord(lead["created_at"], lead["interactions"], known | {"owner": lead["owner"]})


def event(occurred_at: int, **values: Any) -> dict[str, Any]:
    return {"occurred_at": occurred_at, "recorded_at": occurred_at, **values}


@settings(max_examples=300, deadline=None)
@given(specs, leads())
def test_a_lead_of_a_request_equals_plain_loops_bit_for_bit(
    spec: Spec, lead: dict[str, Any]
) -> None:
    plan = compiled(spec)
    for as_of in lead["as_of"]:
        found = features_of_record(plan, record_of(lead, as_of), as_of)
        np.testing.assert_array_equal(found, naive_row(spec, lead, as_of).reshape(1, -1))


@settings(max_examples=100, deadline=None)
@given(specs, leads())
def test_walking_and_sweeping_give_the_same_bits(spec: Spec, lead: dict[str, Any]) -> None:
    plan = compiled(spec)
    for as_of in lead["as_of"]:
        record = record_of(lead, as_of)
        swept = features_of(
            plan, single_history(*record, KINDS, ["value"]), np.array([0]), np.array([as_of])
        )
        walked = features_of_record(plan, record, as_of)
        assert walked.tobytes() == swept.tobytes()


@pytest.mark.parametrize("number", [MOST_INTERACTIONS, MOST_INTERACTIONS + 1])
def test_no_interaction_is_lost_where_walking_ends_and_sweeping_begins(number: int) -> None:
    record = LeadRecord(0, [event(DAY + i, kind="a") for i in range(number)], {})
    assert features_of_record(compiled(COUNT), record, 2 * DAY).tolist() == [[number, number]]


def test_a_client_that_makes_up_words_makes_no_memory_grow() -> None:
    plan = compiled(COUNT)
    for word in range(MOST_REMEMBERED + 100):
        record = LeadRecord(0, [event(DAY, kind=f"made up {word}")], {})
        assert features_of_record(plan, record, 2 * DAY).tolist() == [[0, 1]]
    assert plan.additions.of.cache_info().currsize == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [math.inf, 2 * MEASURE_LIMIT])
def test_a_measure_beyond_the_limit_is_refused(value: float) -> None:
    spec = Spec((Total(Selection(), "value", None),), {}, ("value",))
    record = LeadRecord(0, [event(DAY, value=value)], {})
    with pytest.raises(ValueError, match="A measure must lie within"):
        features_of_record(compiled(spec), record, 2 * DAY)


@given(st.sampled_from([0.00005, 0.00015, 12.34565, -0.00025]))
def test_a_measure_is_rounded_as_in_a_batch(value: float) -> None:
    spec = Spec((Total(Selection(), "value", None),), {}, ("value",))
    record = LeadRecord(0, [event(DAY, value=value)], {})
    swept = features_of(
        compiled(spec), single_history(*record, {}, ["value"]), np.array([0]), np.array([2 * DAY])
    )
    assert features_of_record(compiled(spec), record, 2 * DAY).tobytes() == swept.tobytes()
