"""URLs of SQL databases: values from the environment in their places, and no secret in a message.

A password may stand in the environment, as ``$NAME`` in any part of the URL. Messages name the
kind, host and name of a database alone.
"""

import os
import re
from collections.abc import Mapping

import sqlalchemy as sa


def database_url(text: str, setting: str) -> sa.URL:
    """URL of a database with the environment's values in it.

    Parameters
    ----------
    text : str
        A URL such as ``sqlite:///crm.db``, or ``$NAME`` of a variable that holds one. Each part is
        expanded by itself, so that a password may hold any character.
    setting : str
        What names the database, for messages.

    Raises
    ------
    ValueError
        It is no URL, or names a variable that is not set. The message does not show it.

    Examples
    --------
    >>> database_url("postgresql://crm.example.org/crm", "--ledger").drivername
    'postgresql+psycopg'
    """
    if re.fullmatch(r"\$[A-Za-z_]\w*", text):
        text = expand_variables(text, setting)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # What cannot be parsed may hold a password, so it stays out of the message and the chain.
        raise ValueError(
            f"{setting} must be a URL such as 'sqlite:///crm.db' or "
            "'postgresql://user:$CRM_PASSWORD@host/crm'"
        ) from None
    url = url.set(
        username=url.username and expand_variables(url.username, setting),
        password=url.password and expand_variables(str(url.password), setting),
        host=url.host and expand_variables(url.host, setting),
        database=url.database and expand_variables(url.database, setting),
        query={
            name: expand_variables(value, setting)
            if isinstance(value, str)
            else tuple(expand_variables(part, setting) for part in value)
            for name, value in url.query.items()
        },
    )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def shown_url(url: sa.URL) -> str:
    """Database in words: no more of its URL than says which one it is."""
    database = f"{url.host}/{url.database}" if url.host else str(url.database)
    return f"{url.get_backend_name()} {database}"


def without_secrets(words: str, url: sa.URL) -> str:
    """What a driver says, which may repeat the URL's parts, without what only its owner knows.

    Parameters
    ----------
    words : str
        The driver's words.
    url : sqlalchemy.URL
        URL of the database.
    """
    secrets = [str(url.password or "")]
    for value in url.query.values():
        secrets += [value] if isinstance(value, str) else value
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        words = words.replace(secret, "***")
    return words


def expand_variables(text: str, setting: str, environ: Mapping[str, str] | None = None) -> str:
    """Text with every ``$NAME`` replaced from the environment.

    Parameters
    ----------
    text : str
        Part of a database's URL.
    setting : str
        What names the database, for messages.
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
    >>> expand_variables("$CRM_USER", "[data] database", {"CRM_USER": "ana"})
    'ana'
    """
    variables = os.environ if environ is None else environ

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise ValueError(
                f"{setting} names ${match[1]}, which is not set in the environment. Set it before "
                f"the command: export {match[1]}=…"
            )
        return variables[match[1]]

    return re.sub(r"\$([A-Za-z_]\w*)", value, text)
