"""Rows of an Excel workbook as text."""

from datetime import UTC, date, datetime

import pytest

from features.export.file_mapping import FileFormat
from features.export.files import FilePart
from features.export.sheet_rows import Sheet
from tests.support.workbooks import write_workbook

ROWS = [
    ["id", "made", "day", "size", "open"],
    [1, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), date(2024, 3, 4), 2.5, True],
    [],
    [51000000007, None, None, "1.094,5", False],
]


def sheet(tmp_path, sheets, **form):
    path = tmp_path / "a.xlsx"
    write_workbook(path, sheets)
    return Sheet(FilePart("a.xlsx", "xlsx", path), FileFormat(**form))


def rows_of(opened):
    return {
        number: [text[i].as_py() for text in texts]
        for numbers, texts in opened.rows()
        for i, number in enumerate(numbers.to_pylist())
    }


def test_cells_become_the_text_that_a_person_sees(tmp_path):
    opened = sheet(tmp_path, {"Leads": ROWS})
    assert opened.columns == ("id", "made", "day", "size", "open")
    first, second = rows_of(opened).values()
    assert first == ["1", "2024-01-02 03:04:05", "2024-03-04", "2.5", "true"]
    assert second == ["51000000007", None, None, "1.094,5", "false"]


def test_blank_rows_are_counted_and_left_out(tmp_path):
    assert list(rows_of(sheet(tmp_path, {"Leads": [[], [], *ROWS]}))) == [1, 3]


@pytest.mark.parametrize("named", ["Leads", 2])
def test_a_sheet_is_chosen_by_name_or_number(tmp_path, named):
    sheets = {"Read me": [["about"]], "Leads": ROWS}
    assert sheet(tmp_path, sheets, sheet=named).columns[0] == "id"


def test_the_only_sheet_with_cells_needs_no_name(tmp_path):
    assert sheet(tmp_path, {"Sheet2": [], "Leads": ROWS, "Sheet3": []}).columns[0] == "id"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (None, 'none is named. Name one: sheet = "Read me". Sheets: Read me, Leads'),
        ("leads", "'leads' is none of them. Did you mean 'Leads'?"),
        (3, "3 is none of them"),
    ],
)
def test_a_sheet_that_is_not_clear_is_asked_for(tmp_path, named, message):
    with pytest.raises(ValueError, match="has 2 sheets") as caught:
        sheet(tmp_path, {"Read me": [["about"]], "Leads": ROWS}, sheet=named)
    assert message in str(caught.value)


@pytest.mark.parametrize("sheets", [{"A": []}, {"A": [], "B": [[""]]}])
def test_a_workbook_without_cells_is_empty(tmp_path, sheets):
    with pytest.raises(ValueError, match=r"a\.xlsx is empty"):
        sheet(tmp_path, sheets)


@pytest.mark.parametrize("data", [b"", b"Id,Name\n", b"PK\x03\x04 cut off"])
def test_what_is_no_workbook_is_said(tmp_path, data):
    path = tmp_path / "a.xlsx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.xlsx is no Excel workbook"):
        Sheet(FilePart("a.xlsx", "xlsx", path), FileFormat())
