"""Reading an export: every kind of source, every rule, and nothing lost on the way."""

import csv
import gzip
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.arrays import Bool
from features.export import checked_rows
from features.export.inspection import inspection
from features.export.mapping import ExportMapping, export_mapping
from features.export.sources import LeadsRead, read_export
from features.export.sql_rows import expand_variables
from features.spine import ended_at, open_leads_at
from features.tables import Tables, keep_rejects, rejected_rows
from tests.support.exports import (
    at,
    csv_mapping,
    micros,
    write_csv,
    write_database,
    write_parquet,
    write_text,
)
from tests.support.required import missing
from tests.support.workbooks import write_workbook

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


def broken(tables: Tables) -> list[tuple[str, int, str]]:
    """Table, row and rule of every reject."""
    return [(r["table"], r["row"], r["rule"]) for r in tables.rejects.to_pylist()]


def read_leads(folder: Path, *lines: str, **sections: dict[str, object]) -> Tables:
    write_text(folder / "leads.csv", *lines)
    return read_export(csv_mapping(folder, **sections))


def read_interactions(folder: Path, *lines: str, **sections: dict[str, object]) -> Tables:
    write_text(folder / "leads.csv", "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    write_text(folder / "interactions.csv", *lines)
    return read_export(csv_mapping(folder, **sections))


# Every kind of source ------------------------------------------------------------------------


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


def test_a_query_is_read_as_it_is_written(tmp_path):
    write_database(f"sqlite:///{tmp_path / 'crm.db'}", "leads", LEADS)
    query = "SELECT lead_id, created_at, '%s :x' AS source FROM leads WHERE source LIKE '%w%'"
    leads = {"query": query, "fixed_at_creation": ["source"]}
    mapping = export_mapping({"data": {"database": "sqlite:///crm.db"}, "leads": leads}, tmp_path)
    assert read_export(mapping).leads["source"].to_pylist() == ["%s :x"] * 3


def test_a_database_file_that_is_not_there_is_not_made(tmp_path):
    sections = {"data": {"database": "sqlite:///crm.db"}, "leads": {"table": "leads"}}
    with pytest.raises(FileNotFoundError, match=r"crm\.db does not exist"):
        read_export(export_mapping(sections, tmp_path))
    assert not (tmp_path / "crm.db").exists()


def test_a_table_that_is_not_there_is_named(tmp_path):
    write_database(f"sqlite:///{tmp_path / 'crm.db'}", "leads", LEADS)
    sections = {"data": {"database": "sqlite:///crm.db"}, "leads": {"table": "clients"}}
    with pytest.raises(
        ValueError, match=r"table clients cannot be read from sqlite.*no such table"
    ):
        read_export(export_mapping(sections, tmp_path))


@pytest.mark.parametrize("url", ["crm:s3cret", "postgresql://ana:s3cret@host:port/crm"])
def test_a_url_that_cannot_be_parsed_is_not_shown(tmp_path, url):
    sections = {"data": {"database": url}, "leads": {"table": "leads"}}
    with pytest.raises(ValueError, match=r"must be a URL such as") as caught:
        read_export(export_mapping(sections, tmp_path))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


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
    """A PostgreSQL server of our own on loopback, with a password that no URL could hold as is."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = [path for path in homes if (path / "initdb").exists()]
    if not found and (which := shutil.which("initdb")):
        found = [Path(which).resolve().parent]
    if not found:
        missing("initdb is not installed; `apt-get install postgresql` brings it")
    user = "postgres" if os.geteuid() == 0 else None  # initdb refuses to run as root
    password = "p@ss/$w:rd %41"  # noqa: S105 - made up for this server
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        secret = Path(folder, "password")
        secret.write_text(password)
        if user:
            for path in (Path(folder), secret):
                shutil.chown(path, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(found[0] / program), "-D", f"{folder}/data", *arguments]
            subprocess.run(
                command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120
            )

        run("initdb", "-U", "ana", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -F"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield sa.URL.create(
                "postgresql+psycopg", "ana", password, "127.0.0.1", port, "postgres"
            )
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


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


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana@127.0.0.1:1/crm?password=s3cret",
        "postgresql://ana:s3cret@127.0.0.1:1/crm?passwrd=s3cret",
        "postgresql://ana@127.0.0.1:1/crm?password=$CRM_PASSWORD",
        "sqlite:///crm.db?uri=false&timeout=s3cret",
    ],
)
def test_no_part_of_a_url_can_carry_a_password_into_a_message(tmp_path, monkeypatch, url):
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    (tmp_path / "crm.db").write_bytes(b"")
    mapping = export_mapping({"data": {"database": url}, "leads": {"table": "leads"}}, tmp_path)
    with pytest.raises(ValueError, match=r"table leads cannot be read from") as caught:
        read_export(mapping)
    assert "s3cret" not in str(caught.value)


def test_variables_in_the_query_of_a_url_are_replaced(tmp_path, monkeypatch):
    monkeypatch.delenv("CRM_PASSWORD", raising=False)
    sections = {
        "data": {"database": "postgresql://ana@127.0.0.1:1/crm?password=$CRM_PASSWORD"},
        "leads": {"table": "leads"},
    }
    with pytest.raises(ValueError, match=r"\$CRM_PASSWORD, which is not set"):
        read_export(export_mapping(sections, tmp_path))


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ValueError, match=r"\$CRM_PASSWORD, which is not set"):
        expand_variables("$CRM_PASSWORD", {})


def test_a_value_from_the_environment_is_not_expanded_again():
    assert expand_variables("$A-$B", {"A": "$B", "B": "b"}) == "$B-b"


# What refuses a whole table ------------------------------------------------------------------


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


def test_an_attribute_both_declared_fixed_and_in_the_log_is_refused(tmp_path):
    write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", "1,2024-01-01,s,a")
    with pytest.raises(ValueError, match=r"'s' is declared fixed at creation and changes in"):
        read_leads(
            tmp_path, "lead_id,created_at,s", "1,2024-01-01,a", leads={"fixed_at_creation": ["s"]}
        )


# One rule, one reject ------------------------------------------------------------------------

LEAD_RULES = {
    "missing value": ",2024-01-01Z,,",
    "duplicate lead": "1,2024-01-01T00:00:00Z,,",
    "unparsable time": "2,01/02/2024,,",
    "time without zone": "2,2024-01-01 00:00:00,,",
    "absurd year": "2,9999-12-31T00:00:00Z,,",
    "after the end of the data": "2,2024-06-01T00:00:01Z,,",
    "rounded id": "1.23457E+15,2024-01-02T00:00:00Z,,",
    "text too long": f"{'2' * 201},2024-01-02T00:00:00Z,,",
    "malformed line": "2,2024-01-02T00:00:00Z,,,,",
}


@pytest.mark.parametrize("rule", LEAD_RULES)
def test_a_lead_that_breaks_a_rule_is_rejected_and_the_good_ones_go_on(tmp_path, rule):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at,converted_at,closed_at",
        "1,2024-01-01T00:00:00Z,,",
        LEAD_RULES[rule],
        "3,2024-01-01T00:00:00Z,,",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads["lead_id"].to_pylist() == ["1", "3"]
    assert ("leads", 2, rule) in broken(tables)
    assert {row for _, row, _ in broken(tables)} == {2}


OUTCOME_RULES = {
    "unparsable time": "soon",
    "wrong encoding": "2024-02-01T00:00:00Z\ufdd0",
    "time without zone": "2024-02-01 00:00:00",
    "absurd year": "9999-12-31T00:00:00Z",
    "after the end of the data": "2024-06-01T00:00:01Z",
    "converted before created": "2024-01-01T23:59:59Z",
}


@pytest.mark.parametrize("column", ["converted_at", "closed_at"])
@pytest.mark.parametrize("rule", OUTCOME_RULES)
def test_an_outcome_that_cannot_be_read_is_unknown_and_its_lead_stays(tmp_path, rule, column):
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "2,2024-01-20T00:00:00Z")
    tables = read_leads(
        tmp_path,
        f"lead_id,created_at,{column}",
        "1,2024-01-02T00:00:00Z,",
        f"2,2024-01-02T00:00:00Z,{OUTCOME_RULES[rule]}",
        "3,2024-01-02T00:00:00Z,2024-01-02T00:00:00Z",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads["lead_id"].to_pylist() == ["1", "2", "3"]
    assert tables.leads[column].is_null().to_pylist() == [True, True, False]
    assert tables.outcome_unknown == {"2"}
    rule = rule.replace("converted", column.removesuffix("_at"))
    assert ("leads", 2, rule) in broken(tables)
    assert set(tables.rejects["row"].to_pylist()) == {2}
    assert tables.interactions.num_rows == 1
    # Nobody knows whether the lead is open: it is neither learned from nor scored.
    assert ended_at(tables)[1] == micros("2024-01-02 00:00:00")
    spine = open_leads_at(micros("2024-03-01 00:00:00"), tables).spine
    assert spine.lead.tolist() == [0]


def test_an_outcome_that_a_word_says_is_missing_is_no_outcome(tmp_path):
    words = ["NULL", "\\N", "None", "NaN", "NaT", "n/a", " ", "-", "0000-00-00 00:00:00"]
    lines = [f"{i},2024-01-02T00:00:00Z,{word}" for i, word in enumerate(words)]
    tables = read_leads(tmp_path, "lead_id,created_at,converted_at", *lines)
    assert tables.leads["converted_at"].null_count == len(words)
    assert tables.rejects.num_rows == 0
    assert not tables.outcome_unknown


INTERACTION_RULES = {
    "missing value": "1,,,1",
    "unknown lead": "2,2024-01-01T00:00:00Z,,1",
    "rounded id": "1e+16,2024-01-01T00:00:00Z,,1",
    "unparsable time": "1,2024-02-30T00:00:00Z,,1",
    "after the end of the data": "1,2024-06-01T00:00:01Z,,1",
}
VALUE_RULES = {
    "unparsable number": ",one",
    "decimal comma": ',"1.234,5"',
    "not a finite number": ",inf",
    "measure too large": ",-900000000001",
    "measure too small": ",0.00002",
    "number too small": ",1e-400",
    "unparsable time": "soon,1",
    "absurd year": "2900-01-01T00:00:00Z,1",
}


def read_one_of_three(folder: Path, row: str) -> Tables:
    return read_interactions(
        folder,
        "lead_id,occurred_at,recorded_at,value",
        "1,2024-01-01T00:00:00Z,,900000000000",
        row,
        "1,2024-01-01T00:00:00Z,,1",
        data={"ends_at": "2024-06-01T00:00:00Z"},
        interactions={"measures": ["value"]},
    )


@pytest.mark.parametrize("rule", INTERACTION_RULES)
def test_an_interaction_that_breaks_a_rule_is_rejected(tmp_path, rule):
    tables = read_one_of_three(tmp_path, INTERACTION_RULES[rule])
    assert tables.interactions["value"].to_pylist() == [9e11, 1.0]
    assert ("interactions", 2, rule) in broken(tables)
    assert {row for _, row, _ in broken(tables)} == {2}


@pytest.mark.parametrize("rule", VALUE_RULES)
def test_a_wrong_value_of_an_interaction_costs_the_value(tmp_path, rule):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,{VALUE_RULES[rule]}")
    value = 1.0 if VALUE_RULES[rule].endswith(",1") else None
    assert tables.interactions["value"].to_pylist() == [9e11, value, 1.0]
    assert ("interactions", 2, rule) in broken(tables)
    assert set(tables.rejects["left_out"].to_pylist()) == {"value"}
    assert tables.interactions["recorded_at"][1] == tables.interactions["occurred_at"][1]


@pytest.mark.parametrize("text", ["-0", "-0.0", "0.00005", "0.0001", "-9e11", "9e11", "1e2"])
def test_a_number_is_kept_as_it_is_or_refused(tmp_path, text):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,,{text}")
    assert tables.interactions["value"][1].as_py() == float(text)
    assert tables.rejects.num_rows == 0


@pytest.mark.parametrize("text", ["1_000", "0x10", "1 000", "1e", "١٢", "1.2.3", "--1"])
def test_what_only_looks_like_a_number_is_left_out(tmp_path, text):
    tables = read_one_of_three(tmp_path, f"1,2024-01-02T00:00:00Z,,{text}")
    assert tables.interactions["value"].to_pylist() == [9e11, None, 1.0]
    assert broken(tables) == [("interactions", 2, "unparsable number")]


def test_a_row_is_counted_under_every_rule_that_it_breaks(tmp_path):
    tables = read_interactions(
        tmp_path,
        "lead_id,occurred_at,value",
        '7,never,"1,5"',
        interactions={"measures": ["value"]},
    )
    rules = ["decimal comma", "unknown lead", "unparsable time"]
    assert broken(tables) == [("interactions", 1, rule) for rule in rules]


def test_a_reject_names_row_column_and_value_as_the_export_writes_them(tmp_path):
    tables = read_leads(
        tmp_path,
        "id,created",
        "x,soon",
        leads={"columns": {"lead_id": "id", "created_at": "created"}},
    )
    (reject,) = tables.rejects.to_pylist()
    assert (reject["lead_id"], reject["column"], reject["value"]) == ("x", "created", "soon")
    assert "ISO 8601" in reject["explanation"]


def test_an_interaction_of_a_rejected_lead_is_one_of_an_unknown_lead(tmp_path):
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "2,2024-01-01T00:00:00Z")
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-01-01T00:00:00Z", "2,bad")
    assert ("interactions", 1, "unknown lead") in broken(tables)


def test_a_wrong_version_of_an_attribute_is_rejected(tmp_path):
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        "1,2024-01-01T00:00:00Z,score,1",
        "1,2024-01-01T00:00:00Z,score,high",
        "1,2024-01-01T00:00:00Z,,1",
        "2,2024-01-01T00:00:00Z,score,1",
        "1,2024-01-01T00:00:00Z,score,",
    )
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        attributes={"kinds": {"score": "number"}},
    )
    # Nobody knows what it became: it is missing from then on.
    assert tables.attribute_log["number"].to_pylist() == [1.0, None, None]
    assert broken(tables) == [
        ("attributes", 2, "unparsable number"),
        ("attributes", 3, "missing value"),
        ("attributes", 4, "unknown lead"),
    ]


# Dirty CSV -----------------------------------------------------------------------------------


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


# Times and numbers ---------------------------------------------------------------------------

TIMES = {
    "2024-07-01": "2024-06-30 22:00:00",
    "2024-07-01 09:30": "2024-07-01 07:30:00",
    "2024-07-01T09:30:00.123456789": "2024-07-01 07:30:00.123456",
    "2024-07-01 09:30:00Z": "2024-07-01 09:30:00",
    "2024-07-01 09:30:00+0530": "2024-07-01 04:00:00",
    "2024-07-01 09:30:00 -03": "2024-07-01 12:30:00",
    "2024-10-27 02:30:00": "2024-10-27 00:30:00",  # shown twice: the first
    "2024-10-27 03:00:00": "2024-10-27 02:00:00",
    "2024-10-27 01:59:59": "2024-10-26 23:59:59",
    "2024-03-31 03:00:00": "2024-03-31 01:00:00",
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_in_its_own_zone_or_the_configured_one(tmp_path, text):
    data = {"timezone": "Europe/Amsterdam"}
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data=data)
    assert tables.leads["created_at"].to_pylist() == [at(TIMES[text])]


def test_a_timestamp_of_an_attribute_may_lie_in_any_year(tmp_path):
    values = ["1948-05-01T00:00:00Z", "9999-12-31T00:00:00Z"]
    tables = read_attribute(tmp_path, "founded", values)
    assert [moment.year for moment in tables.leads["founded"].to_pylist()] == [1948, 9999]


def test_half_an_hour_shown_twice_is_read_as_the_first(tmp_path):
    data = {"timezone": "Australia/Lord_Howe"}
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-04-07 01:45:00", data=data)
    assert tables.leads["created_at"].to_pylist() == [at("2024-04-06 14:45:00")]


@pytest.mark.parametrize("text", ["2024-03-31 02:00:00", "2024-03-31 02:59:59"])
def test_a_time_that_the_clocks_skipped_is_rejected(tmp_path, text):
    data = {"timezone": "Europe/Amsterdam"}
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data=data)
    assert broken(tables) == [("leads", 1, "nonexistent local time")]


@pytest.mark.parametrize(
    "text", ["infinity", "epoch", "2024-13-01T00:00:00Z", "1317422324", "20240101"]
)
def test_what_only_looks_like_a_time_is_rejected(tmp_path, text):
    tables = read_leads(tmp_path, "lead_id,created_at", f"1,{text}", data={"timezone": "UTC"})
    assert broken(tables) == [("leads", 1, "unparsable time")]


def test_what_was_not_recorded_apart_was_recorded_as_it_occurred(tmp_path):
    tables = read_interactions(
        tmp_path, "lead_id,occurred_at,recorded_at", "1,2024-01-02T00:00:00Z,"
    )
    assert tables.interactions["recorded_at"] == tables.interactions["occurred_at"]


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


def test_what_was_recorded_at_the_very_end_is_kept(tmp_path):
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-06-01T00:00:00Z",
        data={"ends_at": "2024-06-01T00:00:00Z"},
    )
    assert tables.leads.num_rows == 1


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


# Attributes ----------------------------------------------------------------------------------


def read_attribute(folder: Path, name: str, values: list[str], **leads: object) -> Tables:
    rows = [
        {"lead_id": str(i), "created_at": at("2024-01-01 00:00:00"), name: value}
        for i, value in enumerate(values)
    ]
    write_csv(folder / "leads.csv", rows)
    leads = {"fixed_at_creation": [name], **leads}
    return read_export(csv_mapping(folder, leads=leads))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.5", "", "1e3"], "number"),
        (["2024-01-01T00:00:00Z", "", "2024-01-01T00:00:00+01:00"], "timestamp"),
        (["1", "two", "3"], "category"),
    ],
)
def test_the_kind_of_an_attribute_is_guessed_from_all_its_values(tmp_path, values, kind):
    assert read_attribute(tmp_path, "x", values).attribute_kinds == {"x": kind}


def test_a_configured_kind_is_taken_for_the_guess(tmp_path):
    tables = read_attribute(tmp_path, "x", ["1", "2"], kinds={"x": "category"})
    assert tables.leads["x"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "rule"),
    [
        ("number", "1", "two", "unparsable number"),
        ("number", "1", "1,5", "decimal comma"),
        ("number", "1", "inf", "not a finite number"),
        ("number", "1", "1e-400", "number too small"),
        ("timestamp", "2024-01-01T00:00:00Z", "soon", "unparsable time"),
        ("timestamp", "2024-01-01T00:00:00Z", "2024-01-01", "time without zone"),
        ("category", "a", "b" * 201, "text too long"),
    ],
)
def test_a_wrong_attribute_is_left_out_alone_and_named(tmp_path, kind, good, wrong, rule):
    tables = read_attribute(tmp_path, "x", [good, wrong, good], kinds={"x": kind})
    assert tables.leads["lead_id"].to_pylist() == ["0", "1", "2"]
    assert tables.leads["x"].is_null().to_pylist() == [False, True, False]
    (reject,) = tables.rejects.to_pylist()
    named = ("x", "value", rule, wrong)
    assert (reject["column"], reject["left_out"], reject["rule"], reject["value"]) == named


def test_a_text_of_the_greatest_length_is_kept(tmp_path):
    tables = read_attribute(tmp_path, "x", ["é" * 200, "é" * 200])
    assert tables.rejects.num_rows == 0


def test_a_word_of_an_interaction_that_is_too_long_is_left_out_alone(tmp_path):
    tables = read_interactions(
        tmp_path, "lead_id,occurred_at,kind", f"1,2024-01-02T00:00:00Z,{'k' * 201}"
    )
    assert tables.interactions["kind"].to_pylist() == [None]
    assert broken(tables) == [("interactions", 1, "text too long")]


def test_an_odd_word_among_numbers_does_not_make_words_of_them(tmp_path):
    tables = read_attribute(tmp_path, "x", [*map(str, range(95)), "n/a", "", "-", "?", "", "x"])
    assert tables.attribute_kinds == {"x": "number"}
    assert tables.leads["x"].null_count == 6
    # What programs write for a missing number is no wrong one.
    assert tables.rejects["value"].to_pylist() == ["?", "x"]


def test_numbers_among_many_words_are_words(tmp_path):
    tables = read_attribute(tmp_path, "x", [*["1"] * 90, *["a"] * 10])
    assert tables.attribute_kinds == {"x": "category"}


def test_a_mistyped_name_in_allow_sensitive_is_reported(tmp_path):
    tables = read_attribute(tmp_path, "age", ["1", "2"], allow_sensitive=["agee"])
    assert tables.unused["allow_sensitive.agee"].endswith("Did you mean 'age'?")
    assert "allow_sensitive.age" not in tables.unused


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


@pytest.mark.parametrize("most", [40, 4000])
def test_a_compressed_file_that_was_cut_off_is_named(tmp_path, most):
    lines = "".join(f"{i},2024-01-01T00:00:00Z\n" for i in range(20_000))
    whole = gzip.compress(f"lead_id,created_at\n{lines}".encode())
    (tmp_path / "leads.csv.gz").write_bytes(whole[:most])
    with pytest.raises(ValueError, match=r"leads\.csv\.gz cannot be read"):
        read_export(export_mapping({"leads": {"source": "leads.csv.gz"}}, tmp_path))


def test_reading_tells_how_far_it_is(tmp_path):
    told = []
    mapping = write_export(tmp_path, "csv")
    read_export(mapping, lambda table, rows: told.append((table, rows)))
    assert told == [("leads", 0), ("attributes", 0), ("interactions", 0), ("interactions", 3)]


@pytest.mark.parametrize(
    "name",
    ["name", "contact_name", "E-Mail", "phoneNumber", "telefone", "Телефон", "cognome", "adresa"],
)
def test_a_column_named_like_personal_data_is_never_used(tmp_path, name):
    tables = read_attribute(tmp_path, name, ["a", "b"], allow_sensitive=[name])
    assert tables.attribute_kinds == {}
    assert tables.unused[name].startswith("personal data: its name speaks of")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["ana@example.org", "rui@example.org", "none"], "e-mail addresses"),
        (["+351 912 345 678", "(020) 123 4567", "0031201234567"], "phone numbers"),
        (["PT50 0002 0123 1234 5678 9015 4", "NL91ABNA0417164300"], "account numbers"),
        (["she rang twice and wants a price", "he will call back after the fair"], "free text"),
    ],
)
def test_values_that_look_personal_are_never_used(tmp_path, values, what):
    tables = read_attribute(tmp_path, "contact_info", values, kinds={"contact_info": "category"})
    assert tables.attribute_kinds == {}
    assert tables.unused["contact_info"] == f"personal data: its values look like {what}"


def test_a_category_in_which_almost_all_values_differ_needs_a_configured_kind(tmp_path):
    values = [f"a{i}" for i in range(60)]
    assert "almost all values differ" in read_attribute(tmp_path, "x", values).unused["x"]
    configured = read_attribute(tmp_path, "x", values, kinds={"x": "category"})
    assert configured.attribute_kinds == {"x": "category"}


@pytest.mark.parametrize(
    "name", ["age", "customer_age", "estado_civil", "возраст", "venit", "sesso"]
)
def test_a_sensitive_column_is_used_only_where_it_is_allowed(tmp_path, name):
    assert read_attribute(tmp_path, name, ["1", "2"]).unused[name].startswith("sensitive: ")
    allowed = read_attribute(tmp_path, name, ["1", "2"], allow_sensitive=[name])
    assert allowed.attribute_kinds == {name: "number"}


@pytest.mark.parametrize("where", ["leads", "attributes"])
def test_a_flag_whose_name_speaks_of_a_person_can_be_allowed_by_name(tmp_path, where):
    flags = {"allow_flags": ["Do Not Email"]}
    if where == "leads":
        values = ["true", "false"]
        assert (
            "allow_flags" in read_attribute(tmp_path, "Do Not Email", values).unused["Do Not Email"]
        )
        tables = read_attribute(tmp_path, "Do Not Email", values, **flags)
    else:
        line = "0,2024-01-02T00:00:00Z,Do Not Email,true"
        write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", line)
        tables = read_leads(tmp_path, "lead_id,created_at", "0,2024-01-01T00:00:00Z", leads=flags)
    assert tables.attribute_kinds == {"Do Not Email": "category"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"w{i}" for i in range(21)], "it has 21"),
        (["ana@example.org", "rui@example.org"], "e-mail addresses"),
    ],
)
def test_what_is_allowed_as_a_flag_must_be_one(tmp_path, values, words):
    tables = read_attribute(tmp_path, "email", values, allow_flags=["email"])
    assert words in tables.unused["email"]


def test_names_of_ours_in_the_log_are_not_used(tmp_path):
    lines = [f"1,2024-01-02T00:00:00Z,{name},5" for name in ("lead_id", "converted_at", "size")]
    write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", *lines)
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    assert tables.attribute_kinds == {"size": "number"}
    assert sorted(tables.unused) == ["attributes.converted_at", "attributes.lead_id"]
    assert inspection(tables).attributes[0].coverage == 1


def test_an_outcome_may_not_be_an_attribute_under_another_name(tmp_path):
    with pytest.raises(ValueError, match=r"'won' is the column 'converted_at', which is .* ours"):
        read_leads(
            tmp_path,
            "lead_id,created_at,converted_at",
            "1,2024-01-01T00:00:00Z,",
            leads={"fixed_at_creation": ["won"], "columns": {"won": "converted_at"}},
        )


@pytest.mark.parametrize("name", ["campaign_name", "email_opens", "page", "phone_type", "village"])
def test_a_harmless_column_is_used(tmp_path, name):
    assert name in read_attribute(tmp_path, name, ["1", "2"]).attribute_kinds


def test_a_column_that_is_not_declared_is_not_used(tmp_path):
    tables = read_leads(tmp_path, "lead_id,created_at,card", "1,2024-01-01T00:00:00Z,7")
    assert tables.unused == {"card": "not declared in fixed_at_creation"}


def test_a_column_without_a_value_is_not_used(tmp_path):
    assert read_attribute(tmp_path, "x", ["", ""]).unused == {"x": "it has no value in any row"}


def test_personal_and_sensitive_names_in_the_log_are_not_used(tmp_path):
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        *(f"1,2024-01-01T00:00:00Z,{name},5" for name in ("email", "age", "income", "score")),
    )
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        leads={"allow_sensitive": ["income"]},
    )
    assert tables.attribute_log["name"].to_pylist() == ["income", "score"]
    assert sorted(tables.unused) == ["attributes.age", "attributes.email"]
    assert tables.unused["attributes.email"].endswith("(1 rows)")


# Nothing is lost -----------------------------------------------------------------------------

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


# Files that are not what their names say ------------------------------------------------------

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


CONTACTS = (
    "1,2024-02-01 10:00:00Z,call,60",
    "2,2024-02-02 10:00:00Z,call,long",  # a reject of a lead that nobody asks about
    "1,2024-02-03 10:00:00Z,call,short",
    "C2,2024-02-04 10:00:00Z,mail,1",
    "9,2024-02-05 10:00:00Z,mail,1",
    ",2024-02-06 10:00:00Z,mail,1",
    "2,2024-03-09 10:00:00Z,mail,1",
    "C9,2024-02-08 10:00:00Z,mail,1",
)


def read_contacts_of(folder: Path, with_contacts: LeadsRead | None, ends_at: str | None) -> Tables:
    leads = ("lead_id,created_at,contact,former", "1,2024-01-01 00:00:00Z,C1,C9")
    write_text(folder / "leads.csv", "\n".join((*leads, "2,2024-01-02 00:00:00Z,C2,C9")) + "\n")
    header = "lead_id,occurred_at,kind,seconds"
    write_text(folder / "interactions.csv", "\n".join((header, *CONTACTS)) + "\n")
    sections = {
        "data": {"ends_at": ends_at},
        "leads": {"source": "leads.csv", "also_known_as": ["contact", "former"]},
        "interactions": {"source": "interactions.csv", "measures": ["seconds"]},
    }
    return read_export(export_mapping(sections, folder), with_contacts=with_contacts)


@pytest.mark.parametrize("ends_at", [None, "2024-04-01T00:00:00Z"])
def test_of_leads_that_nobody_asks_about_no_contact_is_read(tmp_path, ends_at) -> None:
    everything = read_contacts_of(tmp_path, None, ends_at)
    asked = read_contacts_of(
        tmp_path,
        lambda leads, _: np.array([i == "1" for i in leads["lead_id"].to_pylist()]),
        ends_at,
    )
    rows, all_rows = asked.interactions.to_pylist(), everything.interactions.to_pylist()
    of_first = [row for row in all_rows if row["lead_id"] == "1"]
    shared = [row for row in all_rows if row["occurred_at"] == at("2024-02-08 10:00:00")]
    assert rows == [*of_first, *shared]
    assert len(all_rows) == len(rows) + 3
    assert (asked.leads, asked.data_end) == (everything.leads, everything.data_end)
    # Whatever may belong to a lead that is asked about is still judged: strangers, shared ids.
    assert broken(asked) == [found for found in broken(everything) if found[1] != 2]
    assert broken(everything) != broken(asked)


def test_the_leads_that_are_asked_about_are_chosen_by_what_was_read_of_them(tmp_path) -> None:
    chosen: list[tuple[int, frozenset[str]]] = []

    def nobody(leads: pa.Table, outcome_unknown: frozenset[str]) -> Bool:
        chosen.append((leads.num_rows, outcome_unknown))
        return np.zeros(leads.num_rows, np.bool_)

    tables = read_contacts_of(tmp_path, nobody, None)
    assert chosen == [(2, frozenset())]
    assert tables.interactions.num_rows == 0
