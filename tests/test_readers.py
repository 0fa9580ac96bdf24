"""One table reads the same in every format and dialect, and what means nothing changes nothing."""

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export.mapping import export_mapping
from features.export.sources import read_export
from features.export.suspicions import suspicions
from features.tables import Tables
from tests.support.exports import write_csv, write_database
from tests.support.workbooks import write_workbook

Row = dict[str, Any]
COLUMNS = ("lead_id", "occurred_at", "kind", "amount")
START = datetime(2024, 1, 1, tzinfo=UTC)

# A spreadsheet does not tell midnight from a day without an hour.
moments = st.integers(0, 10**7).map(lambda s: START + timedelta(seconds=s + (s % 86_400 == 0)))
words = st.sampled_from(["call", "visit", "réunion", "встреча", 'with "quotes"', "a;b,c|d", None])
amounts = st.none() | st.integers(-(10**6), 10**6).map(lambda cents: cents / 100)
rows_of_interactions = st.lists(
    st.builds(
        lambda lead, moment, kind, amount: dict(
            zip(COLUMNS, (lead, moment, kind, amount), strict=True)
        ),
        st.integers(1000, 1003),
        moments,
        words,
        amounts,
    ),
    min_size=1,
    max_size=8,
)


def local(moment: datetime, pattern: str) -> str:
    return moment.strftime(pattern)


def text_rows(rows: Sequence[Row], date: Callable[[datetime], str], decimal: str) -> list[Row]:
    """Rows as a program of some country writes them."""

    def number(value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:,.2f}".translate(str.maketrans({",": "'", ".": decimal}))

    return [
        {
            "lead_id": str(row["lead_id"]),
            "occurred_at": date(row["occurred_at"]),
            "kind": row["kind"] or "",
            "amount": number(row["amount"]),
        }
        for row in rows
    ]


def dialect(delimiter: str, encoding: str, dates: str, decimal: str) -> Callable[..., Row]:
    def write(folder: Path, rows: Sequence[Row]) -> Row:
        path = folder / "interactions.csv"
        texts = text_rows(rows, lambda moment: local(moment, dates), decimal)
        write_csv(path, texts)
        text = path.read_text(encoding="utf-8")
        if delimiter != ",":
            lines = [list(COLUMNS), *([row[name] for name in COLUMNS] for row in texts)]
            text = "\r\n".join(
                delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line)
                for line in lines
            )
        path.write_bytes(text.encode(encoding))
        more = {"decimal": decimal} if decimal != "." else {}
        return {
            "source": "interactions.csv",
            "delimiter": delimiter,
            "encoding": encoding,
            "dates": dates,
            "thousands": "'",
            "timezone": "UTC",
            **more,
        }

    return write


def as_parquet(folder: Path, rows: Sequence[Row]) -> Row:
    kinds = [pa.float64(), pa.timestamp("us", "Europe/Rome"), pa.string(), pa.float64()]
    columns = [
        pa.array([row[name] for row in rows], kind)
        for name, kind in zip(COLUMNS, kinds, strict=True)
    ]
    # As pandas writes a missing number.
    columns[3] = pa.array(
        [float("nan") if row["amount"] is None else row["amount"] for row in rows]
    )
    pq.write_table(pa.table(columns, names=list(COLUMNS)), folder / "interactions.parquet")
    return {"source": "interactions.parquet"}


def as_sql(folder: Path, rows: Sequence[Row]) -> Row:
    floats = [
        {**row, "lead_id": float(row["lead_id"]), "occurred_at": row["occurred_at"].isoformat()}
        for row in rows
    ]
    write_database(f"sqlite:///{folder / 'crm.db'}", "interactions", floats)
    return {"table": "interactions"}


def as_excel(folder: Path, rows: Sequence[Row]) -> Row:
    cells = [list(COLUMNS), *([row[name] for name in COLUMNS] for row in rows)]
    write_workbook(folder / "interactions.xlsx", {"Calls": cells})
    return {"source": "interactions.xlsx", "timezone": "UTC"}


