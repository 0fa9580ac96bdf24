"""The registry of trained bundles, and the only file that knows MLflow.

A training is an MLflow run with its figures and its bundle; the bundle's folder is registered as a
numbered version of one model. The alias ``champion`` says which version serves. Who was champion
before is written on the model (a tag), so a promotion can be taken back, and nothing is deleted.

A version is registered when its files are all there, and moving the alias is one step of the store,
so a process that is killed, or whose disk is full, has either done its work or not begun it for
those who pull. On the folder's own store one process at a time changes something, the others wait;
an MLflow server puts requests in order itself.
"""

import json
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.bundle import Bundle, load_bundle, put_in_place, require_replaceable
from training.run_figures import run_metrics, run_parameters

if TYPE_CHECKING:
    from mlflow import MlflowClient

STORE = "mlflow.db"
CHAMPION = "champion"
ARTIFACT = "bundle"
HISTORY_TAG = "lead_temperature.champion_history"
BUNDLE_TAG = "lead_temperature.bundle"
DATA_TAG = "lead_temperature.data"
GATE_TAG = "lead_temperature.gate"
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
        """Address that MLflow is given."""
        return self.tracking_uri or f"sqlite:///{self.folder / STORE}"


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version.

    Parameters
    ----------
    number : int
        MLflow's version number.
    bundle : str
        The bundle's own version.
    champion : bool
        Whether it is the one that serves.
    """

    number: int
    bundle: str
    champion: bool


class UnreadableBundleError(ValueError):
    """A registered version is not whole, or of a format that this release does not read."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is kept with a version of its comparison with the champion.

    Parameters
    ----------
    champion : int or None
        The version that it was compared with; None where there was no champion.
    finding : str
        In a word or two.
    promoted : bool
        Whether it became the champion then.
    forced : bool
        Whether it did so although the finding spoke against it.
    document : str
        All figures, as JSON.
    """

    champion: int | None
    finding: str
    promoted: bool
    forced: bool
    document: str


def record(
    registry: Registry, bundle_folder: Path, documents: Mapping[str, str] | None = None
) -> Version:
    """Log a bundle with its figures as a run and register it as a new version.

    Parameters
    ----------
    registry : Registry
    bundle_folder : pathlib.Path
        As `models.bundle.save_bundle` wrote it.
    documents : mapping of file name to text, optional
        What is kept with the run beside the bundle, such as pictures.

    Returns
    -------
    Version
        Not promoted yet.
    """
    bundle = load_bundle(bundle_folder)
    with _client(registry) as client, _alone(registry):
        run = client.create_run(_experiment(client, registry), run_name=bundle.version)
        run_id = run.info.run_id
        try:
            _log(client, run_id, bundle)
            for name, text in sorted((documents or {}).items()):
                client.log_text(run_id, text, name)
            client.log_artifacts(run_id, str(bundle_folder), ARTIFACT)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        _ensure_model(client, registry)
        created = client.create_model_version(
            registry.model,
            source=f"{run.info.artifact_uri}/{ARTIFACT}",
            run_id=run_id,
            tags={
                BUNDLE_TAG: bundle.version,
                DATA_TAG: str(bundle.card.get("data_fingerprint", "")),
            },
        )
        return Version(int(created.version), bundle.version, champion=False)


def promote(registry: Registry, number: int, judgement: Judgement | None = None) -> Version:
    """Make a version the champion; the earlier champion is remembered.

    Parameters
    ----------
    registry : Registry
    number : int
    judgement : Judgement, optional
        By which it is promoted; it is kept with the version first.

    Raises
    ------
    ValueError
        There is no such version, or the champion is not the one it was compared with any more.
    """
    with _client(registry) as client, _alone(registry):
        known = {version.number: version for version in _versions(client, registry)}
        if number not in known:
            raise ValueError(
                f"Model '{registry.model}' has no version {number}; it has "
                f"{sorted(known) or 'none: `lead-temperature train` registers one'}."
            )
        before = _champions(client, registry)
        if judgement is not None:
            present = before[-1] if before else None
            if judgement.champion != present:
                raise ValueError(
                    f"Version {number} was compared with champion {judgement.champion or 'none'}, "
                    f"but meanwhile version {present or 'none'} is the champion. Promote it again."
                )
            _keep(client, registry, number, judgement)
        if before[-1:] != [number]:
            _crown(client, registry, before, [*before, number])
        return Version(number, known[number].bundle, champion=True)


def keep(registry: Registry, number: int, judgement: Judgement) -> None:
    """Keep with a version what was found of it, and leave the champion as it is."""
    with _client(registry) as client, _alone(registry):
        _keep(client, registry, number, judgement)


def rollback(registry: Registry) -> Version:
    """Make the champion before this one the champion again.

    Raises
    ------
    ValueError
        There was no champion before.
    """
    with _client(registry) as client, _alone(registry):
        before = _champions(client, registry)
        if len(before) < 2:
            raise ValueError(
                f"Model '{registry.model}' has no earlier champion to go back to; "
                f"champions so far: {before or 'none'}."
            )
        _crown(client, registry, before, before[:-1])
        return next(v for v in _versions(client, registry) if v.champion)


def pull(registry: Registry, alias: str, folder: Path) -> Version:
    """Copy a version's bundle into a folder, checked, all or nothing.

    Parameters
    ----------
    registry : Registry
    alias : str
        An alias such as "champion", or a version number.
    folder : pathlib.Path
        Replaced when it holds a bundle.

    Raises
    ------
    ValueError
        There is no such version or alias.
    FileExistsError
        `folder` holds something that is not a bundle.
    """
    require_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as part:
        version, fetched = _fetched(registry, alias, part)
        load_bundle(fetched)
        put_in_place(fetched, folder)
        return version


def registered_bundle(registry: Registry, number: int) -> Bundle:
    """Bundle of a version.

    Raises
    ------
    ValueError
        There is no such version.
    UnreadableBundleError
        This release cannot read it.
    """
    with tempfile.TemporaryDirectory() as folder:
        _, fetched = _fetched(registry, str(number), folder)
        try:
            return load_bundle(fetched)
        except (ValueError, FileNotFoundError) as error:
            raise UnreadableBundleError(str(error)) from error


def versions(registry: Registry) -> list[Version]:
    """All registered versions, oldest first."""
    with _client(registry) as client:
        return _versions(client, registry)


@contextmanager
def _client(registry: Registry) -> Iterator["MlflowClient"]:
    """MLflow's client; its own errors and its store's become ours, with the registry's address."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own 7 keep somebody who mistyped the server's address waiting for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # Making the store's tables is told as a stream of log lines that nobody needs.
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.store.model_registry"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if registry.tracking_uri is None:
            _ensure_store(registry)
        yield MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    except MlflowException as error:
        where = registry.folder if registry.tracking_uri is None else "the MLflow server"
        raise ValueError(f"The registry in {where} refused: {error.message}") from error
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        way_out = "Bring back a copy of it, or move it away and train again."
        if "locked" in words:
            way_out = "Another process is writing to it: wait for it to end, then try again."
        elif "full" in words or "I/O" in words:
            way_out = "Nothing has changed in it: make room on its disk, then try again."
        raise ValueError(
            f"The registry's database {registry.folder / STORE} cannot be used: {words}. {way_out}"
        ) from error


