"""Rows of a SQL database, reached by the URL that the mapping gives.

`open_query` runs the query of one table and yields its result; the caller fetches as much as it
likes at a time. The password may stand in the environment (``$NAME`` in the URL) and is in no
message: those name the database's kind, host and name alone.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.export.mapping import DataMapping
from features.export.table_mapping import TableMapping


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
            f"{label} cannot be read from {_shown(url)}: {_without_secrets(words, url)}"
        ) from error


def _shown(url: sa.URL) -> str:
    """Database in words: no more of its URL than says which one it is."""
    database = f"{url.host}/{url.database}" if url.host else str(url.database)
    return f"{url.get_backend_name()} {database}"


def _without_secrets(words: str, url: sa.URL) -> str:
    """What a driver says, which may repeat the URL's parts, without what only its owner knows."""
    secrets = [str(url.password or "")]
    for value in url.query.values():
        secrets += [value] if isinstance(value, str) else value
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        words = words.replace(secret, "***")
    return words


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
        raise ValueError("[data] of lead_temperature.toml must name the database")
    text = data.database.get_secret_value()
    if re.fullmatch(r"\$[A-Za-z_]\w*", text):
        text = expand_variables(text)
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
        username=url.username and expand_variables(url.username),
        password=url.password and expand_variables(str(url.password)),
        host=url.host and expand_variables(url.host),
        database=url.database and expand_variables(url.database),
        query={
            name: expand_variables(value)
            if isinstance(value, str)
            else tuple(map(expand_variables, value))
            for name, value in url.query.items()
        },
    )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = base / str(url.database)
        if not path.is_file():  # SQLite would make an empty database
            raise FileNotFoundError(
                f"{path} does not exist. Correct database in [data] of lead_temperature.toml."
            )
        url = url.set(database=str(path))
    return url


def expand_variables(text: str, environ: Mapping[str, str] | None = None) -> str:
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
    >>> expand_variables("$CRM_USER", {"CRM_USER": "ana"})
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