def as_json(folder: Path, rows: Sequence[Row]) -> Row:
    lines = [
        json.dumps({**row, "occurred_at": row["occurred_at"].isoformat()}, ensure_ascii=False)
        for row in rows
    ]
    (folder / "interactions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {"source": "interactions.jsonl"}


def as_epochs(folder: Path, rows: Sequence[Row]) -> Row:
    epochs = [
        {**row, "occurred_at": str(int(row["occurred_at"].timestamp() * 1000))} for row in rows
    ]
    write_csv(folder / "interactions.csv", epochs)
    return {"source": "interactions.csv", "formats": {"occurred_at": {"dates": "epoch_ms"}}}


FORMS: dict[str, Callable[[Path, Sequence[Row]], Row]] = {
    "italian csv": dialect(";", "cp1252", "%d/%m/%Y %H:%M:%S", ","),
    "american csv": dialect(",", "utf-8", "%m/%d/%Y %I:%M:%S %p", "."),
    "german csv": dialect("\t", "utf-16", "%d.%m.%Y, %H:%M:%S", ","),
    "epochs": as_epochs,
    "parquet": as_parquet,
    "sql": as_sql,
    "excel": as_excel,
    "json lines": as_json,
}


def read(folder: Path, interactions: Row) -> Tables:
    leads = [{"lead_id": str(i), "created_at": START.isoformat()} for i in range(1000, 1003)]
    write_csv(folder / "leads.csv", leads)
    sections = {
        "data": {"database": "sqlite:///crm.db"},
        "leads": {"source": "leads.csv"},
        "interactions": {"measures": ["amount"], **interactions},
    }
    return read_export(export_mapping(sections, folder))


def canonical(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    return [
        (str(row["lead_id"]), row["occurred_at"], row["kind"], row["amount"])
        for row in rows
        if row["lead_id"] < 1003
    ]


def accepted(tables: Tables) -> list[tuple[object, ...]]:
    events = tables.interactions
    return list(zip(*(events[name].to_pylist() for name in COLUMNS), strict=True))


@pytest.mark.parametrize("form", FORMS)
@given(rows=rows_of_interactions)
@settings(max_examples=8, deadline=None)
def test_one_table_reads_the_same_in_every_format(form, rows) -> None:
    if form == "italian csv":
        rows = [{**row, "kind": None if row["kind"] == "встреча" else row["kind"]} for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = read(folder, FORMS[form](folder, rows))
    assert accepted(tables) == canonical(rows)
    rejected = [i for i, row in enumerate(rows, start=1) if row["lead_id"] == 1003]
    assert sorted(set(tables.rejects["row"].to_pylist())) == rejected


# What means nothing changes nothing, or is told --------------------------------------------------

PLAIN = [
    {
        "lead_id": 1000 + i % 3,
        "occurred_at": START + timedelta(hours=31 * i, minutes=7),
        "kind": ["call", "visit"][i % 2],
        "amount": float(i),
    }
    for i in range(30)
]


def csv_of(folder: Path, rows: Sequence[Row], **more: object) -> Tables:
    texts = [{**row, "occurred_at": row["occurred_at"].isoformat()} for row in rows]
    write_csv(folder / "interactions.csv", texts)
    return read(folder, {"source": "interactions.csv", **more})


@pytest.fixture
def plain(tmp_path) -> list[tuple[object, ...]]:
    (tmp_path / "plain").mkdir()
    tables = csv_of(tmp_path / "plain", PLAIN)
    assert suspicions(tables) == ()
    return accepted(tables)


def test_the_zone_in_which_times_are_written_changes_nothing(tmp_path, plain) -> None:
    zones = [timezone(timedelta(hours=hours)) for hours in (-11, 0, 5.5, 14)]
    moved = [
        {**row, "occurred_at": row["occurred_at"].astimezone(zones[i % 4])}
        for i, row in enumerate(PLAIN)
    ]
    assert accepted(csv_of(tmp_path, moved)) == plain


def test_columns_that_are_not_read_change_nothing(tmp_path, plain) -> None:
    surplus = [{"extra": "x", **row, "converted_at": "soon", "notes": "=1+1"} for row in PLAIN]
    tables = csv_of(tmp_path, surplus)
    assert accepted(tables) == plain
    assert {"interactions.extra", "interactions.notes"} <= tables.unused.keys()


def test_the_order_of_columns_changes_nothing_and_that_of_rows_only_the_order(
    tmp_path, plain
) -> None:
    shuffled = random.Random(1).sample(PLAIN, len(PLAIN))  # noqa: S311 - no secret
    turned = [dict(reversed(row.items())) for row in shuffled]
    assert sorted(accepted(csv_of(tmp_path, turned)), key=str) == sorted(plain, key=str)


def test_a_table_that_is_split_over_files_is_the_same_table(tmp_path, plain) -> None:
    texts = [{**row, "occurred_at": row["occurred_at"].isoformat()} for row in PLAIN]
    folder = tmp_path / "parts"
    folder.mkdir()
    for i in range(3):
        write_csv(folder / f"part-{i}.csv", texts[10 * i : 10 * i + 10])
    packed = folder / "part-2.csv"
    (folder / "part-2.csv.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    assert accepted(read(tmp_path, {"source": "parts"})) == plain


def test_other_words_are_the_same_words_by_their_values(tmp_path, plain) -> None:
    renamed = [{**row, "kind": row["kind"].upper()} for row in PLAIN]
    values = {"kind": {"CALL": "call", "VISIT": "visit"}}
    assert accepted(csv_of(tmp_path, renamed, values=values)) == plain


def test_rows_that_are_doubled_are_told(tmp_path, plain) -> None:
    tables = csv_of(tmp_path, [*PLAIN, *PLAIN])
    assert sorted(accepted(tables), key=str) == sorted([*plain, *plain], key=str)
    assert "same interaction more than once" in {doubt.name for doubt in suspicions(tables)}


@pytest.mark.parametrize("moved", ["0{}", " {}", "{}.0", "\u200b{}"])
def test_ids_that_a_program_changed_match_or_are_told(tmp_path, plain, moved) -> None:
    tables = csv_of(tmp_path, [{**row, "lead_id": moved.format(row["lead_id"])} for row in PLAIN])
    told = {doubt.name for doubt in suspicions(tables)}
    assert accepted(tables) == plain or "ids that would match without leading zeros" in told


def test_a_title_and_a_total_change_nothing_or_are_told(tmp_path, plain) -> None:
    csv_of(tmp_path, PLAIN)
    path = tmp_path / "interactions.csv"
    path.write_text("Calls of this year\n\n" + path.read_text() + "Grand total\n")
    tables = read(tmp_path, {"source": "interactions.csv", "skip_rows": 2})
    assert accepted(tables) == plain
    assert tables.rejects["rule"].to_pylist() == ["malformed line"]
