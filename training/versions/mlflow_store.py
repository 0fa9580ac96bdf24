"""How the registry's store is opened; the only file that imports MLflow.

MLflow keeps runs, their files and numbered versions, either in a SQLite file in the registry's
folder or on a server. One process at a time changes the folder's store, and others wait their turn;
an MLflow server puts requests in order itself. Errors of MLflow and of its database become
`ValueError` with a plain message and a way out.
"""

import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from training.card.schema import ModelCard
from training.sqlite import sqlite_url
from training.versions.run_figures import run_metrics, run_parameters

if TYPE_CHECKING:
    from mlflow import MlflowClient

Client: TypeAlias = "MlflowClient"
DATABASE_FILE = "mlflow.db"
MODEL_LOADER = "lead_temperature.mlflow_model"
"""Module whose `_load_pyfunc` MLflow calls to load a registered bundle."""
INPUT_EXAMPLE = "input_example.json"
LONGEST_WAIT = 60.0
"""Seconds after which a process gives up waiting for another one to finish its change."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Where versions of one model are kept.

    Parameters
    ----------
    folder : pathlib.Path
        Absolute folder of the SQLite store and the runs' files.
    model : str
        Name of the registered model.
    tracking_uri : str or None
        Address of an MLflow server in place of the folder's store.
    """

    folder: Path
    model: str
    tracking_uri: str | None = None

    @property
    def uri(self) -> str:
        """Address of the store, as MLflow expects it."""
        return self.tracking_uri or sqlite_url(self.folder / DATABASE_FILE)


@contextmanager
def connect(registry: Registry) -> Iterator[Client]:
    """MLflow's client; errors of MLflow and its database become `ValueError` with a way out."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's default of 7 takes minutes to report a mistyped address.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # While MLflow makes the store's tables it logs many lines that nobody needs.
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.store.model_registry"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if registry.tracking_uri is None:
            _ensure_store(registry)
        yield MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    except MlflowException as error:
        if registry.tracking_uri is not None and isinstance(error.__context__, OSError):
            raise ValueError(
                f"The MLflow server at {_host(registry.tracking_uri)} cannot be reached. Start it, "
                "or correct its address: tracking_uri under [registry], else MLFLOW_TRACKING_URI "
                f"in the environment. Without either the registry is {registry.folder}."
            ) from error
        location = registry.folder if registry.tracking_uri is None else "the MLflow server"
        raise ValueError(f"The registry in {location} refused: {error.message}") from error
    except SQLAlchemyError as error:
        message = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        way_out = "Bring back a copy of it, or move it away and train again."
        if "locked" in message:
            way_out = "Another process is writing to it: wait for it to end, then try again."
        elif "full" in message or "I/O" in message:
            way_out = "Nothing has changed in it: make room on its disk, then try again."
        raise ValueError(
            f"The registry's database {registry.folder / DATABASE_FILE} cannot be used: {message}. "
            f"{way_out}"
        ) from error


def _host(address: str) -> str:
    """Host and port of an address, which may hold a password."""
    return urlsplit(address).netloc.rpartition("@")[2] or address


def _ensure_store(registry: Registry) -> None:
    """Make the folder's store if there is none, under another name until it is complete.

    MLflow makes its tables one by one. If it is killed meanwhile, it can never use that store
    again. So nothing of it has to reach the disk before the whole has, and it takes a second in
    place of five.
    """
    registry.folder.mkdir(parents=True, exist_ok=True)
    path = registry.folder / DATABASE_FILE
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with exclusive_access(registry):
        if path.exists():  # another process has just made it
            return
        part = registry.folder / f"{DATABASE_FILE}.part"
        for leftover in registry.folder.glob(f"{part.name}*"):
            leftover.unlink()
        with _unsynchronized():
            store = SqlAlchemyStore(sqlite_url(part), (registry.folder / "runs").as_uri())
            store.engine.dispose()
        with part.open("rb+") as database:
            os.fsync(database)
        part.replace(path)


@contextmanager
def _unsynchronized() -> Iterator[None]:
    """Connections to SQLite made meanwhile do not wait for the disk after each statement."""
    from sqlalchemy import event
    from sqlalchemy.pool import Pool

    def do_not_wait(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Pool, "connect", do_not_wait)
    try:
        yield
    finally:
        event.remove(Pool, "connect", do_not_wait)


@contextmanager
def exclusive_access(registry: Registry) -> Iterator[None]:
    """Keep other processes from changing the folder's store meanwhile.

    The lock is SQLite's, and so the operating system's: it ends with the process that holds it.
    """
    if registry.tracking_uri is not None:
        yield
        return
    path = registry.folder / "registry.lock"
    with closing(sqlite3.connect(path, timeout=LONGEST_WAIT, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ValueError(
                f"Another process has been changing the registry in {registry.folder} for "
                f"{LONGEST_WAIT:.0f} seconds ({error}). Wait for it to end, then try again."
            ) from error
        yield


def experiment(client: Client, registry: Registry) -> str:
    """Number of the experiment that holds the runs; it is made if it does not exist."""
    existing = client.get_experiment_by_name(registry.model)
    if existing is not None:
        return str(existing.experiment_id)
    location = None
    if registry.tracking_uri is None:
        location = (registry.folder / "runs").as_uri()
    return str(client.create_experiment(registry.model, artifact_location=location))


def ensure_model(client: Client, registry: Registry) -> None:
    """Make the registered model if it does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(registry.model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def log_figures(client: Client, run_id: str, card: ModelCard) -> None:
    """Log the settings and figures of a model card as parameters and metrics of a run."""
    from mlflow.entities import Metric, Param

    logged_at = client.get_run(run_id).info.start_time
    parameters = [Param(name, value) for name, value in sorted(run_parameters(card).items())]
    metrics = [
        Metric(name, value, logged_at, 0) for name, value in sorted(run_metrics(card).items())
    ]
    for first in range(0, len(parameters), 100):
        client.log_batch(run_id, params=parameters[first : first + 100])
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])


