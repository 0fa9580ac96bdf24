"""The grid cannot see the outcome; immature is not negative."""

import numpy as np
import pytest

from features.history import MICROSECONDS_PER_DAY as DAY
from tests.support.tables import tables_of
from training.config import SnapshotSettings
from training.snapshots import labels, snapshots

GRID = SnapshotSettings(first_days=0, every_days=7, until_days=28)


def days(spine) -> list[tuple[int, float]]:
    return list(zip(spine.lead.tolist(), (spine.as_of / DAY).tolist(), strict=True))


def test_a_lead_is_looked_at_from_creation_while_it_is_open() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "converted_at": 20}])
    assert days(snapshots(tables, GRID)) == [(0, 10), (0, 17)]


def test_a_lost_lead_is_looked_at_no_more() -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 10, "closed_at": 17}])
    assert days(snapshots(tables, GRID)) == [(0, 10)]


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
