"""Records of JSON documents and lines as rows of text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.file_mapping import FileFormat
from features.export.files import FilePart
from features.export.json_rows import json_columns, json_rows

FORM = FileFormat()


def table(path, form=FORM):
    """Columns, rows by number, and lines that are no record."""
    part = FilePart(path.name, "jsonl" if path.suffix == ".jsonl" else "json", path)
    columns = json_columns(part, form)
    rows, malformed = {}, []
    for numbers, texts, lines in json_rows(part, form, columns):
        for i, number in enumerate(numbers.to_pylist()):
            rows[number] = [text[i].as_py() for text in texts]
        malformed += lines
    return list(columns), rows, malformed


def test_nested_fields_are_columns_and_lists_stay_json(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": 51000007, "p": {"made": "2024-01-01", "deep": {"x": true}}, "h": [{"v": 1.50}]}\n'
        '\n{"id": 1.0, "n": 1094.50, "e": null, "o": {}}\n'
    )
    columns, rows, malformed = table(path)
    assert columns == ["id", "p.made", "p.deep.x", "h", "n", "e", "o"]
    assert rows == {
        1: ["51000007", "2024-01-01", "true", '[{"v": "1.50"}]', None, None, None],
        2: ["1", None, None, None, "1094.50", None, "{}"],
    }
    assert malformed == []


def test_a_line_that_is_no_record_is_kept_with_its_number(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": 1}\n[1]\n{"id": 2\n{"a": 1, "a": 2}\n{"id": "\xff"}\n')
    columns, rows, malformed = table(path)
    assert columns == ["id"]
    assert rows == {1: ["1"], 5: ["\ufdd0"]}
    assert malformed == [(2, "[1]"), (3, '{"id": 2'), (4, '{"a": 1, "a": 2}')]


@pytest.mark.parametrize(
    "document", ['[{"id": 1}, {"id": 2}]', '{"total": 2, "results": [{"id": 1}, {"id": 2}]}']
)
def test_a_document_is_a_list_or_holds_one(tmp_path, document):
    path = tmp_path / "a.json"
    path.write_text(document)
    assert table(path) == (["id"], {1: ["1"], 2: ["2"]}, [])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is no JSON document"),
        ('{"a": [{}], "b": [{}]}', "found 2 lists"),
        ("7", "found 0 lists"),
        ("[]", "holds no records"),
        ("[" * 100_000, "is no JSON document"),
    ],
)
def test_a_document_without_records_is_refused(tmp_path, document, message):
    path = tmp_path / "a.json"
    path.write_text(document)
    with pytest.raises(ValueError, match=message):
        table(path)


def test_values_used_as_names_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("features.export.json_rows.MOST_COLUMNS", 3)
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": 2, "c": 3, "d": 4}\n')
    with pytest.raises(ValueError, match="more than 3 different fields"):
        table(path)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("features.export.json_rows.LONGEST_LINE", 30)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "x" * 40}))
    with pytest.raises(ValueError, match=r"line 1 is longer.*Name the file \.json"):
        table(path)


def test_lines_in_another_encoding_are_read_by_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"città": "Forlì"}\n'.encode("cp1252"))
    assert table(path, FileFormat(encoding="cp1252")) == (["città"], {1: ["Forlì"]}, [])


scalars = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))


@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "é"]), scalars, min_size=1), min_size=1
    )
)
def test_lines_and_documents_of_the_same_records_read_the_same(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "a.jsonl").write_text(lines, encoding="utf-8")
    columns, read, malformed = table(folder / "a.jsonl")
    assert (columns, read, malformed) == table(folder / "a.json")
    expected = {
        number: [
            value if isinstance(value, str | None) else json.dumps(value)
            for value in (row.get(name) for name in columns)
        ]
        for number, row in enumerate(rows, start=1)
    }
    assert read == expected
