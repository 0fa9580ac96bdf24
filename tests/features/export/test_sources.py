"""Reading an export: every kind of source, and nothing lost on the way."""

import csv
import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export import checked_rows
from features.export.mapping import ExportMapping, export_mapping
from features.export.sources import read_export
from features.tables import Tables, keep_rejects, rejected_rows
from tests.support.exports import (
    at,
    broken,
    csv_mapping,
    micros,
    read_interactions,
    read_leads,
    write_csv,
    write_database,
    write_parquet,
    write_text,
)
from tests.support.postgres import postgresql_server

LEADS = [
    {
        "lead_id": str(i),
        "created_at": at(f"2024-01-0{i} 10:00:00"),
        "converted_at": at("2024-02-01 08:30:00.25") if i == 2 else None,
        "source": ["web", 'w"eb', "it's; DROP TABLE leads", None, "web"][i - 1],
        "amount": [100.0, 12.5, None, 0.1, -3.0][i - 1],
        "due": at("2030-01-01 00:00:00"),
        "email": f"ana{i}@example.org",
    }
    for i in range(1, 6)
]


INTERACTIONS = [
    {
        "lead_id": lead_id,
        "occurred_at": at("2024-01-20 09:00:00"),
        "recorded_at": at("2024-01-20 09:00:01"),
        "kind": kind,
        "value": value,
    }
    for lead_id, kind, value in [("1", "TEL", 3.5), ("9", "call", 1.0), ("2", None, None)]
]


ATTRIBUTES = [
    {"lead_id": "1", "recorded_at": at("2024-01-05 00:00:00"), "name": name, "value": value}
    for name, value in [("stage", "new"), ("score", "4"), ("meets", "2024-03-01T00:00:00Z")]
]


TABLES = {"leads": LEADS, "interactions": INTERACTIONS, "attributes": ATTRIBUTES}


SECTIONS = {
    "leads": {"fixed_at_creation": ["source", "amount", "due", "email"]},
    "interactions": {"measures": ["value"], "values": {"kind": {"TEL": "call"}}},
    "attributes": {},
}


def write_export(folder: Path, source: str) -> ExportMapping:
    """Write the export above as one kind of source."""
    data: dict[str, object] = {}
    for name, rows in TABLES.items():
        if source == "csv":
            write_csv(folder / f"{name}.csv", rows)
        elif source == "parquet":
            write_parquet(folder / f"{name}.parquet", rows)
        else:
            write_database(f"sqlite:///{folder / 'crm.db'}", name, rows)
            data = {"database": "sqlite:///crm.db"}
    place = "table" if source == "sqlite" else "source"
    suffix = "" if source == "sqlite" else f".{source}"
    sections = {name: {place: name + suffix, **more} for name, more in SECTIONS.items()}
    return export_mapping({"data": data, **sections}, folder)


def assert_same(tables: Tables, expected: Tables) -> None:
    for name in ("leads", "interactions", "attribute_log", "attribute_kinds", "unused"):
        assert getattr(tables, name) == getattr(expected, name), name
    assert tables.data_end == expected.data_end
    places = ["table", "row", "lead_id", "column", "rule", "value"]
    assert tables.rejects.select(places) == expected.rejects.select(places)


@pytest.mark.parametrize("source", ["csv", "parquet", "sqlite"])
def test_the_same_export_gives_the_same_tables_whatever_it_is_kept_in(tmp_path, source):
    (tmp_path / "csv").mkdir()
    expected = read_export(write_export(tmp_path / "csv", "csv"))
    assert_same(read_export(write_export(tmp_path, source)), expected)


def test_rows_keep_their_order_in_whatever_order_threads_answer(tmp_path, monkeypatch):
    mapping = write_export(tmp_path, "csv")
    expected = read_export(mapping)
    run_on = checked_rows.run_on

    def last_row_first(connection, query, chunk):
        rows = run_on(connection, query, chunk)
        return rows.take(pa.array(range(rows.num_rows)[::-1], pa.int64()))

    monkeypatch.setattr(checked_rows, "run_on", last_row_first)
    assert_same(read_export(mapping), expected)