def _ensure_store(registry: Registry) -> None:
    """Make the folder's store where there is none, under another name until it is whole.

    MLflow makes its tables one by one, and never again finds its way in a store in which it was
    killed while doing so.
    """
    registry.folder.mkdir(parents=True, exist_ok=True)
    path = registry.folder / STORE
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with _alone(registry):
        if path.exists():  # another process has just made it
            return
        part = registry.folder / f"{STORE}.part"
        for leftover in registry.folder.glob(f"{part.name}*"):
            leftover.unlink()
        store = SqlAlchemyStore(f"sqlite:///{part}", (registry.folder / "runs").as_uri())
        store.engine.dispose()
        part.replace(path)


@contextmanager
def _alone(registry: Registry) -> Iterator[None]:
    """Keep other processes from changing the folder's store meanwhile.

    The lock is one of the operating system's, by way of SQLite: it is gone with its process.
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


def _experiment(client: "MlflowClient", registry: Registry) -> str:
    found = client.get_experiment_by_name(registry.model)
    if found is not None:
        return str(found.experiment_id)
    location = None
    if registry.tracking_uri is None:
        location = (registry.folder / "runs").as_uri()
    return str(client.create_experiment(registry.model, artifact_location=location))


def _ensure_model(client: "MlflowClient", registry: Registry) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(registry.model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(client: "MlflowClient", registry: Registry) -> list[Version]:
    found = client.search_model_versions(_named(registry))
    champion = _aliases(client, registry).get(CHAMPION)
    return sorted(
        (
            Version(int(one.version), one.tags.get(BUNDLE_TAG, ""), int(one.version) == champion)
            for one in found
        ),
        key=lambda version: version.number,
    )


def _aliases(client: "MlflowClient", registry: Registry) -> dict[str, int]:
    found = client.search_registered_models(_named(registry))
    return {name: int(number) for one in found for name, number in one.aliases.items()}


def _named(registry: Registry) -> str:
    # Safe as a literal: the configuration allows letters, digits, space and . _ - in the name.
    return f"name = '{registry.model}'"


def _champions(client: "MlflowClient", registry: Registry) -> list[int]:
    """Champions so far, the present one last.

    The tag holds the history before a change and the one after it, which never end in the same
    version: the alias tells which of them holds.
    """
    present = _aliases(client, registry).get(CHAMPION)
    if present is None:
        return []
    tags = client.get_registered_model(registry.model).tags
    histories: list[list[int]] = json.loads(tags.get(HISTORY_TAG, "[]"))
    return next((told for told in histories if told[-1:] == [present]), [present])


def _crown(client: "MlflowClient", registry: Registry, before: list[int], after: list[int]) -> None:
    """Move the alias, so that a change that is cut off in between has not happened."""
    client.set_registered_model_tag(registry.model, HISTORY_TAG, json.dumps([before, after]))
    client.set_registered_model_alias(registry.model, CHAMPION, str(after[-1]))


def _resolved(client: "MlflowClient", registry: Registry, alias: str) -> Version:
    known = {version.number: version for version in _versions(client, registry)}
    aliases = _aliases(client, registry)
    number = int(alias) if alias.isdecimal() else aliases.get(alias)
    if number not in known:
        raise ValueError(
            f"Model '{registry.model}' has no version or alias '{alias}'; it has versions "
            f"{sorted(known)} and aliases {sorted(aliases)}. "
            "`lead-temperature promote VERSION` makes a version the champion."
        )
    return known[number]


def _fetched(registry: Registry, alias: str, folder: str) -> tuple[Version, Path]:
    """Download a version's files; nothing is said about what they hold."""
    with _client(registry) as client:
        from mlflow.artifacts import download_artifacts

        version = _resolved(client, registry, alias)
        source = client.get_model_version_download_uri(registry.model, str(version.number))
        found = download_artifacts(
            artifact_uri=source,
            dst_path=folder,
            tracking_uri=registry.uri,
            registry_uri=registry.uri,
        )
        return version, Path(str(found))


def _keep(client: "MlflowClient", registry: Registry, number: int, judgement: Judgement) -> None:
    """Write a judgement on a version and, with all figures, into its run."""
    version = client.get_model_version(registry.model, str(number))
    against = "baselines" if judgement.champion is None else f"version_{judgement.champion}"
    client.log_text(version.run_id, judgement.document, f"gate/against_{against}.json")
    told = {
        "against": against,
        "finding": judgement.finding,
        "promoted": str(judgement.promoted).lower(),
        "forced": str(judgement.forced).lower(),
    }
    for name, value in told.items():
        client.set_model_version_tag(registry.model, str(number), f"{GATE_TAG}.{name}", value)


def _log(client: "MlflowClient", run_id: str, bundle: Bundle) -> None:
    """Settings and figures of a bundle's card, as parameters and metrics of a run."""
    from mlflow.entities import Metric, Param

    logged_at = client.get_run(run_id).info.start_time
    parameters = [Param(name, value) for name, value in sorted(run_parameters(bundle.card).items())]
    metrics = [
        Metric(name, value, logged_at, 0)
        for name, value in sorted(run_metrics(bundle.card).items())
    ]
    for first in range(0, len(parameters), 100):
        client.log_batch(run_id, params=parameters[first : first + 100])
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])
