"""SQL over named files: what it may do, what it may not, and where its rows come from."""

import csv
import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export import file_queries
from features.export.mapping import export_mapping
from features.export.sources import read_export
from tests.support.exports import write_text
from tests.support.workbooks import write_workbook

LEADS = ["Id,Made,Status", "1,2024-01-01T00:00:00Z,Won", "2,2024-01-02T00:00:00Z,Open"]
READ_LEADS = "SELECT Id AS lead_id, Made AS created_at, _file, _row FROM Lead"


def read(folder, files, leads, **sections):
    mapping = export_mapping({"files": files, "leads": leads, **sections}, folder)
    return read_export(mapping)


def places(tables):
    return [(r["file"], r["row"], r["rule"]) for r in tables.rejects.to_pylist()]


@pytest.fixture
def folder(tmp_path):
    write_text(tmp_path / "Lead.csv", *LEADS)
    return tmp_path


def test_a_purchase_is_a_line_of_a_history_and_contacts_come_from_several_files(folder):
    write_text(
        folder / "History.csv",
        "Lead,Changed,Field,New",
        "1,2024-01-09T00:00:00Z,Status,Lost",
        "1,2024-01-12T00:00:00Z,Status,Won",
        "1,2024-01-15T00:00:00Z,Status,Won",
    )
    calls = ("1;2,2024-01-05T00:00:00Z", ",2024-01-06T00:00:00Z")
    write_text(folder / "Calls.csv", "Who,Started", *calls)
    write_text(folder / "Mails.csv", "Lead,Sent", "2,2024-01-07T00:00:00Z")
    sql = """
        SELECT Id AS lead_id, Made AS created_at, won AS converted_at FROM Lead
        LEFT JOIN (SELECT Lead, min(Changed) AS won FROM History WHERE New = 'Won' GROUP BY Lead)
        ON Lead = Id
    """
    tables = read(
        folder,
        {name: f"{name}.csv" for name in ("Lead", "History", "Calls", "Mails")},
        {"sql": sql},
        interactions=[
            {
                "sql": "SELECT unnest(string_split(Who, ';')) AS lead_id, Started AS occurred_at, "
                "'call' AS kind FROM Calls"
            },
            {"file": "Mails", "columns": {"lead_id": "Lead", "occurred_at": "Sent"}},
        ],
    )
    converted = tables.leads["converted_at"].to_pylist()
    assert [moment and moment.day for moment in converted] == [12, None]
    assert tables.interactions["lead_id"].to_pylist() == ["1", "2", "2"]
    assert tables.interactions["kind"].to_pylist() == ["call", "call", None]
    assert tables.rejects.num_rows == 0


def test_a_wrong_value_is_named_with_its_file_and_row(folder):
    write_text(folder / "More.csv", "Made,Id", "yesterday,3", "2024-01-02T00:00:00Z,4,5")
    tables = read(folder, {"Lead": ["Lead.csv", "More.csv"]}, {"sql": READ_LEADS})
    assert tables.leads["lead_id"].to_pylist() == ["1", "2"]
    assert places(tables) == [
        ("More.csv", 1, "unparsable time"),
        ("More.csv", 2, "malformed line"),
    ]


def test_a_line_that_is_no_row_is_told_once_however_many_queries_read_its_file(folder):
    write_text(folder / "Lead.csv", *LEADS, "3")
    interactions = "SELECT Id AS lead_id, Made AS occurred_at FROM Lead"
    tables = read(
        folder, {"Lead": "Lead.csv"}, {"sql": READ_LEADS}, interactions={"sql": interactions}
    )
    assert places(tables) == [("Lead.csv", 3, "malformed line")]


def test_without_the_columns_of_the_place_a_row_has_the_number_of_the_result(folder):
    sql = "SELECT Id AS lead_id, 'soon' AS created_at FROM Lead WHERE Id = '2'"
    assert places(read(folder, {"Lead": "Lead.csv"}, {"sql": sql})) == [
        ("sql of [leads]", 1, "unparsable time")
    ]


