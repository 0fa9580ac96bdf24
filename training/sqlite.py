"""Addresses of SQLite files, for the libraries that take a URL in place of a path."""

from pathlib import Path

from sqlalchemy import URL


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file, whatever characters its folders' names hold.

    Parameters
    ----------
    path : pathlib.Path
        The file; it need not exist.

    Returns
    -------
    str
        An address that SQLAlchemy reads back as the same path.

    Examples
    --------
    >>> sqlite_url(Path("/data/50%? é/runs.db"))
    'sqlite:////data/50%25%3F %C3%A9/runs.db'
    """
    return URL.create("sqlite", database=str(path)).render_as_string()
