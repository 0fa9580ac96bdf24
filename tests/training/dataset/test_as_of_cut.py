"""An export that is cut knows nothing of what came later."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.sources import read_export
from features.spine import microseconds
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from tests.support.tables import tables_of
from training.config import read_config
from training.dataset.as_of_cut import cut_at

AT = 50


def test_leads_and_outcomes_that_came_later_are_not_there() -> None:
    rows = [
        {"lead_id": "a", "created_at": 10, "converted_at": 49.9},
        {"lead_id": "b", "created_at": 10, "converted_at": 50, "closed_at": 60},
        {"lead_id": "c", "created_at": 50},
    ]
    found = cut_at(tables_of(rows), AT * DAY)
    assert found.leads["lead_id"].to_pylist() == ["a", "b"]
    assert found.leads["converted_at"].is_valid().to_pylist() == [True, False]
    assert found.leads["closed_at"].null_count == 2
    assert found.data_end == AT * DAY


@pytest.mark.parametrize(
    ("occurred_at", "recorded_at", "there"),
    [(49, 49, True), (49, 50, False), (50, 49, False), (50, 50, False)],
)
def test_an_interaction_is_there_when_both_its_clocks_are_earlier(
    occurred_at: int, recorded_at: int, there: bool
) -> None:
    event = {"lead_id": "a", "occurred_at": occurred_at, "recorded_at": recorded_at}
    found = cut_at(tables_of([{"lead_id": "a", "created_at": 10}], [event]), AT * DAY)
    assert found.interactions.num_rows == there


@pytest.mark.slow
def test_a_whole_export_that_is_cut_at_its_end_stays_as_it_is(tmp_path) -> None:
    write_export(made_up_crm(300, seed=3), tmp_path, "parquet")
    tables = read_export(read_config(tmp_path / "lead_temperature.toml").export)
    same = cut_at(tables, tables.data_end)
    assert same.leads.equals(tables.leads)
    assert same.interactions.equals(tables.interactions)
    earlier = cut_at(tables, tables.data_end - 300 * DAY)
    assert 0 < earlier.attribute_log.num_rows < tables.attribute_log.num_rows
    for table, name in (("interactions", "recorded_at"), ("attribute_log", "recorded_at")):
        column = getattr(earlier, table)[name]
        assert microseconds(column).max() < earlier.data_end
        known = getattr(earlier, table)["lead_id"]
        leads = earlier.leads["lead_id"].combine_chunks()
        assert pc.all(pc.is_in(known, value_set=pa.array(leads))).as_py()
