"""What a command or a function is given: common options, and the values that they name.

Tests: tests/lead_temperature/test_command.py.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lead_temperature.output import err

if TYPE_CHECKING:
    from features.tables import Tables
    from training.config import Config
    from training.versions.mlflow_store import Registry

CONFIG = Path("lead_temperature.toml")
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The export's mapping and the settings.")
]
BundleOption = Annotated[Path, typer.Option("--bundle", "-b", help="Folder of a trained bundle.")]


def instant(moment: str | datetime | None, argument: str) -> int:
    """An instant that a user names, in microseconds since 1970; now where it is None.

    Parameters
    ----------
    moment : str, datetime or None
        An ISO 8601 text or a datetime, either with a time zone.
    argument : str
        Name of the option or parameter, for messages.

    Raises
    ------
    ValueError
        It is not a time, or has no zone.
    TypeError
        It is neither a text nor a datetime.

    Examples
    --------
    >>> instant("1970-01-02T01:00:00+01:00", "--as-of")
    86400000000
    """
    if moment is None:
        return time.time_ns() // 1_000
    try:
        parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError as error:
        raise ValueError(
            f"{argument} must be an ISO 8601 time such as 2026-01-01T00:00:00+00:00, got "
            f"'{moment}'."
        ) from error
    law = f"{argument} must be an ISO 8601 time such as 2026-01-01T00:00:00+00:00 or a datetime"
    if not isinstance(parsed, datetime):
        raise TypeError(f"{law}, found {type(parsed).__name__}.")
    if parsed != parsed:  # noqa: PLR0124 - as pandas' missing time is
        raise ValueError(f"{law}, found NaT.")
    if parsed.tzinfo is None:
        raise ValueError(
            f"{argument} needs a time zone, such as {parsed.isoformat()}+00:00, got '{moment}'."
        )
    return (parsed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def configuration(path: Path) -> "Config":
    """Configuration of a file."""
    from training.config import read_config

    return read_config(path)


def tables_of(settings: "Config") -> "Tables":
    """Tables of the export that a configuration describes."""
    from features.export.sources import read_export

    with reading() as read:
        return read_export(settings.export, read)


@contextmanager
def reading() -> Iterator[Callable[[str, int], None]]:
    """Tell how far the reading of an export is."""
    with err.status("reading the export") as status:

        def read(table: str, rows: int) -> None:
            status.update(f"reading {table}" + (f": {rows:,} rows" if rows else ""))

        yield read


def registry_of(settings: "Config") -> "Registry":
    """Registry that a configuration or, where it names none, the environment names."""
    from training.versions.mlflow_store import Registry

    # The file is what was agreed on: an environment left over from something else never moves a
    # champion elsewhere.
    address = settings.registry.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    return Registry(settings.registry_folder, settings.registry.model, address)
