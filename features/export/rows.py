"""Rows of an export as text, whatever they are kept in: CSV, Parquet or a SQL database.

`open_source` gives the columns that were found and an iterator of Arrow batches in which every
value is text (`features.export.texts`). Each batch has the columns ``row`` (1-based number in the
source), ``malformed`` (the line, where it is not a row at all) and then the columns asked for, in
their order, named ``t0``, ``t1`` … so that no name from outside ever becomes part of a query.

Tests: tests/features/export/test_sources.py.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.export.csv_rows import csv_header, csv_rows
from features.export.mapping import DataMapping, TableMapping
from features.export.sql_rows import open_query
from features.export.texts import INVISIBLE, texts_of_column, texts_of_values

_BATCH_ROWS = 100_000
_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE))


@dataclass(frozen=True, slots=True)
class Source:
    """One table of the export, open for reading.

    Attributes
    ----------
    label : str
        How messages name it: the file as it stands in the TOML, the table or the query.
    columns : tuple of str
        The columns found, in their order.
    batches : callable
        From the columns wanted to an iterator of batches of text.
    """

    label: str
    columns: tuple[str, ...]
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


@contextmanager
def open_source(
    section: str, table: TableMapping, data: DataMapping, base: Path
) -> Iterator[Source]:
    """Open one table of the export for reading.

    Parameters
    ----------
    section : {"leads", "interactions", "attributes"}
        The section of the TOML file, for messages.
    table : TableMapping
        What the section says.
    data : DataMapping
        The database, where the section names a table or query.
    base : Path
        Folder that relative files are relative to.

    Yields
    ------
    Source
        The open table.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the source is empty or cannot be read.
    """
    if table.source is None:
        with open_query(section, table, data, base) as (label, result):
            yield _sql(label, result)
        return
    path = base / table.source
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Put the file there, or correct source in "
            f"[{section}] of lead_temperature.toml."
        )
    if path.suffix.lower() != ".parquet":
        yield _csv(table, path)
        return
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{table.source} is not a Parquet file: {error}") from error
    with file:
        yield _parquet(table, file)


def _csv(table: TableMapping, path: Path) -> Source:
    header = plain_names(csv_header(path, table))

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        positions = [header.index(name) for name in column_names]
        for numbers, columns, malformed in csv_rows(path, table, len(header)):
            yield _batch(numbers, [columns[place] for place in positions])
            if malformed:
                lines, texts = zip(*malformed, strict=True)
                empty = [pa.nulls(len(lines), pa.string()) for _ in positions]
                yield _batch(pa.array(lines, pa.int64()), empty, pa.array(texts, pa.string()))

    return Source(str(table.source), header, batches)


def _parquet(table: TableMapping, file: pq.ParquetFile) -> Source:
    schema = file.schema_arrow
    names = plain_names(schema.names)

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        start = 1
        positions = [names.index(name) for name in column_names]
        # A name that stands twice in the file is read twice, and found by its place.
        read_names = list(dict.fromkeys(schema.names[place] for place in positions))
        read_places = [place for place, name in enumerate(schema.names) if name in read_names]
        for batch in file.iter_batches(_BATCH_ROWS, columns=read_names):
            try:
                columns = [texts_of_column(batch.column(read_places.index(p))) for p in positions]
            except pa.ArrowNotImplementedError as error:
                raise ValueError(
                    f"{table.source}: a column is not made of single values: {error}. Columns and "
                    f"types found: {', '.join(f'{f.name} ({f.type})' for f in schema)}"
                ) from error
            yield _batch(_counted(start, batch.num_rows), columns)
            start += batch.num_rows

    return Source(str(table.source), names, batches)


def _sql(label: str, result: sa.Result[Any]) -> Source:
    names = plain_names(result.keys())

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        positions = [names.index(name) for name in column_names]
        start = 1
        for rows in result.partitions(_BATCH_ROWS):
            columns = list(zip(*rows, strict=True))
            texts = [texts_of_values(columns[place]) for place in positions]
            yield _batch(_counted(start, len(rows)), texts)
            start += len(rows)

    return Source(label, names, batches)


def plain_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of columns in composed Unicode, without blanks and invisible characters about them.

    Two names that a person cannot tell apart are one: a file from a Mac writes ``città`` with an
    accent of its own, one from a spreadsheet leaves a blank behind a name.

    Examples
    --------
    >>> plain_names(["citta\u0300", " stage\u00a0", "\ufefflead_id"])
    ('città', 'stage', 'lead_id')
    """
    return tuple(
        unicodedata.normalize("NFC", str(name)).translate(_INVISIBLE).strip() for name in names
    )


def _counted(start: int, rows: int) -> pa.Array:
    return pa.array(range(start, start + rows), pa.int64())


def _batch(
    numbers: pa.Array, columns: list[pa.Array], malformed: pa.Array | None = None
) -> pa.RecordBatch:
    if malformed is None:
        malformed = pa.nulls(len(numbers), pa.string())
    names = ["row", "malformed", *(f"t{i}" for i in range(len(columns)))]
    return pa.RecordBatch.from_arrays([numbers, malformed, *columns], names=names)
