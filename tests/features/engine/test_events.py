import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.arrays import NEVER
from features.engine.events import events_of
from features.engine.plan import compile_plan
from features.language.kinds import Count, Selection
from features.language.spec import Spec
from tests.support.histories import KINDS, histories_of, known_at, leads, specs

many = st.lists(leads(), min_size=1, max_size=3)


@settings(deadline=None)
@given(specs, many)
def test_events_stand_in_the_order_of_lead_then_of_becoming_known(
    spec: Spec, found: list[dict[str, Any]]
) -> None:
    events = events_of(compile_plan(spec), histories_of(found))
    histories = events.histories
    lead = np.zeros(len(events), np.int64) if events.lead is None else events.lead
    keys = list(
        zip(lead.tolist(), events.known_at.tolist(), histories.occurred_at.tolist(), strict=True)
    )
    assert keys == sorted(keys)
    ignored = spec.ignored.items()
    expected = sorted(
        (i, NEVER if any(e[n] in v for n, v in ignored) else known_at(e), e["occurred_at"])
        for i, one in enumerate(found)
        for e in one["interactions"]
    )
    assert keys == expected


@settings(deadline=None)
@given(specs, many)
def test_ranks_follow_the_order_of_occurring(spec: Spec, found: list[dict[str, Any]]) -> None:
    events = events_of(compile_plan(spec), histories_of(found))
    occurred_at = events.histories.occurred_at
    assert sorted(events.rank.tolist()) == list(range(len(events)))
    assert events.occurred_in_order[events.rank].tolist() == occurred_at.tolist()
    offsets = events.histories.offsets
    for begin, end in itertools.pairwise(offsets.tolist()):
        times = events.occurred_in_order[begin:end].tolist()
        assert times == sorted(times)
        assert sorted(events.rank[begin:end].tolist()) == list(range(begin, end))
    ties = any(
        len({e["occurred_at"] for e in one["interactions"]}) < len(one["interactions"])
        for one in found
    )
    assert events.any_tie() == ties


@settings(deadline=None)
@given(specs, many)
def test_a_selection_looks_at_the_events_that_its_conditions_and_owner_admit(
    spec: Spec, found: list[dict[str, Any]]
) -> None:
    plan = compile_plan(replace(spec, ignored={}))
    events = events_of(plan, histories_of(found))
    expected = []
    for one in found:
        for event in sorted(one["interactions"], key=lambda e: (known_at(e), e["occurred_at"])):
            agent, owner = event["agent"], one["owner"]
            row = []
            for selection in plan.selections:
                admitted = all(event[name] in values for name, values in selection.conditions())
                if selection.by_owner is not None:
                    admitted &= None not in (agent, owner)
                    admitted &= (agent == owner) is selection.by_owner
                row.append(admitted)
            expected.append(((known_at(event), event["occurred_at"]), row))
    order = [clocks for clocks, _ in expected]
    if len(set(order)) == len(order):  # events at one instant may stand in any order
        assert events.is_selected.T.tolist() == [row for _, row in expected]
    assert events.is_selected.sum() == sum(sum(row) for _, row in expected)


def test_an_owner_that_may_change_is_refused() -> None:
    spec = Spec((Count(Selection(by_owner=True), 7),), KINDS, (), "owner")
    event = {"occurred_at": 1, "recorded_at": 1, "value": None, "kind": "a", "channel": None}
    event |= {"direction": None, "outcome": None, "agent": "a"}
    lead = {"created_at": 0, "interactions": [event], "versions": [], "owner": "a", "as_of": [2]}
    histories = histories_of([lead])
    assert events_of(compile_plan(spec), histories).is_selected.tolist() == [[True]]
    changing = replace(histories.attributes["owner"], is_fixed=False)
    moved = replace(histories, attributes={**histories.attributes, "owner": changing})
    with pytest.raises(ValueError, match="must be a category that is fixed at creation"):
        events_of(compile_plan(spec), moved)
