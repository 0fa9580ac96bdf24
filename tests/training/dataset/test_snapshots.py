"""Neither the grid nor a trigger can see the outcome; immature is not negative."""

from dataclasses import replace

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import Spine
from tests.support.tables import tables_of
from training.config import SnapshotSettings
from training.dataset.snapshots import effective_leads, labels, snapshots, triggered_looks

GRID = SnapshotSettings(first_days=0, every_days=7, until_days=28)


def days(spine) -> list[tuple[int, float]]:
    return list(zip(spine.lead.tolist(), (spine.as_of / DAY).tolist(), strict=True))


def test_a_lead_is_looked_at_from_creation_while_it_is_open() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "converted_at": 20}])
    assert days(snapshots(tables, GRID)) == [(0, 10), (0, 17)]


def test_a_lost_lead_is_looked_at_no_more() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "closed_at": 17}])
    assert days(snapshots(tables, GRID)) == [(0, 10)]


def test_a_refused_lead_is_looked_at_for_the_stated_time_and_no_longer() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "closed_at": 17, "converted_at": 35}])
    after = GRID.model_copy(update={"after_refusal_days": 14.0})
    tables = replace(tables, after_refusal=14 * DAY)
    spine = snapshots(tables, after)
    assert days(spine) == [(0, 10), (0, 17), (0, 24)]
    assert labels(tables, spine, 14).converted.tolist() == [False, False, True]


def test_an_export_that_was_read_for_another_time_after_a_refusal_is_refused() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10}])
    with pytest.raises(ValueError, match=r"after_refusal_days is 14\.0.*read it again"):
        snapshots(tables, GRID.model_copy(update={"after_refusal_days": 14.0}))
    with pytest.raises(ValueError, match="after_refusal_days is None"):
        snapshots(replace(tables, after_refusal=DAY), GRID)


def test_the_grid_ends_with_the_data() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 90}], end_day=100)
    assert days(snapshots(tables, GRID)) == [(0, 90), (0, 97)]


def test_instants_do_not_depend_on_what_comes_later() -> None:
    converted = tables_of([{"lead_id": "a", "created_at": 10, "converted_at": 30}])
    never = tables_of([{"lead_id": "a", "created_at": 10}])
    shared = days(snapshots(converted, GRID))
    assert days(snapshots(never, GRID))[: len(shared)] == shared


def test_no_open_lead_is_an_error_that_names_the_settings() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "closed_at": 10}])
    with pytest.raises(ValueError, match=r"check \[snapshots\]"):
        snapshots(tables, GRID)


def test_a_label_is_a_conversion_within_the_horizon() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 0, "converted_at": 20}])
    spine = snapshots(tables, GRID)
    assert labels(tables, spine, 6).converted.tolist() == [False, False, True]
    assert labels(tables, spine, 13).converted.tolist() == [False, True, True]


def test_a_label_is_mature_when_its_horizon_ended_before_the_data_did() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 80, "converted_at": 99}], end_day=100)
    found = labels(tables, snapshots(tables, GRID), 14)
    assert found.mature.tolist() == [True, False, False]
    assert found.converted.tolist() == [False, True, True]


def test_maturity_does_not_depend_on_the_outcome() -> None:
    rows = [
        {"lead_id": "a", "created_at": 85, "converted_at": 99.5},
        {"lead_id": "b", "created_at": 85},
    ]
    tables = tables_of(rows, end_day=100)
    spine = snapshots(tables, GRID)
    mature = labels(tables, spine, 14).mature
    assert np.array_equal(mature[spine.lead == 0], mature[spine.lead == 1])


INBOUND = {"lead_id": "a", "direction": "inbound", "kind": "question", "channel": "mail"}
TRIGGERED = GRID.model_copy(update={"triggers": ("inbound",)})
SECOND = 1 / 86_400


def test_a_trigger_is_followed_by_a_look_once_it_is_known() -> None:
    events = [
        {**INBOUND, "occurred_at": 11.2, "recorded_at": 11.4},
        {**INBOUND, "occurred_at": 12.5, "direction": "outbound"},
    ]
    tables = tables_of([{"lead_id": "a", "created_at": 10, "converted_at": 20}], events)
    found = [day for _, day in days(snapshots(tables, TRIGGERED))]
    assert found == pytest.approx([10, 11.4 + SECOND, 17], abs=1e-9)


@pytest.mark.parametrize("name", ["inbound", "question", "mail"])
def test_a_trigger_is_a_direction_a_kind_or_a_channel(name: str) -> None:
    events = [{**INBOUND, "occurred_at": 11.0}]
    tables = tables_of([{"lead_id": "a", "created_at": 10}], events)
    settings = GRID.model_copy(update={"triggers": ("other", name)})
    with pytest.raises(ValueError, match="'other'"):
        triggered_looks(tables, settings)
    found = triggered_looks(tables, GRID.model_copy(update={"triggers": (name,)}))
    assert len(found.spine) == 1


def test_of_a_day_the_first_trigger_alone_is_looked_after() -> None:
    """To look after the last one would be to know that no other follows."""
    at = [11.1, 11.3, 11.9, 12.1]
    tables = tables_of(
        [{"lead_id": "a", "created_at": 10}], [{**INBOUND, "occurred_at": day} for day in at]
    )
    found = [day for _, day in days(triggered_looks(tables, TRIGGERED).spine)]
    assert found == pytest.approx([11.1 + SECOND, 12.1 + SECOND], abs=1e-9)


def test_what_comes_later_changes_no_triggered_look() -> None:
    events = [{**INBOUND, "occurred_at": day} for day in (11.1, 11.3, 15.0, 23.0)]
    won = tables_of([{"lead_id": "a", "created_at": 10, "converted_at": 16}], events)
    never = tables_of([{"lead_id": "a", "created_at": 10}], events[:3])
    shared = days(snapshots(won, TRIGGERED))
    assert days(snapshots(never, TRIGGERED))[: len(shared)] == shared


def test_no_look_follows_on_a_trigger_before_the_first_or_after_the_last_age() -> None:
    events = [{**INBOUND, "occurred_at": day} for day in (10.5, 14.0, 39.0)]
    tables = tables_of([{"lead_id": "a", "created_at": 10}], events)
    settings = TRIGGERED.model_copy(update={"first_days": 1.0})
    found = [day for _, day in days(triggered_looks(tables, settings).spine)]
    assert found == pytest.approx([14 + SECOND])


def test_a_trigger_that_is_nowhere_is_an_error_with_the_nearest_name() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10}], [{**INBOUND, "occurred_at": 11.0}])
    settings = GRID.model_copy(update={"triggers": ("inbund",)})
    with pytest.raises(ValueError, match=r"triggers: .*'inbund'.*inbound"):
        snapshots(tables, settings)


def test_leads_with_equally_many_looks_count_whole() -> None:
    lead = np.repeat(np.arange(5), 3)
    assert effective_leads(Spine(lead, np.arange(15))) == pytest.approx(5)
