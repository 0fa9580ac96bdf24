"""Contact speed and the funnel: each count against a plain loop over the export."""

import math

import numpy as np
import pytest

from features.language.kinds import Selection
from tests.support.practice import made_up
from tests.support.tables import tables_of
from training.team.contact import contact_speed, funnel
from training.team.grouping import cohort


def test_speeds_are_compared_among_leads_still_open_on_the_third_day():
    tables = made_up(800)
    found = contact_speed(tables, cohort(tables), 60)
    first: dict[str, float] = {}
    created = {row["lead_id"]: row["created_at"] for row in tables.leads.to_pylist()}
    for event in tables.interactions.to_pylist():
        if event["direction"] == "outbound":
            hours = (event["occurred_at"] - created[event["lead_id"]]).total_seconds() / 3600
            first[event["lead_id"]] = min(hours, first.get(event["lead_id"], math.inf))
    expected = dict.fromkeys([(0.0, 1.0), (1.0, 4.0), (4.0, 24.0), (24.0, 72.0), (None, None)], 0)
    sales = dict(expected)
    for row in tables.leads.to_pylist():
        end = min(row["converted_at"] or math.inf, row["closed_at"] or math.inf, key=_stamp)
        age = (tables.data_end / 1e6 - row["created_at"].timestamp()) / 86_400
        if _stamp(end) <= row["created_at"].timestamp() + 3 * 86_400 or age <= 3:
            continue
        hours = first.get(row["lead_id"], math.inf)
        span = next(
            (s for s in expected if s[0] is not None and s[0] <= hours < s[1]), (None, None)
        )
        expected[span] += 1
        if row["converted_at"]:
            days = (row["converted_at"] - row["created_at"]).total_seconds() / 86_400
            sales[span] += days <= 63
    shown = {(g.from_hours, g.to_hours): g.conversion for g in found.groups}
    assert {span: one.leads for span, one in shown.items()} == expected
    assert {span: one.bought for span, one in shown.items()} == sales


def _stamp(moment) -> float:
    return moment if moment == math.inf else moment.timestamp()


def test_a_contact_that_nothing_depends_on_is_worth_nothing_though_buyers_leave_early():
    """Purchases at a rate that knows no contact: by the landmark no speed looks better."""
    random = np.random.default_rng(5)
    rows = [
        {"lead_id": str(i), "created_at": 0, "converted_at": d if d < 100 else None}
        for i, d in enumerate(random.exponential(30, 6000).tolist())
    ]
    events = [
        {"lead_id": str(i), "occurred_at": at, "direction": "outbound"}
        for i, at in enumerate(random.exponential(2, 6000).tolist())
        if at < (rows[i]["converted_at"] or 100)
    ]
    tables = tables_of(rows, events)
    found = contact_speed(tables, cohort(tables), 30)
    truth = 1 - math.exp(-1)
    for group in found.groups:
        assert group.conversion.share.low < truth < group.conversion.share.high


def test_without_directions_nothing_is_said_about_speed():
    tables = tables_of(
        [{"lead_id": "a", "created_at": 0}], [{"lead_id": "a", "occurred_at": 1, "kind": "call"}]
    )
    assert contact_speed(tables, cohort(tables), 30) is None


@pytest.mark.parametrize(
    "steps",
    [
        (
            ("contacted", Selection(direction=("outbound",))),
            ("responded", Selection(direction=("inbound",))),
        ),
        (("quoted", Selection(kind=("quote",), channel=("phone", "web"))),),
        (),
    ],
)
def test_the_funnel_counts_leads_that_reached_every_step_in_time(steps):
    tables = made_up()
    found = funnel(tables, cohort(tables), 60, steps)
    rows, end = tables.leads.to_pylist(), tables.data_end / 1e6
    events = tables.interactions.to_pylist()
    left = [r for r in rows if end - r["created_at"].timestamp() >= 60 * 86_400]
    counts = [len(left)]
    for _, selection in steps:
        left = [
            row
            for row in left
            if any(
                e["lead_id"] == row["lead_id"]
                and all(e[field] in values for field, values in selection.conditions())
                and 0 <= (e["occurred_at"] - row["created_at"]).total_seconds() < 60 * 86_400
                and (row["converted_at"] is None or e["occurred_at"] < row["converted_at"])
                for e in events
            )
        ]
        counts.append(len(left))
    bought = [
        row
        for row in left
        if row["converted_at"]
        and (row["converted_at"] - row["created_at"]).total_seconds() <= 60 * 86_400
    ]
    assert [step.leads for step in found] == [*counts, len(bought)]
    assert [step.name for step in found] == ["leads", *(name for name, _ in steps), "bought"]
    assert found[0].of_previous is None
    assert found[-1].of_all.value == pytest.approx(len(bought) / counts[0])


def test_a_contact_before_the_lead_is_created_is_none_in_funnel_and_speed_alike():
    tables = tables_of(
        [{"lead_id": str(i), "created_at": 10} for i in range(40)],
        [{"lead_id": str(i), "occurred_at": 8, "direction": "outbound"} for i in range(40)],
        end_day=200,
    )
    assert [step.leads for step in funnel(tables, cohort(tables), 60)][:2] == [40, 0]
    speed = contact_speed(tables, cohort(tables), 60)
    assert [group.conversion.leads for group in speed.groups][-1] == 40