@pytest.mark.parametrize("source", ["csv", "parquet", "sqlite"])
def test_columns_may_stand_in_any_order(tmp_path, source):
    expected = read_export(write_export(tmp_path, source))
    backwards = {name: [dict(reversed(r.items())) for r in rows] for name, rows in TABLES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "TABLES", backwards)
        (tmp_path / "backwards").mkdir()
        tables = read_export(write_export(tmp_path / "backwards", source))
    for name in ("leads", "interactions", "attribute_log"):
        assert getattr(tables, name) == getattr(expected, name)


def test_good_rows_keep_their_order_types_and_values(tmp_path):
    tables = read_export(write_export(tmp_path, "csv"))
    assert tables.leads["source"].to_pylist() == [row["source"] for row in LEADS]
    assert tables.leads["amount"].to_pylist() == [row["amount"] for row in LEADS]
    assert tables.leads["due"].to_pylist() == [row["due"] for row in LEADS]
    assert tables.leads["converted_at"].to_pylist() == [row["converted_at"] for row in LEADS]
    assert tables.interactions["kind"].to_pylist() == ["call", None]
    assert tables.interactions["value"].to_pylist() == [3.5, None]
    assert tables.interactions["agent"].null_count == 2


def test_a_version_of_an_attribute_holds_text_or_number_by_its_kind(tmp_path):
    log = read_export(write_export(tmp_path, "csv")).attribute_log
    assert log["name"].to_pylist() == ["stage", "score", "meets"]
    assert log["text"].to_pylist() == ["new", None, None]
    assert log["number"].to_pylist() == [None, 4.0, float(micros("2024-03-01 00:00:00"))]


def test_a_compressed_csv_is_read_like_a_plain_one(tmp_path):
    mapping = write_export(tmp_path, "csv")
    expected = read_export(mapping)
    for name in TABLES:
        path = tmp_path / f"{name}.csv"
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    sections = {name: {"source": f"{name}.csv.gz", **more} for name, more in SECTIONS.items()}
    assert_same(read_export(export_mapping(sections, tmp_path)), expected)


def test_a_missing_file_is_named_with_its_section(tmp_path):
    mapping = export_mapping({"leads": {"source": "leads.csv"}}, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"leads\.csv does not exist.*\[leads\]"):
        read_export(mapping)


