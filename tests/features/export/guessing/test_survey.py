"""How files are written, and what their columns hold."""

import pytest

from features.export.guessing.survey import guessed_encoding, plain_words, survey
from tests.support.exports import write_text
from tests.support.workbooks import write_workbook

ROWS = [f"{i},2024-01-{i:02d},w{i % 3}" for i in range(1, 20)]


def only(folder):
    tables, problems = survey(folder, folder)
    assert problems == []
    (table,) = tables
    return table


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", [[], ["Report of January", ""], ["Leads", "Made by Ana"]])
def test_delimiter_and_rows_above_the_header_are_seen(tmp_path, delimiter, above):
    lines = [row.replace(",", delimiter) for row in ["id,day,word", *ROWS]]
    write_text(tmp_path / "a.csv", *above, *lines)
    form = only(tmp_path).form
    assert (form.delimiter, form.skip_rows) == (delimiter, len(above))


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        ("città è più", "utf-8", "utf-8"),
        ("città è più, são João", "cp1252", "cp1252"),
        ("Größe, Müller", "cp1252", "cp1252"),
        ("Источник; Ответственный", "cp1251", "cp1251"),
        ("Ştefan, Iaşi, Bucureşti", "cp1250", "cp1250"),
        ("Дата", "utf-16", "utf-16"),
        ("plain", "ascii", "utf-8"),
    ],
)
def test_an_encoding_is_known_by_the_words_that_it_gives(text, encoding, guess):
    assert guessed_encoding(text.encode(encoding)) == guess


def test_files_that_differ_by_a_number_are_parts_of_one_table(tmp_path):
    for part in ("Leads_001", "Leads_002"):
        write_text(tmp_path / f"{part}.csv", "id,day,word", *ROWS)
    write_text(tmp_path / "Leads_003.csv", "id,other", "1,2")
    tables, _ = survey(tmp_path, tmp_path)
    assert [(t.name, len(t.parts), t.rows) for t in tables] == [("Leads", 2, 38), ("Leads_2", 1, 1)]


def test_each_sheet_is_a_table_and_titles_above_are_skipped(tmp_path):
    rows = [["id", "day", "word"], ["1", "2024-01-01", "x"], ["2", "2024-01-02", "y"]]
    write_workbook(
        tmp_path / "book.xlsx", {"Лиды 2024": [["Title"], [], *rows], "Empty": [], "Calls": rows}
    )
    tables, _ = survey(tmp_path, tmp_path)
    assert [(t.name, t.form.sheet, t.form.skip_rows) for t in tables] == [
        ("Lidy_2024", "Лиды 2024", 2),
        ("Calls", "Calls", 0),
    ]


@pytest.mark.parametrize(
    ("values", "lines", "is_day", "has_zone"),
    [
        (["2024-01-02T03:04:05Z", "2024-01-02T03:04:05+01:00"], ("",), False, True),
        (["2024-01-02", "2024-01-03"], ("",), True, False),
        (["31/01/2024 10:00", "01/02/2024 11:00"], ('dates = "%d/%m/%Y %H:%M"',), False, False),
        (["31.01.2024", "01.02.2024"], ('dates = "%d.%m.%Y"',), True, False),
        (["01/02/2024", "03/04/2024"], ('dates = "%d/%m/%Y"', 'dates = "%m/%d/%Y"'), True, False),
        (["1705247322614", "1705373061178"], ('dates = "epoch_ms"',), False, True),
        (["one", "2024-01-01"], (), False, False),
    ],
)
def test_times_are_known_with_their_pattern_and_zone(tmp_path, values, lines, is_day, has_zone):
    write_text(tmp_path / "a.csv", "timestamp,x", *(f"{value},1" for value in values))
    column = only(tmp_path).column("timestamp")
    assert column.time_lines == lines
    assert column.is_day == is_day
    if lines:
        assert column.has_zone == has_zone


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["1", "2.5"], ""),
        (["1.250,50", "3.000"], 'decimal = ",", thousands = "."'),
        (["20", "1,094"], 'thousands = ","'),
        (["0:01:30", "1:00:00"], 'durations = "HH:MM:SS"'),
        (["a", "1"], None),
    ],
)
def test_numbers_are_known_with_their_signs(tmp_path, values, line):
    write_text(tmp_path / "a.csv", "n;x", *(f"{value};1" for value in values))
    assert only(tmp_path).column("n").number_line == line


def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path):
    write_text(tmp_path / "a.csv", "id,x", "1,2")
    (tmp_path / "b.xlsx").write_bytes(b"no workbook")
    (tmp_path / "c.docx").write_bytes(b"x")
    tables, problems = survey(tmp_path, tmp_path)
    assert [table.name for table in tables] == ["a"]
    assert [problem.split(":")[0].split(" ")[0] for problem in problems] == ["b.xlsx", "[files]"]


def test_paths_lead_from_the_configuration_to_the_files(tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "crm" / "deep").mkdir(parents=True)
    write_text(tmp_path / "exports" / "a.csv", "id,x", "1,2")
    tables, _ = survey(tmp_path / "exports", tmp_path / "crm" / "deep")
    assert tables[0].parts[0].label == "../../exports/a.csv"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("ConvertedContactId", "converted contact id"),
        ("(Do Not Modify) Modified On", "do not modify modified on"),
        ("Propriété de l'activité", "propriete de l activite"),
        ("Ответственный", "ответственный"),
        ("propertiesWithHistory.lifecyclestage", "properties with history lifecyclestage"),
    ],
)
def test_headers_are_compared_in_plain_words(header, words):
    assert plain_words(header) == words


def test_of_a_large_table_only_the_first_rows_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("features.export.guessing.survey.MOST_ROWS", 10)
    write_text(tmp_path / "a.csv", "id,day,word", *ROWS)
    assert only(tmp_path).rows_text == "more than 10 rows"
    monkeypatch.undo()
    assert only(tmp_path).rows_text == "19 rows"


def test_a_link_to_the_folder_brings_no_table_twice(tmp_path):
    write_text(tmp_path / "leads.csv", "id,created", "1,2024-01-01")
    (tmp_path / "again").symlink_to(tmp_path)
    (table,), problems = survey(tmp_path, tmp_path)
    assert (table.rows, len(table.parts), problems) == (1, 1, [])


def test_ids_are_compared_as_the_reader_compares_them(tmp_path):
    write_text(tmp_path / "leads.csv", "id", "1001.0", "1001", " A1\u200b")
    ids = only(tmp_path).column("id").ids
    assert ids == {"1001": 2, "A1": 1}
