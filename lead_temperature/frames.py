"""Data frames in the place of files: the reader of exports takes them by the same rules.

A table that a user hands over as a pandas data frame is written as a Parquet file for as long as it
is read. So every rule for columns, types and values is that of the export's reader, and a message
about such a file names the argument in its place.

Tests: tests/lead_temperature/test_api.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pandas as pd

AnyPath: TypeAlias = str | PathLike[str]
TableOrPath: TypeAlias = pd.DataFrame | AnyPath
FileOf: TypeAlias = Callable[[TableOrPath | None, str], Path | None]
"""Called with a table and the argument's name; the table's file, None for None."""


@contextmanager
def frames_as_files() -> Iterator[FileOf]:
    """Write data frames as files, which live as long as the context; paths stay as they are.

    A message that names such a file names the argument in its place.
    """
    with TemporaryDirectory() as folder:
        arguments: dict[str, str] = {}

        def file_of(table: TableOrPath | None, argument: str) -> Path | None:
            if table is None or isinstance(table, str | PathLike):
                return None if table is None else Path(table)
            path = Path(folder).resolve() / f"{argument}.parquet"
            arguments[str(path)] = argument
            _write_frame(table, argument, path)
            return path

        try:
            yield file_of
        except ValueError as error:
            message = str(error)
            for path, argument in arguments.items():
                message = message.replace(path, argument)
            if message == str(error):
                raise
            raise ValueError(message) from None


def _write_frame(table: pd.DataFrame, argument: str, path: Path) -> None:
    """Write a data frame as a Parquet file, or say what of it is no table of ours."""
    import pyarrow as pa

    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{argument} must be a data frame or the path of a .csv or .parquet file, found "
            f"{type(table).__name__}. Use a pandas.DataFrame with a column for each field."
        )
    for name in ("lead_id", "as_of"):
        if name in table.index.names and name not in table.columns:
            raise ValueError(
                f"{argument} must hold '{name}' as a column, found '{name}' in the index. "
                f"Use {argument}.reset_index()."
            )
    if argument == "spine":
        _require_zoned(table)
    try:
        table.to_parquet(path, index=False)
    except (ValueError, TypeError, NotImplementedError, pa.ArrowException) as error:
        reason = "; ".join(map(str, error.args)).rstrip(".")
        raise ValueError(
            f"{argument} must be a table with one kind of value in each column, found: {reason}. "
            "Use texts, numbers and times, and each name of a column once."
        ) from error


def _require_zoned(spine: pd.DataFrame) -> None:
    """Refuse instants of a spine that are texts or have no time zone."""
    if list(spine.columns).count("as_of") != 1:
        return  # The reader of the spine says so.
    kinds = {"string": "text", "datetime64": "times without a zone"}
    kind = kinds.get(pd.api.types.infer_dtype(spine["as_of"], skipna=True))
    if kind is not None and not isinstance(spine["as_of"].dtype, pd.DatetimeTZDtype):
        raise ValueError(
            f"spine: as_of must be times with a zone, found {kind}. "
            "Use spine['as_of'] = pd.to_datetime(spine['as_of'], utc=True)."
        )