def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path):
    (tmp_path / "leads.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"leads\.parquet is not a Parquet file"):
        read_export(export_mapping({"leads": {"source": "leads.parquet"}}, tmp_path))


def test_a_column_of_lists_is_refused_by_its_type(tmp_path):
    rows = {"lead_id": ["1"], "created_at": [at("2024-01-01 00:00:00")], "tags": [["a"]]}
    pq.write_table(pa.table(rows), tmp_path / "leads.parquet")
    leads = {"source": "leads.parquet", "fixed_at_creation": ["tags"]}
    with pytest.raises(ValueError, match=r"not made of single values.*tags \(list<"):
        read_export(export_mapping({"leads": leads}, tmp_path))


@pytest.fixture(scope="module")
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL server of our own."""
    with postgresql_server() as server:
        yield server.url


@pytest.mark.slow
def test_postgresql_gives_the_same_tables_as_csv(tmp_path, monkeypatch, postgres):
    expected = read_export(write_export(tmp_path, "csv"))
    for name, rows in TABLES.items():
        write_database(postgres, name, rows)
    monkeypatch.setenv("CRM_PASSWORD", postgres.password)
    data = {"database": f"postgresql://ana:$CRM_PASSWORD@127.0.0.1:{postgres.port}/postgres"}
    sections = {name: {"table": f"public.{name}", **more} for name, more in SECTIONS.items()}
    assert_same(read_export(export_mapping({"data": data, **sections}, tmp_path)), expected)


@pytest.mark.slow
def test_a_query_to_postgresql_is_run_as_it_is_written(tmp_path, monkeypatch, postgres):
    monkeypatch.setenv("CRM_PASSWORD", postgres.password)
    data = {"database": f"postgresql://ana:$CRM_PASSWORD@127.0.0.1:{postgres.port}/postgres"}
    query = "SELECT 1 AS lead_id, timestamptz 'epoch' AS created_at WHERE 'a:b%s' LIKE '%:b%'"
    mapping = export_mapping({"data": data, "leads": {"query": query}}, tmp_path)
    assert read_export(mapping).leads["lead_id"].to_pylist() == ["1"]


@pytest.mark.slow
def test_a_wrong_password_is_said_without_showing_it(tmp_path, monkeypatch, postgres):
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    data = {"database": f"postgresql://ana:$CRM_PASSWORD@127.0.0.1:{postgres.port}/postgres"}
    mapping = export_mapping({"data": data, "leads": {"table": "leads"}}, tmp_path)
    with pytest.raises(ValueError, match=r"password authentication failed") as caught:
        read_export(mapping)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("source", ["csv", "parquet", "sqlite"])
def test_ids_match_between_tables_that_keep_them_differently(tmp_path, source):
    """Digits, floats beside a missing id, and a column of fixed width name one lead."""
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1001,2024-01-01T00:00:00Z")
    occurred = at("2024-01-02 00:00:00")
    ids: list[float | str | None] = [1001.0, 1002.0, None]
    if source == "csv":
        ids = ["1001.0 ", "\u200b1002.0", None]
    rows = [{"lead_id": id_, "occurred_at": occurred} for id_ in ids]
    interactions: dict[str, object] = {"source": f"interactions.{source}"}
    data: dict[str, object] = {}
    if source == "csv":
        write_csv(tmp_path / "interactions.csv", rows)
    elif source == "parquet":
        write_parquet(tmp_path / "interactions.parquet", rows)
    else:
        write_database(f"sqlite:///{tmp_path / 'crm.db'}", "interactions", rows)
        interactions, data = {"table": "interactions"}, {"database": "sqlite:///crm.db"}
    sections = {"data": data, "leads": {"source": "leads.csv"}, "interactions": interactions}
    tables = read_export(export_mapping(sections, tmp_path))
    assert tables.interactions["lead_id"].to_pylist() == ["1001"]
    assert broken(tables) == [
        ("interactions", 2, "unknown lead"),
        ("interactions", 3, "missing value"),
    ]


@pytest.mark.parametrize("lines", [(), ("",), ("lead_id,created_at",)])
def test_an_empty_file_is_refused(tmp_path, lines):
    with pytest.raises(ValueError, match=r"leads\.csv is empty"):
        read_leads(tmp_path, *lines)


HOSTILE = [
    '"; DROP TABLE chunk; --',
    "'; DROP TABLE x",
    "a\nb",
    "t0",
    "=1+1",
    "<b>",
    "../x",
    "ä\x00",
]


def test_hostile_values_and_column_names_survive_as_data(tmp_path):
    column = "so\"ur'ce); DROP"
    rows = [
        {"lead_id": text, "created_at": at("2024-01-01 00:00:00"), column: text, "T0": text}
        for text in HOSTILE
    ]
    write_csv(tmp_path / "leads.csv", rows)
    tables = read_export(csv_mapping(tmp_path, leads={"fixed_at_creation": [column, "T0"]}))
    for name in ("lead_id", column, "T0"):
        assert tables.leads[name].to_pylist() == HOSTILE


def test_a_meeting_booked_ahead_is_kept_and_does_not_move_the_end(tmp_path):
    tables = read_interactions(
        tmp_path,
        "lead_id,occurred_at,recorded_at",
        "1,2025-01-01T00:00:00Z,2024-02-01T00:00:00Z",
    )
    assert tables.interactions.num_rows == 1
    assert tables.data_end == micros("2024-02-01 00:00:00")


def test_an_interaction_booked_ahead_does_not_move_the_end_even_when_unrecorded(tmp_path):
    lines = [f"1,2024-01-0{i}T00:00:00Z" for i in range(1, 9)]
    tables = read_interactions(tmp_path, "lead_id,occurred_at", *lines, "1,2030-01-01T00:00:00Z")
    assert tables.interactions.num_rows == 9
    assert tables.data_end == micros("2024-01-08")


def test_the_configured_end_is_the_end(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.data_end == micros("2024-06-01 00:00:00")


@pytest.mark.parametrize("name", ["row", "malformed", "first", "known", "t0", "v0", "broken0"])
def test_a_column_may_be_called_like_our_own_ones(tmp_path, name):
    rows = [{"lead_id": "1", "created_at": at("2024-01-01 00:00:00"), name: "5"}]
    write_csv(tmp_path / "leads.csv", rows)
    events = [{"lead_id": "1", "occurred_at": at("2024-01-02 00:00:00"), name: "7"}]
    write_csv(tmp_path / "interactions.csv", events)
    tables = read_export(
        csv_mapping(
            tmp_path, leads={"fixed_at_creation": [name]}, interactions={"measures": [name]}
        )
    )
    assert tables.leads[name].to_pylist() == [5.0]
    assert tables.interactions[name].to_pylist() == [7.0]


def test_reading_tells_how_far_it_is(tmp_path):
    told = []
    mapping = write_export(tmp_path, "csv")
    read_export(mapping, lambda table, rows: told.append((table, rows)))
    assert told == [("leads", 0), ("attributes", 0), ("interactions", 0), ("interactions", 3)]


lead_ids = st.sampled_from(["1", "2", "3", "", "é", "a\nb"])


times = st.sampled_from(["2024-01-01", "2024-03-31 02:30:00", "", "soon", "2500-01-01", "1é"])


numbers = st.sampled_from(["1", "", "1,5x", "inf", "9e99", "x"])


lead_rows = st.lists(st.tuples(lead_ids, times, times, times), min_size=1, max_size=12)


widths = st.sampled_from([0, 0, 0, 0, 1, -1])


interaction_rows = st.lists(st.tuples(lead_ids, times, times, numbers), min_size=1, max_size=12)


def write_dirty(path: Path, header: list[str], rows: list[tuple[str, ...]], width: list[int]):
    """Write rows of which some are too long or too short, and whose é is not UTF-8."""
    with path.open("w", newline="", encoding="latin-1") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for row, more in zip(rows, width, strict=True):
            writer.writerow([*row, "x"] if more > 0 else row[: len(row) + more])


@pytest.mark.slow
@given(data=st.data(), leads=lead_rows, interactions=interaction_rows)
@settings(max_examples=20, deadline=None)
def test_every_row_is_either_good_or_rejected(data, leads, interactions):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, header, rows in (
            ("leads", ["lead_id", "created_at", "converted_at", "closed_at"], leads),
            ("interactions", ["lead_id", "occurred_at", "recorded_at", "value"], interactions),
        ):
            width = data.draw(st.lists(widths, min_size=len(rows), max_size=len(rows)))
            write_dirty(folder / f"{table}.csv", header, rows, width)
        mapping = csv_mapping(
            folder, data={"timezone": "Europe/Amsterdam"}, interactions={"measures": ["value"]}
        )
        tables = read_export(mapping)
        keep_rejects(tables.rejects, folder / "rejects.csv")
    assert tables.leads.num_rows + rejected_rows(tables.rejects, "leads") == len(leads)
    good = tables.interactions.num_rows
    assert good + rejected_rows(tables.rejects, "interactions") == len(interactions)
