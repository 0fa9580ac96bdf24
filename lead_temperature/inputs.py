"""What a verb is given: its usual options, and what they name."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
