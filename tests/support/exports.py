"""Small exports for tests: the same rows as CSV, Parquet or tables of a database."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.export.mapping import ExportMapping, export_mapping
from features.export.sources import read_export
from features.tables import Tables

Value = str | float | datetime | None
Row = dict[str, Value]


def at(text: str) -> datetime:
    """Moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def micros(text: str) -> int:
    """Moment in UTC as whole microseconds since the epoch."""
    return int(at(text).timestamp()) * 1_000_000


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Rows as CSV, as a CRM would export them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Rows as Parquet, every column in its own type."""
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


def write_database(url: str | sa.URL, name: str, rows: Sequence[Row]) -> None:
    """Rows as a table of a database."""
    engine = sa.create_engine(url)
    zoned = engine.dialect.name == "postgresql"  # SQLite has no type for moments: they are text

    def column_type(name: str) -> sa.types.TypeEngine[object]:
        values = [row[name] for row in rows if row[name] is not None]
        if all(isinstance(value, datetime) for value in values) and zoned:
            return sa.TIMESTAMP(timezone=True)
        return sa.Double() if all(isinstance(value, float) for value in values) else sa.Text()

    columns = [sa.Column(name, column_type(name)) for name in rows[0]]
    table = sa.Table(name, sa.MetaData(), *columns)
    table.create(engine)
    stored = [
        {
            name: str(value) if isinstance(value, datetime) and not zoned else value
            for name, value in row.items()
        }
        for row in rows
    ]
    with engine.begin() as connection:
        connection.execute(table.insert(), stored)
    engine.dispose()


def write_text(path: Path, *lines: str) -> None:
    """Write a file line by line, as dirty as the test wants it."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def csv_mapping(folder: Path, **sections: dict[str, object]) -> ExportMapping:
    """Mapping of the CSV files that lie in a folder; the sections may say more."""
    tables = {
        name: {"source": f"{name}.csv", **sections.pop(name, {})}
        for name in ("leads", "interactions", "attributes")
        if (folder / f"{name}.csv").exists()
    }
    return export_mapping({**tables, **sections}, folder)


def broken(tables: Tables) -> list[tuple[str, int, str]]:
    """Table, row and rule of every reject."""
    return [(r["table"], r["row"], r["rule"]) for r in tables.rejects.to_pylist()]


def read_leads(folder: Path, *lines: str, **sections: dict[str, object]) -> Tables:
    """Leads of a CSV file with these lines; the sections may say more."""
    write_text(folder / "leads.csv", *lines)
    return read_export(csv_mapping(folder, **sections))


def read_interactions(folder: Path, *lines: str, **sections: dict[str, object]) -> Tables:
    """One lead, and interactions of a CSV file with these lines."""
    write_text(folder / "leads.csv", "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    write_text(folder / "interactions.csv", *lines)
    return read_export(csv_mapping(folder, **sections))


def read_attribute(folder: Path, name: str, values: list[str], **leads: object) -> Tables:
    """Leads with one attribute, of which each has one of the values."""
    rows = [
        {"lead_id": str(i), "created_at": at("2024-01-01 00:00:00"), name: value}
        for i, value in enumerate(values)
    ]
    write_csv(folder / "leads.csv", rows)
    leads = {"fixed_at_creation": [name], **leads}
    return read_export(csv_mapping(folder, leads=leads))
