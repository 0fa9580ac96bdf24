"""Rows of a SQL database, reached by the URL that the mapping gives.

`opened_query` runs the query of one table and yields its result; the caller fetches as much as it
likes at a time. The password may stand in the environment (``$NAME`` in the URL) and is in no
message. What a driver answers with becomes text (`texts_of_values`), so that the same rules judge
it as a CSV file.
"""

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from features.csv_rows import UNDECODABLE
from features.mapping import DataMapping, TableMapping


@contextmanager
def opened_query(
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
        try:
            engine = sa.create_engine(url)
            stack.callback(engine.dispose)
            connection = stack.enter_context(engine.connect())
            yield label, _result(table, connection.execution_options(stream_results=True))
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            # The driver's own words; the URL is shown without its password.
            words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ValueError(
                f"{label} cannot be read from {url.render_as_string(hide_password=True)}: {words}"
            ) from error


def _result(table: TableMapping, connection: sa.Connection) -> sa.Result[Any]:
    if table.table is not None:
        schema, _, name = table.table.rpartition(".")
        found = sa.table(name, schema=schema or None)
        return connection.execute(sa.select(sa.text("*")).select_from(found))
    # As written: neither ':name' nor '%' in it is a parameter.
    bare = connection.execution_options(no_parameters=True)
    return bare.exec_driver_sql(str(table.query))


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


def expanded(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Text with every ``$NAME`` replaced from the environment.

    Parameters
    ----------
    text : str
        Part of a database's URL.
    environ : mapping of str to str, optional
        The variables; by default those of the process.

    Returns
    -------
    str
        The text with the values in their places.

    Raises
    ------
    ValueError
        If a variable is not set.

    Examples
    --------
    >>> expanded("$CRM_USER", {"CRM_USER": "ana"})
    'ana'
    """
    variables = os.environ if environ is None else environ

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise ValueError(
                f"[data] database of lead_temperature.toml names ${match[1]}, which is not set in "
                f"the environment. Set it before the command: export {match[1]}=…"
            )
        return variables[match[1]]

    return re.sub(r"\$([A-Za-z_]\w*)", value, text)


def texts_of_values(values: Sequence[object]) -> pa.Array:
    """Text of each value that a database driver gave.

    Parameters
    ----------
    values : sequence of object
        One column's values.

    Returns
    -------
    pa.Array
        Their text, the same as a CSV export of them would have.
    """
    if all(value is None or type(value) is str for value in values):
        return pa.array(values, pa.string())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    r"""Text of one value, the same as a CSV export of it would have.

    Examples
    --------
    >>> [_text(3.0), _text(2.5), _text(True), _text(b"caf\xc3\xa9"), _text(None)]
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
