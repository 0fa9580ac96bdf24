"""The registry of trained bundles, and the only file that knows MLflow.

A training is an MLflow run with its figures and its bundle; the bundle's folder is registered as a
numbered version of one model. The alias ``champion`` says which version serves. Who was champion
before is written on the model (a tag), so a promotion can be taken back, and nothing is deleted.
"""

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.bundle import load_bundle, put_in_place, require_replaceable

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
ARTIFACT = "bundle"
HISTORY_TAG = "lead_temperature.champion_history"
BUNDLE_TAG = "lead_temperature.bundle"


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
        return self.tracking_uri or f"sqlite:///{self.folder / 'mlflow.db'}"


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


def record(registry: Registry, bundle_folder: Path) -> Version:
    """Log a bundle with its figures as a run and register it as a new version.

    Parameters
    ----------
    registry : Registry
    bundle_folder : pathlib.Path
        As `models.bundle.save_bundle` wrote it.

    Returns
    -------
    Version
        Not promoted yet.
    """
    bundle = load_bundle(bundle_folder)
    with _client(registry) as client:
        run = client.create_run(_experiment(client, registry), run_name=bundle.version)
        run_id = run.info.run_id
        for name, value in sorted(bundle.card.get("settings", {}).items()):
            client.log_param(run_id, name, value)
        for name, figure in sorted(_figures(bundle.card).items()):
            client.log_metric(run_id, name, figure)
        client.log_artifacts(run_id, str(bundle_folder), ARTIFACT)
        client.set_terminated(run_id)
        _ensure_model(client, registry)
        created = client.create_model_version(
            registry.model,
            source=f"{run.info.artifact_uri}/{ARTIFACT}",
            run_id=run_id,
            tags={BUNDLE_TAG: bundle.version},
        )
        return Version(int(created.version), bundle.version, champion=False)


def promote(registry: Registry, number: int) -> Version:
    """Make a version the champion; the earlier champion is remembered.

    Raises
    ------
    ValueError
        There is no such version.
    """
    with _client(registry) as client:
        known = {version.number: version for version in _versions(client, registry)}
        if number not in known:
            raise ValueError(
                f"Model '{registry.model}' has no version {number}; it has "
                f"{sorted(known) or 'none: `lead-temperature train` registers one'}."
            )
        before = _champions(client, registry)
        if before[-1:] != [number]:
            _crown(client, registry, before, [*before, number])
        return Version(number, known[number].bundle, champion=True)


def rollback(registry: Registry) -> Version:
    """Make the champion before this one the champion again.

    Raises
    ------
    ValueError
        There was no champion before.
    """
    with _client(registry) as client:
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
    with _client(registry) as client, tempfile.TemporaryDirectory(dir=folder.parent) as part:
        version = _resolved(client, registry, alias)
        source = client.get_model_version_download_uri(registry.model, str(version.number))
        fetched = Path(_download(source, part))
        load_bundle(fetched)
        put_in_place(fetched, folder)
        return version


def versions(registry: Registry) -> list[Version]:
    """All registered versions, oldest first."""
    with _client(registry) as client:
        return _versions(client, registry)


@contextmanager
def _client(registry: Registry) -> Iterator["MlflowClient"]:
    """MLflow's client; its own errors and its store's become ours, with the registry's address."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # Making the store's tables is told as a stream of log lines that nobody needs.
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.store.model_registry"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if registry.tracking_uri is None:
        registry.folder.mkdir(parents=True, exist_ok=True)
    try:
        yield MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    except MlflowException as error:
        where = registry.folder if registry.tracking_uri is None else "the MLflow server"
        raise ValueError(f"The registry in {where} refused: {error.message}") from error
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ValueError(
            f"The registry's database {registry.folder / 'mlflow.db'} cannot be used: {words}. "
            "Bring back a copy of it, or move it away and train again."
        ) from error


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


def _download(source: str, folder: str) -> str:
    from mlflow.artifacts import download_artifacts

    return str(download_artifacts(artifact_uri=source, dst_path=folder))


def _figures(card: Mapping[str, Any]) -> dict[str, float]:
    """Figures of a card as flat MLflow metrics."""
    flat = {}
    for horizon, found in card.get("horizons", {}).items():
        for name in ("auc", "average_precision", "log_loss", "brier", "base_rate"):
            if found.get(name) is not None:
                flat[f"{horizon}.{name}"] = float(found[name])
        for baseline, figures in found.get("baselines", {}).items():
            if figures.get("log_loss") is not None:
                flat[f"{horizon}.{baseline.replace(' ', '_')}.log_loss"] = figures["log_loss"]
    return flat
