"""When an export was made, where nobody says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.data_end import first_in_use, latest_recording, times_after_end
from tests.support.tables import tables_of


def end_in_days(leads, interactions=(), log=()) -> float:
    tables = tables_of(leads, list(interactions), list(log), kinds={"stage": "category"})
    return latest_recording(tables.leads, tables.interactions, tables.attribute_log) / DAY


def created(*days: float) -> list[dict[str, object]]:
    return [{"lead_id": str(i), "created_at": day} for i, day in enumerate(days)]


def contacts(*days: float) -> list[dict[str, object]]:
    return [{"lead_id": "0", "occurred_at": day} for day in days]


DAILY = created(*range(200))


def test_the_latest_creation_of_a_lead_is_the_end() -> None:
    assert end_in_days(DAILY) == 199


@pytest.mark.parametrize("column", ["converted_at", "closed_at"])
def test_an_outcome_says_nothing_of_the_end(column: str) -> None:
    late = [{**lead, column: 500} for lead in DAILY]
    assert end_in_days(late) == 199


def test_a_lead_created_in_the_year_2106_does_not_move_the_end() -> None:
    assert end_in_days([*DAILY, {"lead_id": "typo", "created_at": 49_700}]) == 199


def test_what_was_recorded_apart_moves_the_end() -> None:
    entered = {"lead_id": "0", "occurred_at": 190, "recorded_at": 205}
    assert end_in_days(DAILY, [entered]) == 205
    version = {"lead_id": "0", "recorded_at": 206, "name": "stage", "text": "x"}
    assert end_in_days(DAILY, [entered], [version]) == 206


def test_meetings_booked_ahead_do_not_move_the_end() -> None:
    booked = contacts(*range(201, 231))
    assert end_in_days(DAILY, [*contacts(*range(200)) * 4, *booked]) == 199


def test_leads_that_ceased_to_come_before_the_export_do_not_end_it() -> None:
    """The leads of one month and what happened to them in the next half-year."""
    end = end_in_days(created(*range(30)), contacts(*range(210)))
    assert 195 <= end <= 209


def test_a_pause_after_which_much_was_recorded_is_no_end() -> None:
    assert end_in_days(created(*range(100), *range(200, 210))) == 209


@given(st.lists(st.floats(0, 300), min_size=1, max_size=60), st.randoms())
def test_the_end_depends_on_no_order_and_is_one_of_the_times(days, random) -> None:
    shuffled = random.sample(days, len(days))
    end = end_in_days(created(*days))
    assert end_in_days(created(*shuffled)) == end
    assert any(end == round(day * DAY) / DAY for day in days)


def test_times_after_the_end_are_counted_by_column() -> None:
    tables = tables_of(
        [
            {"lead_id": "a", "created_at": 1, "converted_at": 120},
            {"lead_id": "b", "created_at": 200, "closed_at": 201},
        ],
        [*contacts(1, 150, 160), {"lead_id": "a", "occurred_at": 2, "recorded_at": 101}],
        end_day=100,
    )
    assert [
        (one.table, one.column, one.rows, one.latest / DAY) for one in times_after_end(tables)
    ] == [
        ("leads", "created_at", 1, 200),
        ("leads", "converted_at", 1, 120),
        ("leads", "closed_at", 1, 201),
        ("interactions", "occurred_at", 2, 160),
        ("interactions", "recorded_at", 1, 101),
    ]
    assert times_after_end(tables_of([{"lead_id": "a", "created_at": 1}])) == ()


def test_a_lead_from_long_before_does_not_begin_the_time() -> None:
    daily = np.arange(200) * DAY
    assert first_in_use(daily) == 0
    assert first_in_use(np.append(daily, -9_000 * DAY)) == 0
    # Three of a hundred are no odd ones.
    assert first_in_use(np.append(daily, [-9_000 * DAY] * 6)) == -9_000 * DAY


def test_of_a_few_times_none_is_the_odd_one() -> None:
    assert end_in_days(created(0, 8_000)) == 8_000
    assert first_in_use(np.array([0, 8_000 * DAY])) == 0


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=60))
def test_the_beginning_is_the_end_of_time_running_backwards(times) -> None:
    begin = first_in_use(np.array(times))
    tables = tables_of(created(*(-time / DAY for time in times)))
    assert begin == -latest_recording(tables.leads, tables.interactions, tables.attribute_log)
