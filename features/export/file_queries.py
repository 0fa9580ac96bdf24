"""Queries in SQL over the files that ``[files]`` names.

CRMs keep in several files what we need in one table: a lead's purchase is a stage of a deal, its
loss a line of a status history, its calls and e-mails are exports of their own. `FileQueries` reads
the named files as text, by the same readers as any other source, into a DuckDB of its own and runs
``sql`` there; the result becomes text again and meets our rules. So a wrong value is still named
and rejected; and where the query passes on ``_file`` and ``_row``, which every named file has, with
the file and row in which it stands.

The database is closed to everything else: no files, no network, no settings, no Python objects, one
statement that only reads. It may take a gigabyte of memory and then the disk.
"""

import re
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.export.files import file_parts
from features.export.mapping import ExportMapping
from features.export.rows import Source, open_files, open_source, text_batch
from features.export.table_mapping import TableMapping
from features.export.texts import texts_of_column

ROW, FILE = "_row", "_file"
"""Columns that every named file has in SQL: the number of the row, and the file it stands in."""

_MEMORY, _DISK = "1GB", "50GB"
LONGEST_QUERY_SECONDS = 600.0
"""Time in which a query must give its next rows; joins of the exports of a year take seconds."""
_BATCH_ROWS = 100_000


class FileQueries:
    """Opens the tables of one export; a file that several queries name is read once.

    Parameters
    ----------
    mapping : ExportMapping
        The export.
    """

    def __init__(self, mapping: ExportMapping) -> None:
        self._mapping = mapping
        self._stack = ExitStack()
        self._database: duckdb.DuckDBPyConnection | None = None
        # Lines that are no rows, by the file's name, until a table has reported them.
        self._malformed: dict[str, list[pa.RecordBatch]] = {}
        self._left_out: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def open(self, section: str, table: TableMapping) -> Iterator[Source]:
        """Open one table of the export.

        Parameters
        ----------
        section : str
            Its section in the TOML file, for messages.
        table : TableMapping
            What the section says.

        Yields
        ------
        Source
            The open table.

        Raises
        ------
        FileNotFoundError
            If a file does not exist.
        ValueError
            If a file cannot be read, or the query cannot be run.
        """
        if table.sql is None:
            with open_source(section, table, self._mapping) as source:
                yield source
        else:
            yield self._query(section, table.sql)

    def _query(self, section: str, sql: str) -> Source:
        label = f"sql of [{section}]"
        database = self._opened()
        names = [
            name for name in self._mapping.files if re.search(rf"\b{name}\b", sql, re.IGNORECASE)
        ]
        for name in names:
            self._load(database, name)
        query = _one_query(database, label, sql)
        try:
            with _time_limit(database):
                columns = tuple(database.sql(query).columns)
        except duckdb.Error as error:
            raise ValueError(self._explanation(label, error, names)) from error

        def batches(column_names: Sequence[str]) -> Iterator[pa.RecordBatch]:
            width = len(column_names)
            for name in names:
                for batch in self._malformed.pop(name, []):
                    nulls = [pa.nulls(batch.num_rows, pa.string())] * width
                    yield text_batch(batch["row"], nulls, batch["file"], batch["malformed"])
            positions = [columns.index(name) for name in column_names]
            start = 1
            try:
                cursor = database.cursor()
                with _time_limit(cursor):
                    reader = cursor.sql(query).to_arrow_reader(_BATCH_ROWS)
                for batch in _next_batches(cursor, reader):
                    yield _as_text(label, columns, batch, positions, start)
                    start += batch.num_rows
            except duckdb.Error as error:
                raise ValueError(self._explanation(label, error, names)) from error

        return Source(label, columns, batches)

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            spill = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lead-"))
            self._database = duckdb.connect(
                config={
                    "enable_external_access": False,
                    "python_enable_replacements": False,
                    "autoload_known_extensions": False,
                    "autoinstall_known_extensions": False,
                    "temp_directory": spill,
                    "max_temp_directory_size": _DISK,
                    "memory_limit": _MEMORY,
                    # With several, rows of a join would come in another order every time.
                    "threads": 1,
                }
            )
            self._stack.callback(self._database.close)
            self._database.execute("SET TimeZone = 'UTC'; SET lock_configuration = true").fetchall()
        return self._database

    def _load(self, database: duckdb.DuckDBPyConnection, name: str) -> None:
        """Make a table of the text in the files of one name."""
        if name in self._left_out:
            return
        file = self._mapping.files[name]
        source = open_files(file_parts(file.path, self._mapping.base, "files"), file)
        columns = namable(source.columns)
        self._left_out[name] = tuple(dict.fromkeys(c for c in source.columns if c not in columns))
        malformed = self._malformed.setdefault(name, [])
        schema = pa.schema(
            [*((column, pa.string()) for column in columns), (FILE, pa.string()), (ROW, pa.int64())]
        )
        # A name has letters, digits and _ only (`ExportMapping`), so none is that of the batch.
        database.register("one batch", schema.empty_table())
        database.execute(f'CREATE TABLE "{name}" AS FROM "one batch"').fetchall()
        # Were DuckDB to pull the batches, it would bury the message of a reader in one of its own.
        for batch in source.batches(columns):
            is_row = pc.is_null(batch["malformed"])
            malformed.append(batch.filter(pc.invert(is_row)))
            rows = batch.filter(is_row)
            texts = [_missing_if_empty(rows[f"t{i}"]) for i in range(len(columns))]
            table = pa.table([*texts, rows["file"], rows["row"]], schema=schema)
            database.register("one batch", table)
            database.execute(f'INSERT INTO "{name}" FROM "one batch"').fetchall()
        database.unregister("one batch")

    def _explanation(self, label: str, error: duckdb.Error, names: Sequence[str]) -> str:
        if isinstance(error, duckdb.InterruptException):
            return (
                f"{label} of lead_temperature.toml gave no further row in "
                f"{LONGEST_QUERY_SECONDS:g} seconds. Does it join every row with every other? Say "
                "with ON or USING which belong together"
            )
        left_out = [f"{name}.{column}" for name in names for column in self._left_out[name]]
        unnamable = (
            f" Columns that cannot be named, because they stand twice or have no name: "
            f"{', '.join(left_out)}."
            if left_out
            else ""
        )
        unnamed = [name for name in self._mapping.files if name not in names]
        not_read = f" Files that it does not name: {', '.join(unnamed)}." if unnamed else ""
        return (
            f"{label} of lead_temperature.toml cannot be run: {str(error).strip()}\n"
            f"It reads {', '.join(names) or 'none of the names in [files]'}.{not_read}{unnamable}"
        )