def test_an_empty_field_is_missing_in_sql(folder):
    write_text(folder / "Lead.csv", "Id,Made,Other", '1,2024-01-01T00:00:00Z,""')
    sql = "SELECT coalesce(Other, 'none') AS lead_id, Made AS created_at FROM Lead"
    assert read(folder, {"Lead": "Lead.csv"}, {"sql": sql}).leads["lead_id"].to_pylist() == ["none"]


def test_values_that_the_query_computes_are_read_like_written_ones(folder):
    sql = """
        SELECT Id AS lead_id, strptime('02/01/2024 10:00', '%d/%m/%Y %H:%M') AS created_at,
        length(Status) AS a, 2.5::DOUBLE AS b, Status = 'Won' AS c, sum(1) OVER () AS d FROM Lead
    """
    leads = {"sql": sql, "fixed_at_creation": ["a", "b", "c", "d"]}
    tables = read(folder, {"Lead": "Lead.csv"}, leads, data={"timezone": "Europe/Rome"})
    assert [tables.leads[name].to_pylist() for name in "abcd"] == [
        [3.0, 4.0],
        [2.5, 2.5],
        ["true", "false"],
        [2.0, 2.0],
    ]
    assert tables.leads["created_at"][0].as_py().hour == 9


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM read_csv('Lead.csv')", "file system operations are disabled"),
        ("SELECT * FROM read_text('/etc/hostname')", "file system operations are disabled"),
        ("SELECT * FROM glob('*')", "file system operations are disabled"),
        ("SELECT * FROM '/etc/hostname'", "does not exist"),
        ("SELECT * FROM secret", "does not exist"),
        ("COPY (SELECT 1) TO 'stolen.csv'", "must be one query that reads.*found COPY"),
        ("ATTACH 'other.db'", "must be one query that reads.*found ATTACH"),
        ("SET memory_limit = '90GB'", "must be one query that reads.*found SET"),
        ("INSTALL httpfs", "must be one query that reads"),
        ("DROP TABLE Lead", "must be one query that reads.*found DROP"),
        ("DELETE FROM Lead RETURNING *", "must be one query that reads.*found DELETE"),
        ("SELECT 1; SELECT 2", "must be one query that reads.*found SELECT, SELECT"),
        ("", "must be one query that reads.*found nothing"),
        ("SELEKT 1", "is not SQL"),
        ("SELECT Idd FROM Lead", '"Idd" not found'),
    ],
)
def test_a_query_reaches_nothing_but_the_files_that_are_named(folder, monkeypatch, sql, message):
    monkeypatch.chdir(folder)
    secret = pa.table({"lead_id": ["1"]})  # DuckDB would find it by its name in Python
    with pytest.raises(ValueError, match=rf"(?s)sql of \[leads\].*{message}"):
        read(folder, {"Lead": "Lead.csv"}, {"sql": sql})
    assert [path.name for path in folder.iterdir()] == ["Lead.csv"]
    assert secret.num_rows == 1


def test_a_fault_names_what_was_read_and_what_was_not(folder):
    write_text(folder / "Lead.csv", "Id,Made,Made", "1,2024-01-01,2024-01-02")
    with pytest.raises(
        ValueError, match=r"It reads Lead\. Files that it does not name: Deal\."
    ) as e:
        read(folder, {"Lead": "Lead.csv", "Deal": "x.csv"}, {"sql": "SELECT Made FROM Lead"})
    assert "stand twice or have no name: Lead.Made" in str(e.value)


def test_what_a_reader_says_of_its_file_reaches_the_person(folder):
    lines = "".join(f"{i},2024-01-01T00:00:00Z,Open\n" for i in range(20_000))
    whole = gzip.compress(f"{LEADS[0]}\n{lines}".encode())
    (folder / "Lead.csv.gz").write_bytes(whole[:-9])
    with pytest.raises(
        ValueError, match=r"^Lead\.csv\.gz cannot be read.*export or copy it again$"
    ):
        read(folder, {"Lead": "Lead.csv.gz"}, {"sql": READ_LEADS})