def log_model_file(client: Client, run_id: str, folder: str, *, with_example: bool) -> None:
    """Describe a bundle that a run keeps as a model that MLflow can load and serve.

    The description is a text file beside the bundle that names a module of ours, which reads the
    bundle; nothing is pickled.

    Parameters
    ----------
    client : MlflowClient
        Client of the store.
    run_id : str
        Run that holds the bundle.
    folder : str
        Path of the bundle's folder among the run's files.
    with_example : bool
        Whether that folder holds `INPUT_EXAMPLE`: leads as a data frame in JSON.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    # No schema of the input: MLflow would drop columns that a schema does not name, but a mistyped
    # column must be refused.
    parameters = ParamSchema([ParamSpec("reasons", "long", 3)])
    model = Model(folder, run_id, signature=ModelSignature(params=parameters))
    if with_example:
        model.saved_input_example_info = {
            "artifact_path": INPUT_EXAMPLE,
            "type": "dataframe",
            "pandas_orient": "split",
        }
    pyfunc.add_to_model(model, MODEL_LOADER)
    client.log_text(run_id, model.to_yaml(), f"{folder}/MLmodel")


def download_bundle(client: Client, registry: Registry, number: int, folder: str) -> Path:
    """Copy the files of a version into a folder, without checking them; the path of the copy."""
    uri = client.get_model_version_download_uri(registry.model, str(number))
    return _downloaded(registry, uri, folder)


def read_run_text(client: Client, registry: Registry, run_id: str, name: str) -> str:
    """Text of a file that a run keeps."""
    uri = f"{client.get_run(run_id).info.artifact_uri}/{name}"
    with tempfile.TemporaryDirectory() as folder:
        return _downloaded(registry, uri, folder).read_text(encoding="utf-8")


def _downloaded(registry: Registry, uri: str, folder: str) -> Path:
    """Path of the copy of a file or folder of the store."""
    from mlflow.artifacts import download_artifacts

    path = download_artifacts(
        artifact_uri=uri, dst_path=folder, tracking_uri=registry.uri, registry_uri=registry.uri
    )
    return Path(str(path))
