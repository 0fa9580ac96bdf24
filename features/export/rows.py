"""Rows of an export as text, whatever they are kept in: files of five kinds or a SQL database.

`open_source` gives the columns that were found and an iterator of Arrow batches in which every
value is text (`features.export.texts`). Each batch has the columns ``row`` (1-based number in the
source), ``malformed`` (the line, where it is not a row at all), ``file`` and then the columns asked
for, in their order, named ``t0``, ``t1`` … so that no name from outside ever becomes part of a
query.

Tests: tests/features/export/test_sources.py.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.export.csv_rows import csv_header, csv_rows, first_lines
from features.export.file_mapping import FileFormat
from features.export.files import FilePart, file_parts, reading
from features.export.json_rows import json_columns, json_rows
from features.export.mapping import ExportMapping
from features.export.table_mapping import TableMapping
from features.export.texts import INVISIBLE, texts_of_column, texts_of_values

if TYPE_CHECKING:
    import sqlalchemy as sa

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
    first_rows : callable
        Of a text file or a sheet: numbers and fields of its first rows, as they stand in it, in
        case the header is none.
    """

    label: str
    columns: tuple[str, ...]
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    first_rows: Callable[[], Iterator[tuple[int, tuple[str, ...]]]] = lambda: iter(())


@contextmanager
def open_source(section: str, table: TableMapping, mapping: ExportMapping) -> Iterator[Source]:
    """Open one table of the export that lies in files or a database.

    Parameters
    ----------
    section : str
        The section of the TOML file, for messages.
    table : TableMapping
        What the section says; it has no ``sql`` (see `features.export.file_queries`).
    mapping : ExportMapping
        The database and the files that the section may name.

    Yields
    ------
    Source
        The open table.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If the source is empty or cannot be read.
    """
    if table.file is not None:
        file = mapping.files[table.file]
        yield open_files(file_parts(file.path, mapping.base, "files"), file)
    elif table.source is not None:
        yield open_files(file_parts([table.source], mapping.base, section), table)
    else:
        from features.export.sql_rows import open_query

        with open_query(section, table, mapping.data, mapping.base) as (label, result):
            yield _sql(label, result)


def open_files(parts: Sequence[FilePart], form: FileFormat) -> Source:
    """Open files whose rows together are one table.

    Parameters
    ----------
    parts : sequence of FilePart
        The files, at least one. A column that one of them lacks is missing in its rows.
    form : FileFormat
        How they are written.

    Returns
    -------
    Source
        The open table.

    Raises
    ------
    ValueError
        If one of them is empty or cannot be read.
    """
    sources = [_file(part, form) for part in parts]
    if len(sources) == 1:
        return sources[0]
    columns = list(sources[0].columns)
    for source in sources[1:]:
        for name in dict.fromkeys(source.columns):
            columns += [name] * (source.columns.count(name) - columns.count(name))

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for source in sources:
            own_names = [name for name in column_names if name in source.columns]
            for batch in source.batches(own_names):
                missing = pa.nulls(batch.num_rows, pa.string())
                texts = [
                    batch.column(f"t{own_names.index(name)}") if name in own_names else missing
                    for name in column_names
                ]
                yield text_batch(
                    batch.column("row"), texts, batch.column("file"), batch.column("malformed")
                )

    label = f"{sources[0].label} and {len(sources) - 1} more"
    return Source(label, tuple(columns), batches)


def _file(part: FilePart, form: FileFormat) -> Source:
    match part.kind:
        case "csv":
            return _csv(part, form)
        case "json" | "jsonl":
            return _json(part, form)
        case "xlsx":
            return _sheet(part, form)
        case "parquet":
            return _parquet(part)


def _csv(part: FilePart, form: FileFormat) -> Source:
    header = plain_names(csv_header(part, form))

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        positions = [header.index(name) for name in column_names]
        for numbers, columns, malformed in csv_rows(part, form, len(header)):
            yield text_batch(numbers, [columns[place] for place in positions], part.label)
            yield from _malformed(malformed, len(positions), part.label)

    return Source(part.label, header, batches, lambda: first_lines(part, form))