def test_a_result_of_lists_is_refused_with_the_way_out(folder):
    sql = "SELECT [Id] AS lead_id, Made AS created_at FROM Lead"
    with pytest.raises(ValueError, match=r"'lead_id' is not made of single values.*unnest"):
        read(folder, {"Lead": "Lead.csv"}, {"sql": sql})


def test_a_name_that_is_no_name_in_sql_is_refused(folder):
    with pytest.raises(ValueError, match="'Le ad' cannot be a table's name"):
        read(folder, {"Le ad": "Lead.csv"}, {"sql": "SELECT 1"})
    with pytest.raises(ValueError, match="SQL tells names apart by letters alone"):
        read(folder, {"Lead": "Lead.csv", "LEAD": "x.csv"}, {"sql": "SELECT 1"})


def test_a_query_larger_than_memory_goes_to_the_disk(folder, monkeypatch):
    monkeypatch.setattr("features.export.file_queries._MEMORY", "40MB")
    sql = """
        SELECT lead_id, min(created_at) AS created_at FROM (
            SELECT hash(i)::VARCHAR AS lead_id, '2024-01-01T00:00:00Z' AS created_at
            FROM range(600000) numbers(i))
        GROUP BY lead_id ORDER BY lead_id LIMIT 3 OFFSET 500000
    """
    assert read(folder, {"Lead": "Lead.csv"}, {"sql": sql}).leads.num_rows == 3


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def cells(rows, missing):
    return [[value or missing for value in row] for row in rows]


@pytest.mark.slow
@settings(max_examples=20)
@given(
    rows=st.lists(
        st.tuples(st.uuids(version=4).map(str), st.none() | TEXT.map(lambda t: "w" + t.strip())),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    cut=st.integers(0, 8),
)
def test_one_table_reads_the_same_from_every_kind_of_file(rows, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    header = ["lead_id", "source"]
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *cells(rows, "")])
    records = [dict(zip(header, row, strict=True)) for row in rows]
    (folder / "a.json").write_text(json.dumps(records), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(records), folder / "a.parquet")
    for name, piece in (("part1", records[:cut]), ("part2", records[cut:])):
        lines = "".join(json.dumps(record) + "\n" for record in piece)
        if lines:
            (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.write(folder / "a.csv", "deep/a.csv")
    sql = "SELECT *, '2024-01-01T00:00:00Z' AS created_at FROM Lead"
    kinds = {"source": "category"}

    def leads(path):
        return read(
            folder, {"Lead": path}, {"sql": sql, "fixed_at_creation": ["source"], "kinds": kinds}
        ).leads

    expected = leads("a.csv")
    assert expected["lead_id"].to_pylist() == [row[0] for row in rows]
    for path in ("a.json", "a.parquet", "part*.jsonl", "a.zip", "a.zip/deep/*.csv"):
        assert leads(path) == expected, path


def test_a_sheet_reads_like_a_file(folder):
    rows = [line.split(",") for line in LEADS]
    write_workbook(folder / "a.xlsx", {"About": [["made by"]], "Leads": rows})
    files = {"Lead": {"path": "a.xlsx", "sheet": "Leads"}}
    columns = {"lead_id": "Id", "created_at": "Made"}
    expected = read(folder, {"Lead": "Lead.csv"}, {"file": "Lead", "columns": columns}).leads
    assert read(folder, files, {"file": "Lead", "columns": columns}).leads == expected
    assert read(folder, files, {"sql": READ_LEADS}).leads == expected


def test_a_query_that_finds_no_end_is_stopped(folder, monkeypatch):
    monkeypatch.setattr(file_queries, "LONGEST_QUERY_SECONDS", 0.2)
    sql = f"{READ_LEADS}, range(1000000000000) WHERE hash(range) = 1"
    message = r"sql of \[leads\].* gave no further row in 0\.2 seconds\. Does it join every row"
    with pytest.raises(ValueError, match=message):
        read(folder, {"Lead": "Lead.csv"}, {"sql": sql})
