from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import (
    Spine,
    after_refusal_of,
    ended_at,
    is_open_at,
    iso,
    microseconds,
    observed_until,
    open_leads_at,
)
from features.tables import INSTANT
from tests.support.tables import tables_of


def test_a_spine_needs_an_instant_for_each_lead() -> None:
    assert len(Spine(np.array([0, 0]), np.array([1, 2]))) == 2
    with pytest.raises(ValueError, match="got 2 leads and 1 instants"):
        Spine(np.array([0, 0]), np.array([1]))


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_instants_of_any_unit_become_microseconds_and_null_becomes_never(unit: str) -> None:
    one = {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
    column = pa.chunked_array([pa.array([one, None, -one], pa.timestamp(unit, "UTC"))])
    assert microseconds(column).tolist() == [1_000_000, NEVER, -1_000_000]


def test_a_lead_ends_with_its_conversion_or_its_closing_whichever_is_first() -> None:
    leads = [
        {"lead_id": "a", "created_at": 0, "converted_at": 5, "closed_at": 3},
        {"lead_id": "b", "created_at": 0, "converted_at": 5},
        {"lead_id": "c", "created_at": 0, "closed_at": 7},
        {"lead_id": "d", "created_at": 0},
    ]
    assert ended_at(tables_of(leads)).tolist() == [3 * DAY, 5 * DAY, 7 * DAY, NEVER]


def test_open_leads_are_created_by_then_and_not_ended_by_then() -> None:
    leads = [
        {"lead_id": "created just then", "created_at": 10},
        {"lead_id": "created later", "created_at": 10 + 1e-9},
        {"lead_id": "ends just then", "created_at": 0, "converted_at": 10},
        {"lead_id": "ends later", "created_at": 0, "closed_at": 11},
        {"lead_id": "ended", "created_at": 0, "closed_at": 4},
        {"lead_id": "later still", "created_at": 12, "closed_at": 13},
    ]
    found = open_leads_at(10 * DAY, tables_of(leads))
    assert found.spine.lead.tolist() == [0, 3]
    assert found.spine.as_of.tolist() == [10 * DAY] * 2
    assert found.notes == (
        "2 leads were created after that instant: not scored.",
        "2 leads were converted or closed by then: not scored.",
    )
    assert open_leads_at(2 * DAY, tables_of(leads[3:4])).notes == ()


def test_an_instant_is_written_in_utc() -> None:
    assert iso(1_700_000_000_000_001) == "2023-11-14T22:13:20.000001+00:00"
    column = pa.chunked_array([pa.array([1_700_000_000_000_001]).cast(INSTANT)])
    assert column[0].as_py().isoformat() == iso(1_700_000_000_000_001)


def test_a_lead_of_which_nobody_knows_the_end_is_not_open_after_a_refusal_either() -> None:
    leads = [
        {"lead_id": "unknown", "created_at": 1, "closed_at": 5},
        {"lead_id": "refused", "created_at": 1, "closed_at": 5},
    ]
    tables = replace(
        tables_of(leads), outcome_unknown=frozenset({"unknown"}), after_refusal=10 * DAY
    )
    assert observed_until(tables).tolist() == [DAY, 15 * DAY]
    assert is_open_at(6 * DAY, tables.leads, tables.outcome_unknown, 10 * DAY).tolist() == [
        False,
        True,
    ]
    scored = open_leads_at(6 * DAY, tables)
    assert scored.spine.lead.tolist() == [1]
    assert scored.notes == (
        "1 leads have a conversion or closing that cannot be read: not scored.",
    )


def test_days_after_a_refusal_are_whole_microseconds() -> None:
    assert after_refusal_of(None) is None
    found = after_refusal_of(0.5)
    assert (found, type(found)) == (DAY // 2, int)