def _json(part: FilePart, form: FileFormat) -> Source:
    columns = json_columns(part, form)
    names = plain_names(columns)

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        fields = tuple(columns[names.index(name)] for name in column_names)
        for numbers, texts, malformed in json_rows(part, form, fields):
            yield text_batch(numbers, texts, part.label)
            yield from _malformed(malformed, len(column_names), part.label)

    return Source(part.label, names, batches)


def _sheet(part: FilePart, form: FileFormat) -> Source:
    from features.export.sheet_rows import Sheet

    sheet = Sheet(part, form)
    header = plain_names(sheet.columns)

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        positions = [header.index(name) for name in column_names]
        for numbers, texts in sheet.rows():
            yield text_batch(numbers, [texts[place] for place in positions], part.label)

    return Source(part.label, header, batches, sheet.first_rows)


def _malformed(lines: Sequence[tuple[int, str]], width: int, label: str) -> list[pa.RecordBatch]:
    """Lines that are no rows, as a batch of their own."""
    if not lines:
        return []
    numbers, texts = zip(*lines, strict=True)
    empty = [pa.nulls(len(lines), pa.string())] * width
    return [text_batch(pa.array(numbers, pa.int64()), empty, label, pa.array(texts, pa.string()))]


def _parquet(part: FilePart) -> Source:
    is_plain = part.member is None and not part.gzipped
    try:
        with reading(part):
            file = pq.ParquetFile(part.path if is_plain else pa.BufferReader(part.whole()))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{part.label} is not a Parquet file: {error}") from error
    schema = file.schema_arrow
    names = plain_names(schema.names)

    def texts(batch: pa.RecordBatch, positions: Sequence[int]) -> list[pa.Array]:
        try:
            return [
                texts_of_column(batch.column(_position_in(batch.schema, schema, position)))
                for position in positions
            ]
        except pa.ArrowNotImplementedError as error:
            raise ValueError(
                f"{part.label}: a column is not made of single values: {error}. Columns and "
                f"types found: {', '.join(f'{f.name} ({f.type})' for f in schema)}"
            ) from error

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        start = 1
        positions = [names.index(name) for name in column_names]
        read_names = list(dict.fromkeys(schema.names[place] for place in positions))
        with reading(part):
            for batch in file.iter_batches(_BATCH_ROWS, columns=read_names):
                yield text_batch(
                    _counted(start, batch.num_rows), texts(batch, positions), part.label
                )
                start += batch.num_rows

    return Source(part.label, names, batches)


def _position_in(read: pa.Schema, schema: pa.Schema, position: int) -> int:
    """Where a column of a file stands among those that were read, in whatever order they came.

    A name that stands twice in the file is read twice; the first is still the first.
    """
    name = schema.names[position]
    return int(read.get_all_field_indices(name)[schema.names[:position].count(name)])


def _sql(label: str, result: "sa.Result[Any]") -> Source:
    names = plain_names(result.keys())

    def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        positions = [names.index(name) for name in column_names]
        start = 1
        for rows in result.partitions(_BATCH_ROWS):
            columns = list(zip(*rows, strict=True))
            texts = [texts_of_values(columns[place]) for place in positions]
            yield text_batch(_counted(start, len(rows)), texts, label)
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


def text_batch(
    numbers: pa.Array,
    columns: Sequence[pa.Array],
    file: str | pa.Array,
    malformed: pa.Array | None = None,
) -> pa.RecordBatch:
    """Batch of rows as text.

    Parameters
    ----------
    numbers : pa.Array
        Number of each row in its source.
    columns : sequence of pa.Array
        The columns, as text.
    file : str or pa.Array
        Where all rows, or each of them, come from.
    malformed : pa.Array, optional
        The lines, where they are no rows.

    Returns
    -------
    pa.RecordBatch
        ``row``, ``malformed``, ``file``, ``t0``, ``t1`` …
    """
    if malformed is None:
        malformed = pa.nulls(len(numbers), pa.string())
    if isinstance(file, str):
        file = pa.repeat(pa.scalar(file, pa.string()), len(numbers))
    names = ["row", "malformed", "file", *(f"t{i}" for i in range(len(columns)))]
    return pa.RecordBatch.from_arrays([numbers, malformed, file, *columns], names=names)
