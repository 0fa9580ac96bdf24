"""Rows of an export as text, whatever they are kept in: CSV, Parquet or a SQL database.

`opened` gives the columns that were found and an iterator of Arrow batches in which every value is
text, the way a person would write it. Text comes first on purpose: a bad value can then be shown to
the person who has to mend it, and one set of rules (`features.rules`) judges all three kinds of
source. Each batch has the columns ``row`` (1-based number in the source), ``malformed`` (the line,
where it is not a row at all) and then the columns asked for, in their order, named ``t0``, ``t1`` …
so that no name from outside ever becomes part of a query.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.csv_rows import UNDECODABLE, csv_header, csv_rows
from features.mapping import DataMapping, TableMapping, expanded

_BATCH_ROWS = 100_000


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
def opened(section: str, table: TableMapping, data: DataMapping, base: Path) -> Iterator[Source]:
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
        with _query(section, table, data, base) as source:
            yield source
        return
    path = base / table.source
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. Correct source in [{section}] of lead_temperature.toml"
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
    header = csv_header(path, table)

    def batches(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        places = [header.index(name) for name in wanted]
        for numbers, columns, malformed in csv_rows(path, table, len(header)):
            yield _batch(numbers, [columns[place] for place in places])
            if malformed:
                lines, texts = zip(*malformed, strict=True)
                empty = [pa.nulls(len(lines), pa.string()) for _ in places]
                yield _batch(pa.array(lines, pa.int64()), empty, pa.array(texts, pa.string()))

    return Source(str(table.source), header, batches)


def _parquet(table: TableMapping, file: pq.ParquetFile) -> Source:
    schema = file.schema_arrow

    def batches(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        start = 1
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(wanted)):
            try:
                columns = [_texts_of_column(batch.column(name)) for name in wanted]
            except pa.ArrowNotImplementedError as error:
                raise ValueError(
                    f"{table.source}: a column is not made of single values: {error}. Columns and "
                    f"types found: {', '.join(f'{f.name} ({f.type})' for f in schema)}"
                ) from error
            yield _batch(_counted(start, batch.num_rows), columns)
            start += batch.num_rows

    return Source(str(table.source), tuple(schema.names), batches)


def _texts_of_column(column: pa.Array) -> pa.Array:
    """Text of each value of a typed column."""
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return _texts(column.to_pylist())
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # In UTC the text ends in Z, whatever zone the file speaks of.
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    return column.cast(pa.string())


@contextmanager
def _query(section: str, table: TableMapping, data: DataMapping, base: Path) -> Iterator[Source]:
    label = f"query of [{section}]" if table.table is None else f"table {table.table}"
    url = _url(data, base)
    with ExitStack() as stack:
        try:
            engine = sa.create_engine(url)
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            yield _result(label, table, connection.execution_options(stream_results=True))
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            # The driver's own words; the URL is shown without its password.
            words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ValueError(
                f"{label} cannot be read from {url.render_as_string(hide_password=True)}: {words}"
            ) from error


def _result(label: str, table: TableMapping, connection: sa.Connection) -> Source:
    if table.table is not None:
        schema, _, name = table.table.rpartition(".")
        found = sa.table(name, schema=schema or None)
        result = connection.execute(sa.select(sa.text("*")).select_from(found))
    else:
        # As written: neither ':name' nor '%' in it is a parameter.
        bare = connection.execution_options(no_parameters=True)
        result = bare.exec_driver_sql(str(table.query))
    names = tuple(result.keys())

    def batches(wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        places = [names.index(name) for name in wanted]
        start = 1
        for rows in result.partitions(_BATCH_ROWS):
            columns = list(zip(*rows, strict=True))
            yield _batch(
                _counted(start, len(rows)), [_texts(columns[place]) for place in places]
            )
            start += len(rows)

    return Source(label, names, batches)


def _url(data: DataMapping, base: Path) -> sa.URL:
    """URL of the database with the environment's values in it."""
    if data.database is None:
        raise ValueError("[data] of lead_temperature.toml must name the database")
    text = data.database.get_secret_value()
    if re.fullmatch(r"\$[A-Za-z_]\w*", text):
        text = expanded(text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # What cannot be parsed may hold a password, so it stays out of the message and the chain.
        raise ValueError(
            "[data] database of lead_temperature.toml must be a URL such as 'sqlite:///crm.db' or "
            "'postgresql://user:$CRM_PASSWORD@host/crm'"
        ) from None
    # Each part by itself, so that a password may hold any character.
    url = url.set(
        username=url.username and expanded(url.username),
        password=url.password and expanded(str(url.password)),
        host=url.host and expanded(url.host),
        database=url.database and expanded(url.database),
    )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = base / str(url.database)
        if not path.is_file():  # SQLite would make an empty database
            raise FileNotFoundError(
                f"{path} does not exist. Correct database in [data] of lead_temperature.toml"
            )
        url = url.set(database=str(path))
    return url


def _texts(values: Sequence[object]) -> pa.Array:
    """Text of each value that a database driver gave."""
    if all(value is None or type(value) is str for value in values):
        return pa.array(values, pa.string())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    """Text of one value, the same as a CSV export of it would have.

    Examples
    --------
    >>> [_text(3.0), _text(2.5), _text(True), _text(b"caf\\xc3\\xa9"), _text(None)]
    ['3', '2.5', 'true', 'café', None]
    """
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case dt.datetime():
            return value.isoformat(sep=" ")
        case bytes() | memoryview():
            text = bytes(value).decode(errors="surrogateescape")
            return re.sub("[\udc80-\udcff]", UNDECODABLE, text)
        case _:
            return str(value)


def _counted(start: int, rows: int) -> pa.Array:
    return pa.array(range(start, start + rows), pa.int64())


def _batch(
    numbers: pa.Array, columns: list[pa.Array], malformed: pa.Array | None = None
) -> pa.RecordBatch:
    if malformed is None:
        malformed = pa.nulls(len(numbers), pa.string())
    names = ["row", "malformed", *(f"t{i}" for i in range(len(columns)))]
    return pa.RecordBatch.from_arrays([numbers, malformed, *columns], names=names)
