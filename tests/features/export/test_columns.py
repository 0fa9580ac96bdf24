"""Which column plays which part, and what is said where one is missing or there twice."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.export.mapping import export_mapping
from features.export.sources import read_export
from tests.support.exports import (
    broken,
    read_leads,
    write_database,
    write_text,
)
from tests.support.workbooks import write_workbook


def test_a_missing_column_is_answered_with_those_found_and_the_line_to_write(tmp_path):
    message = (
        r"'created_at' is missing.*Columns found: lead_id, created.*\[leads\.columns\] created_at ="
    )
    with pytest.raises(ValueError, match=message):
        read_leads(tmp_path, "lead_id,created", "1,2024-01-01")


def test_a_missing_declared_attribute_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"column 'source' is missing"):
        read_leads(
            tmp_path, "lead_id,created_at", "1,2024-01-01", leads={"fixed_at_creation": ["source"]}
        )


def test_a_single_column_with_semicolons_is_answered_with_the_delimiter(tmp_path):
    with pytest.raises(ValueError, match=r"Is the delimiter ',' right\?"):
        read_leads(tmp_path, "lead_id;created_at", "1;2024-01-01")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'lead_id' is there 2 times"):
        read_leads(tmp_path, "lead_id,lead_id,created_at", "1,2,2024-01-01")


TWINS = {
    "csv": lambda folder: write_text(
        folder / "leads.csv",
        "lead_id,created_at,converted_at,converted_at",
        "1,2024-01-01T00:00:00Z,,2024-01-02T00:00:00Z",
    ),
    "parquet": lambda folder: pq.write_table(
        pa.table(
            [["1"], ["2024-01-01"], [None], ["2024-01-02"]], ["lead_id", "created_at", *TWICE]
        ),
        folder / "leads.parquet",
    ),
    "sqlite": lambda folder: write_database(
        f"sqlite:///{folder / 'crm.db'}",
        "leads",
        [{"lead_id": "1", "created_at": "2024-01-01", "converted_at": "2024-01-02"}],
    ),
}


TWICE = ("converted_at", "converted_at")


@pytest.mark.parametrize("source", TWINS)
def test_an_optional_column_that_is_there_twice_is_refused_too(tmp_path, source):
    TWINS[source](tmp_path)
    leads = {
        "csv": {"source": "leads.csv"},
        "parquet": {"source": "leads.parquet"},
        "sqlite": {"query": "SELECT *, converted_at FROM leads"},
    }[source]
    sections = {"data": {"database": "sqlite:///crm.db"}, "leads": leads}
    with pytest.raises(ValueError, match=r"'converted_at' is there 2 times, and which of them"):
        read_export(export_mapping(sections, tmp_path))


def test_a_column_that_is_not_read_may_stand_twice(tmp_path):
    rows = pa.table(
        [["x"], ["1"], ["y"], ["2024-01-01T00:00:00Z"]], ["x", "lead_id", "x", "created_at"]
    )
    pq.write_table(rows, tmp_path / "leads.parquet")
    tables = read_export(export_mapping({"leads": {"source": "leads.parquet"}}, tmp_path))
    assert tables.leads["lead_id"].to_pylist() == ["1"]


@pytest.mark.parametrize("written", ["citt\u00e0", "citta\u0300", " citt\u00e0\u00a0"])
@pytest.mark.parametrize("declared", ["citt\u00e0", "citta\u0300"])
def test_a_column_is_found_whatever_its_unicode_form_and_the_blanks_about_it(
    tmp_path, written, declared
):
    tables = read_leads(
        tmp_path,
        f"lead_id,created_at,{written}",
        "1,2024-01-01T00:00:00Z,Roma",
        leads={"fixed_at_creation": [declared]},
    )
    assert tables.leads["citt\u00e0"].to_pylist() == ["Roma"]


TITLES = ["Leads of this year", "", "lead_id,created_at", "1,2024-01-01T00:00:00Z"]


def test_a_title_above_the_header_is_answered_with_the_lines_to_skip(tmp_path):
    with pytest.raises(ValueError, match=r"Line 3 names them: write skip_rows = 2"):
        read_leads(tmp_path, *TITLES)
    tables = read_leads(tmp_path, *TITLES, "Total,,", leads={"skip_rows": 2})
    assert tables.leads["lead_id"].to_pylist() == ["1"]
    assert broken(tables) == [("leads", 2, "malformed line")]


def test_a_title_as_wide_as_the_table_is_no_header(tmp_path):
    with pytest.raises(ValueError, match=r"Line 2 names them: write skip_rows = 1"):
        read_leads(tmp_path, "Leads,", *TITLES[2:])


def test_a_header_in_other_words_is_asked_about(tmp_path):
    with pytest.raises(ValueError, match=r"Is line 3 \(Id, Created\) the header\? .*skip_rows = 2"):
        read_leads(tmp_path, "Leads of this year", "", "Id,Created", "1,2024-01-01T00:00:00Z")


def test_lines_are_skipped_in_a_sheet_too(tmp_path):
    write_workbook(tmp_path / "leads.xlsx", {"Leads": [line.split(",") for line in TITLES]})
    leads: dict[str, object] = {"source": "leads.xlsx"}
    with pytest.raises(ValueError, match=r"Line 3 names them: write skip_rows = 2"):
        read_export(export_mapping({"leads": leads}, tmp_path))
    tables = read_export(export_mapping({"leads": {**leads, "skip_rows": 2}}, tmp_path))
    assert tables.leads["lead_id"].to_pylist() == ["1"]


def test_values_are_mapped_before_anything_else(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at,closed_at,source",
        "1,2024-01-01T00:00:00Z,0000-00-00,WEB",
        leads={
            "fixed_at_creation": ["source"],
            "values": {"closed_at": {"0000-00-00": ""}, "source": {"WEB": "web"}},
        },
    )
    assert tables.leads["closed_at"].to_pylist() == [None]
    assert tables.leads["source"].to_pylist() == ["web"]


def test_an_outcome_may_not_be_an_attribute_under_another_name(tmp_path):
    with pytest.raises(ValueError, match=r"'won' is the column 'converted_at', which is .* ours"):
        read_leads(
            tmp_path,
            "lead_id,created_at,converted_at",
            "1,2024-01-01T00:00:00Z,",
            leads={"fixed_at_creation": ["won"], "columns": {"won": "converted_at"}},
        )
