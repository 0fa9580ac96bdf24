"""Rows of a SQL database, reached by the URL that the mapping gives.

`open_query` runs the query of one table and yields its result; the caller fetches as much as it
likes at a time. The password may stand in the environment (``$NAME`` in the URL) and is in no
message: those name the database's kind, host and name alone.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.database_urls import database_url, shown_url, without_secrets
from features.export.mapping import DataMapping
from features.export.table_mapping import TableMapping

_SETTING = "[data] database of lead_temperature.toml"


@contextmanager
def open_query(
    section: str, table: TableMapping, data: DataMapping, base: Path
) -> Iterator[tuple[str, sa.Result[Any]]]:
    """Run the query of one table of the export.

    Parameters
    ----------
    section : str
        The section of the TOML file, for messages.
    table : TableMapping
        The table or query.
    data : DataMapping
        The database.
    base : Path
        Folder that a SQLite file is relative to.

    Yields
    ------
    tuple of (str, sqlalchemy.Result)
        How messages name the source, and its rows to come.

    Raises
    ------
    FileNotFoundError
        If the file of a SQLite database does not exist.
    ValueError
        If the database cannot be reached, or the table or query not be read.
    """
    label = f"query of [{section}]" if table.table is None else f"table {table.table}"
    url = _url(data, base)
    with ExitStack() as stack:
        # Arguments in the URL that a driver does not understand are a TypeError or ValueError.
        with _in_words(label, url, sa.exc.SQLAlchemyError, ImportError, TypeError, ValueError):
            engine = sa.create_engine(url)
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            result = _result(table, connection.execution_options(stream_results=True))
        with _in_words(label, url, sa.exc.SQLAlchemyError):
            yield label, result


@contextmanager
def _in_words(label: str, url: sa.URL, *errors: type[Exception]) -> Iterator[None]:
    """Say in the driver's words, and nobody's secrets, what cannot be read."""
    try:
        yield
    except errors as error:
        words = (str(getattr(error, "orig", None) or error).strip().splitlines() or [""])[0]
        raise ValueError(
            f"{label} cannot be read from {shown_url(url)}: {without_secrets(words, url)}"
        ) from error


def _result(table: TableMapping, connection: sa.Connection) -> sa.Result[Any]:
    if table.table is not None:
        schema, _, name = table.table.rpartition(".")
        source = sa.table(name, schema=schema or None)
        return connection.execute(sa.select(sa.text("*")).select_from(source))
    # As written: neither ':name' nor '%' in it is a parameter.
    bare = connection.execution_options(no_parameters=True)
    return bare.exec_driver_sql(str(table.query))


def _url(data: DataMapping, base: Path) -> sa.URL:
    """URL of the database with the environment's values in it."""
    if data.database is None:
        raise ValueError(f"{_SETTING} must name the database")
    url = database_url(data.database.get_secret_value(), _SETTING)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = base / str(url.database)
        if not path.is_file():  # SQLite would make an empty database
            raise FileNotFoundError(f"{path} does not exist. Correct {_SETTING}.")
        url = url.set(database=str(path))
    return url