def namable(columns: Sequence[str]) -> list[str]:
    """Columns that SQL can name: a name that stands once, in whatever case, and is none of ours.

    Parameters
    ----------
    columns : sequence of str
        Names of a file's columns.

    Examples
    --------
    >>> namable(["Id", "Source", "source", "", "_row"])
    ['Id']
    """
    times = Counter(column.lower() for column in columns)
    return [c for c in columns if c and times[c.lower()] == 1 and c.lower() not in (ROW, FILE)]


@contextmanager
def _time_limit(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt what a connection does in this context once it takes too long."""
    timer = threading.Timer(LONGEST_QUERY_SECONDS, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _next_batches(
    connection: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader
) -> Iterator[pa.RecordBatch]:
    """Batches of a result, each within the time limit; what is done with them does not count."""
    while True:
        try:
            with _time_limit(connection):
                batch = reader.read_next_batch()
        except StopIteration:
            return
        yield batch


def _one_query(database: duckdb.DuckDBPyConnection, label: str, sql: str) -> str:
    """Text of the one statement that only reads."""
    try:
        statements = database.extract_statements(sql)
    except duckdb.Error as error:
        raise ValueError(f"{label} of lead_temperature.toml is not SQL: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(str(statement.type).split(".")[-1] for statement in statements)
        law = "of lead_temperature.toml must be one query that reads, as SELECT * FROM Lead is"
        raise ValueError(f"{label} {law}; found {kinds or 'nothing'}")
    return str(statements[0].query)


def _missing_if_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _as_text(
    label: str, columns: Sequence[str], batch: pa.RecordBatch, positions: Sequence[int], start: int
) -> pa.RecordBatch:
    """Rows of a result as text, with the file and row that they come from where it says so."""
    numbers = pa.array(range(start, start + batch.num_rows), pa.int64())
    files = pa.repeat(pa.scalar(label, pa.string()), batch.num_rows)
    if columns.count(ROW) == 1 and columns.count(FILE) == 1:
        row, file = batch.column(columns.index(ROW)), batch.column(columns.index(FILE))
        if pa.types.is_int64(row.type) and pa.types.is_string(file.type):
            has_place = pc.and_(pc.is_valid(row), pc.is_valid(file))
            numbers, files = pc.if_else(has_place, row, numbers), pc.if_else(has_place, file, files)
    texts = []
    for position in positions:
        try:
            texts.append(texts_of_column(batch.column(position)))
        except pa.ArrowNotImplementedError as error:
            raise ValueError(
                f"{label}: column {columns[position]!r} is not made of single values "
                f"({batch.column(position).type}); unnest a list, or cast it to VARCHAR"
            ) from error
    return text_batch(numbers, texts, files)
