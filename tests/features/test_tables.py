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
    keep_rejects,
    leads_schema,
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
def test_a_rejected_formula_is_written_as_text(tmp_path, formula):
    reject = dict.fromkeys(REJECTS.names, "x") | {"row": 1, "value": formula, "lead_id": formula}
    path = tmp_path / "new folder" / "rejects.csv"
    keep_rejects(pa.Table.from_pylist([reject], REJECTS), path)
    with path.open(newline="", encoding="utf-8") as file:
        (written,) = csv.DictReader(file)
    assert written["value"] == written["lead_id"] == f"'{formula}"


def test_a_harmless_reject_is_written_as_it_is(tmp_path):
    reject = dict.fromkeys(REJECTS.names, "x") | {"row": 7, "value": 'a "b"\n1=1', "column": None}
    path = tmp_path / "rejects.csv"
    keep_rejects(pa.Table.from_pylist([reject], REJECTS), path)
    with path.open(newline="", encoding="utf-8") as file:
        (written,) = csv.DictReader(file)
    assert (written["row"], written["value"], written["column"]) == ("7", 'a "b"\n1=1', "")


REJECT = pa.Table.from_pylist([dict.fromkeys(REJECTS.names, "x") | {"row": 7}], REJECTS)


def test_rejects_take_the_place_of_earlier_ones_and_go_when_there_are_none(tmp_path):
    path = tmp_path / "rejects.csv"
    assert keep_rejects(pa.concat_tables([REJECT, REJECT]), path)
    assert keep_rejects(REJECT, path)
    assert len(path.read_text().splitlines()) == 2
    assert not keep_rejects(REJECTS.empty_table(), path)
    assert not path.exists()


@pytest.mark.parametrize("mine", ["", "reason,customer\n", '"table","row"\n'])
def test_another_file_of_that_name_is_never_touched(tmp_path, mine):
    path = tmp_path / "rejects.csv"
    path.write_text(mine)
    keep_rejects(REJECTS.empty_table(), path)
    assert path.read_text() == mine
    with pytest.raises(FileExistsError, match=r"rejects\.csv is no file of rejected rows"):
        keep_rejects(REJECT, path)
    assert path.read_text() == mine


def test_rejects_that_cannot_be_written_leave_the_earlier_ones(tmp_path, monkeypatch):
    path = tmp_path / "rejects.csv"
    keep_rejects(REJECT, path)
    before = path.read_text()

    def full(table: pa.Table, part) -> None:
        part.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr("pyarrow.csv.write_csv", full)
    with pytest.raises(OSError, match="No space"):
        keep_rejects(pa.concat_tables([REJECT, REJECT]), path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
