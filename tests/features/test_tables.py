"""The contract of the normalised tables, and the file of rejects."""

import csv
from dataclasses import replace

import pyarrow as pa
import pytest

from features.tables import (
    ATTRIBUTE_LOG,
    REJECTS,
    Tables,
    interactions_schema,
    leads_schema,
    write_rejects,
)


@pytest.fixture
def tables() -> Tables:
    return Tables(
        leads=leads_schema({"source": "category"}).empty_table(),
        interactions=interactions_schema(("value",)).empty_table(),
        attribute_log=ATTRIBUTE_LOG.empty_table(),
        attribute_kinds={"source": "category"},
        measures=("value",),
        data_end=0,
        rejects=REJECTS.empty_table(),
        unused={},
    )


def test_a_table_with_other_columns_is_refused(tables):
    with pytest.raises(ValueError, match=r"interactions: columns must be lead_id, occurred_at"):
        replace(tables, interactions=tables.interactions.drop_columns("value"))


def test_a_column_of_another_type_is_refused(tables):
    leads = tables.leads.set_column(1, "created_at", pa.array([], pa.timestamp("us")))
    with pytest.raises(ValueError, match=r"leads\.created_at must be timestamp\[us, tz=UTC\]"):
        replace(tables, leads=leads)


def test_a_lead_without_a_creation_time_is_refused(tables):
    row = pa.Table.from_pylist([{"lead_id": "1"}]).select(["lead_id"])
    nulls = [pa.nulls(1, field.type) for field in tables.leads.schema][1:]
    leads = pa.table([row["lead_id"], *nulls], names=tables.leads.column_names)
    with pytest.raises(ValueError, match=r"leads\.created_at must not be null, is 1 times"):
        replace(tables, leads=leads)


def test_an_attribute_without_a_kind_is_refused(tables):
    with pytest.raises(ValueError, match=r"must name every attribute, lacks \['source'\]"):
        replace(tables, attribute_kinds={})


def test_an_attribute_is_never_both_fixed_and_changing(tables):
    log = pa.Table.from_pylist(
        [{"lead_id": "1", "recorded_at": 0, "name": "source", "text": "web"}], ATTRIBUTE_LOG
    )
    with pytest.raises(ValueError, match=r"never both: \['source'\]"):
        replace(tables, attribute_log=log)


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_rejected_formula_is_written_as_text(tables, tmp_path, formula):
    reject = dict.fromkeys(REJECTS.names, "x") | {"row": 1, "value": formula, "lead_id": formula}
    path = tmp_path / "new folder" / "rejects.csv"
    write_rejects(replace(tables, rejects=pa.Table.from_pylist([reject], REJECTS)), path)
    with path.open(newline="", encoding="utf-8") as file:
        (written,) = csv.DictReader(file)
    assert written["value"] == written["lead_id"] == f"'{formula}"


def test_a_harmless_reject_is_written_as_it_is(tables, tmp_path):
    reject = dict.fromkeys(REJECTS.names, "x") | {"row": 7, "value": 'a "b"\n1=1', "column": None}
    path = tmp_path / "rejects.csv"
    write_rejects(replace(tables, rejects=pa.Table.from_pylist([reject], REJECTS)), path)
    with path.open(newline="", encoding="utf-8") as file:
        (written,) = csv.DictReader(file)
    assert (written["row"], written["value"], written["column"]) == ("7", 'a "b"\n1=1', "")
