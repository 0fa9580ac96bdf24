"""Dirty CSV files: no line shifts the number of another, and nothing is lost in silence."""

import gzip
import re

import pytest

from features.export.mapping import export_mapping
from features.export.sources import read_export
from tests.support.exports import (
    broken,
    csv_mapping,
    read_leads,
)


def test_undecodable_bytes_cost_the_value_that_they_stand_in(tmp_path):
    header = b"lead_id,created_at,source,notes\n"
    good = "1,2024-01-01T00:00:00Z,café,\n".encode()
    (tmp_path / "leads.csv").write_bytes(
        header
        + good
        + b"2,2024-01-01T00:00:00Z,caf\xe9,\n3,2024-01-01T00:00:00Z,web,caf\xe9\n"
        + b"4\xe9,2024-01-01T00:00:00Z,web,\n"
    )
    tables = read_export(csv_mapping(tmp_path, leads={"fixed_at_creation": ["source"]}))
    assert tables.leads["lead_id"].to_pylist() == ["1", "2", "3"]
    assert tables.leads["source"].to_pylist() == ["café", None, "web"]
    assert broken(tables) == [("leads", 2, "wrong encoding"), ("leads", 4, "wrong encoding")]
    assert tables.rejects["value"].to_pylist() == ["caf\ufffd", "4\ufffd"]


def test_a_character_cut_off_at_the_end_of_the_file_is_not_dropped(tmp_path):
    text = "lead_id,created_at,source\n1,2024-01-01T00:00:00Z,café"
    (tmp_path / "leads.csv").write_bytes(text.encode()[:-1])
    tables = read_export(csv_mapping(tmp_path, leads={"fixed_at_creation": ["source"]}))
    assert broken(tables) == [("leads", 1, "wrong encoding")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_file_in_another_encoding_is_read_by_its_name(tmp_path, encoding):
    text = "lead_id,created_at,source\n1,2024-01-01T00:00:00Z,café\n"
    (tmp_path / "leads.csv").write_bytes(text.encode(encoding))
    leads = {"encoding": encoding, "fixed_at_creation": ["source"]}
    assert read_export(csv_mapping(tmp_path, leads=leads)).leads["source"].to_pylist() == ["café"]


def test_a_file_that_cannot_be_in_its_encoding_is_refused(tmp_path):
    (tmp_path / "leads.csv").write_bytes(b"\xff\xfe\x00\xd8a\x00")
    with pytest.raises(ValueError, match=r"leads\.csv is not written in utf-16"):
        read_export(csv_mapping(tmp_path, leads={"encoding": "utf-16"}))


def test_malformed_lines_do_not_shift_the_numbers_of_the_others(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        "2",
        "",
        '"3\n3",2024-01-01T00:00:00Z',
        "a,b,c",
        "5,soon",
    )
    assert tables.leads["lead_id"].to_pylist() == ["1", "3\n3"]
    assert broken(tables) == [
        ("leads", 2, "malformed line"),
        ("leads", 4, "malformed line"),
        ("leads", 5, "unparsable time"),
    ]


@pytest.mark.parametrize("block", [40, 45, 50, 55, 60, 100])
def test_rows_keep_their_numbers_across_the_blocks_of_a_large_file(tmp_path, monkeypatch, block):
    monkeypatch.setattr("features.export.csv_rows.LONGEST_ROW_BYTES", block)
    lines = [f"{i},bad" if i % 3 else "short" for i in range(1, 60)]
    tables = read_leads(tmp_path, "lead_id,created_at", *lines)
    rows = {"malformed line": range(3, 60, 3), "unparsable time": [i for i in range(60) if i % 3]}
    assert sorted(broken(tables)) == sorted(
        ("leads", row, rule) for rule, numbers in rows.items() for row in numbers
    )


def test_a_quote_left_open_cannot_swallow_rows_in_silence(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at,source",
        "1,2024-01-01T00:00:00Z,web",
        '2,2024-01-01T00:00:00Z,"web',
        "3,2024-01-01T00:00:00Z,web",
        leads={"fixed_at_creation": ["source"]},
    )
    assert tables.leads["lead_id"].to_pylist() == ["1"]
    assert broken(tables) == [("leads", 2, "malformed line")]
    assert "3,2024-01-01" in tables.rejects["value"][0].as_py()


def test_a_row_too_long_to_be_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("features.export.csv_rows.LONGEST_ROW_BYTES", 100)
    rows = [f"{i},2024-01-01T00:00:00Z" for i in range(20)]
    with pytest.raises(ValueError, match=r"leads\.csv cannot be read.*never closed"):
        read_leads(tmp_path, "lead_id,created_at", '"0,2024-01-01T00:00:00Z', *rows)


@pytest.mark.parametrize("most", [40, 4000])
def test_a_compressed_file_that_was_cut_off_is_named(tmp_path, most):
    lines = "".join(f"{i},2024-01-01T00:00:00Z\n" for i in range(20_000))
    whole = gzip.compress(f"lead_id,created_at\n{lines}".encode())
    (tmp_path / "leads.csv.gz").write_bytes(whole[:most])
    with pytest.raises(ValueError, match=r"leads\.csv\.gz cannot be read"):
        read_export(export_mapping({"leads": {"source": "leads.csv.gz"}}, tmp_path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_answered_with_its_name(tmp_path, encoding):
    text = "lead_id\tcreated_at\n1\t2024-01-01T00:00:00Z\n"
    (tmp_path / "leads.csv").write_bytes(text.encode(encoding))
    message = rf'encoding = "{encoding}" and delimiter = "\\t"'
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\\\\t", r"\\t")):
        read_export(csv_mapping(tmp_path))
    leads = {"encoding": encoding, "delimiter": "\t"}
    assert read_export(csv_mapping(tmp_path, leads=leads)).leads.num_rows == 1


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (b"PK\x03\x04", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite format 3\x00", "a SQLite database"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"\r\n<html><table>", "a page of HTML"),
    ],
)
def test_a_file_of_another_kind_is_answered_with_what_it_is(tmp_path, begin, words):
    (tmp_path / "leads.csv").write_bytes(begin + b"x" * 100)
    with pytest.raises(ValueError, match=rf"leads\.csv is no CSV file: it is {words}"):
        read_export(csv_mapping(tmp_path))
