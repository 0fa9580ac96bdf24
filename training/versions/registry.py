"""The registry of trained bundles: numbered versions, and which of them is the champion.

A training is an MLflow run with its figures and its bundle; the bundle's folder is registered as a
numbered version of one model. The alias ``champion`` names the version that serves. A tag of the
model holds the earlier champions, so a promotion can be taken back. Nothing is deleted.

The contract with callers (`models.contract`) has versions of its own. The one in force is the one
that the champion was promoted with; `pull` puts it beside the champion's bundle.

A version is registered only when all its files are there, and moving the alias is one step of the
store. If a process is killed or its disk is full, whoever pulls sees either the state before the
change or the state after it.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.bands import Bands
from models.bundle import Bundle, add_companion, load_bundle
from models.contract import CONTRACT, Contract, contract_from_text, uncovered_names
from models.folder import put_in_place, require_replaceable
from training.card.values import read_card
from training.versions.mlflow_store import (
    INPUT_EXAMPLE,
    Client,
    Registry,
    connect,
    download_bundle,
    ensure_model,
    exclusive_access,
    experiment,
    log_figures,
    log_model_file,
    read_run_text,
)

CHAMPION = "champion"
ARTIFACT = "bundle"
HISTORY_TAG = "lead_temperature.champion_history"
BUNDLE_TAG = "lead_temperature.bundle"
DATA_TAG = "lead_temperature.data"
GATE_TAG = "lead_temperature.gate"
CONTRACT_TAG = "lead_temperature.contract"


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version.

    Parameters
    ----------
    number : int
        Version number in MLflow, from 1.
    bundle : str
        Version that the bundle itself bears.
    champion : bool
        Whether this is the version that serves.
    given_up : mapping of "hot", "warm" to float, optional
        Share of the champions' gain over the base rate that was given up when it was last judged.
    """

    number: int
    bundle: str
    champion: bool
    given_up: Mapping[str, float] = field(default_factory=dict)


class UnreadableBundleError(ValueError):
    """A registered version is not whole, or of a format that this release does not read."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The comparison with the champion, as it is kept with a version.

    Parameters
    ----------
    champion : int or None
        Version number of the champion at that time; None if there was none.
    finding : str
        Finding of the gate, such as "no worse".
    promoted : bool
        Whether the version became the champion.
    forced : bool
        Whether it became the champion although the finding spoke against it.
    document : str
        All figures and reasons, as JSON.
    given_up : mapping of "hot", "warm" to float, optional
        Share of the champions' gain over the base rate that is given up with this version
        (`training.versions.gate`).
    """

    champion: int | None
    finding: str
    promoted: bool
    forced: bool
    document: str
    given_up: Mapping[str, float] = field(default_factory=dict)


def record(
    registry: Registry, bundle_folder: Path, documents: Mapping[str, str] | None = None
) -> Version:
    """Log a bundle with its figures as a run and register it as a new version.

    Parameters
    ----------
    registry : Registry
        The registry.
    bundle_folder : pathlib.Path
        Folder that `models.bundle.save_bundle` wrote.
    documents : mapping of file name to text, optional
        Further files of the run, such as pictures. ``bundle/input_example.json`` becomes the
        example of the MLflow model.

    Returns
    -------
    Version
        The new version; it is not the champion yet.
    """
    bundle = load_bundle(bundle_folder)
    card = read_card(bundle.card)
    with connect(registry) as client, exclusive_access(registry):
        run = client.create_run(experiment(client, registry), run_name=bundle.version)
        run_id = run.info.run_id
        try:
            log_figures(client, run_id, card)
            for name, text in sorted((documents or {}).items()):
                client.log_text(run_id, text, name)
            client.log_artifacts(run_id, str(bundle_folder), ARTIFACT)
            with_example = f"{ARTIFACT}/{INPUT_EXAMPLE}" in (documents or {})
            log_model_file(client, run_id, ARTIFACT, with_example=with_example)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        ensure_model(client, registry)
        created = client.create_model_version(
            registry.model,
            source=f"{run.info.artifact_uri}/{ARTIFACT}",
            run_id=run_id,
            tags={
                BUNDLE_TAG: bundle.version,
                DATA_TAG: card.data_fingerprint or "",
            },
        )
        return Version(int(created.version), bundle.version, champion=False)


def promote(
    registry: Registry,
    number: int,
    judgement: Judgement | None = None,
    contract: Contract | None = None,
) -> Version:
    """Make a version the champion; the earlier champion is remembered.

    Parameters
    ----------
    registry : Registry
        The registry.
    number : int
        Version number of the new champion.
    judgement : Judgement, optional
        Result of the comparison that led to the promotion; it is kept with the version first.
    contract : Contract, optional
        What callers may send from then on; by default what the version reads.

    Raises
    ------
    ValueError
        The version does not exist, or meanwhile another version than the one it was compared with
        has become the champion.
    """
    with connect(registry) as client, exclusive_access(registry):
        version_by_number = {version.number: version for version in _versions(client, registry)}
        if number not in version_by_number:
            raise ValueError(
                f"Model '{registry.model}' has no version {number}; it has "
                f"{sorted(version_by_number) or 'none: `lead-temperature train` registers one'}."
            )
        champions = _champions(client, registry)
        if judgement is not None:
            current_champion = champions[-1] if champions else None
            if judgement.champion != current_champion:
                raise ValueError(
                    f"Version {number} was compared with champion {judgement.champion or 'none'}, "
                    f"but meanwhile version {current_champion or 'none'} is the champion. "
                    "Promote it again."
                )
            _keep(client, registry, number, judgement)
        if contract is not None:
            _keep_contract(client, registry, number, contract)
        if champions[-1:] != [number]:
            _crown(client, registry, champions, [*champions, number])
        return Version(number, version_by_number[number].bundle, champion=True)


def keep(registry: Registry, number: int, judgement: Judgement) -> None:
    """Keep a judgement with a version, and leave the champion as it is."""
    with connect(registry) as client, exclusive_access(registry):
        _keep(client, registry, number, judgement)


def rollback(registry: Registry, contract_with: Callable[[int], Contract] | None = None) -> Version:
    """Make the champion before this one the champion again.

    Parameters
    ----------
    registry : Registry
        The registry.
    contract_with : callable, optional
        Gives what callers may send from then on, by the version's number; by default it is what
        that champion was promoted with.

    Raises
    ------
    ValueError
        There is no earlier champion.
    """
    with connect(registry) as client, exclusive_access(registry):
        champions = _champions(client, registry)
        if len(champions) < 2:
            raise ValueError(
                f"Model '{registry.model}' has no earlier champion to go back to; "
                f"champions so far: {champions or 'none'}."
            )
        if contract_with is not None:
            _keep_contract(client, registry, champions[-2], contract_with(champions[-2]))
        _crown(client, registry, champions, champions[:-1])
        return next(v for v in _versions(client, registry) if v.champion)


def pull(registry: Registry, alias: str, folder: Path) -> Version:
    """Copy a version's bundle into a folder, once it is complete and checked.

    Parameters
    ----------
    registry : Registry
        The registry.
    alias : str
        An alias such as "champion", or a version number.
    folder : pathlib.Path
        Target; a bundle in it is replaced. The contract in force lies beside the bundle, if it is
        one of this version: it always is where the version is the champion.

    Raises
    ------
    ValueError
        The version or alias does not exist.
    FileExistsError
        `folder` holds something that is not a bundle.
    """
    require_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as part:
        version, fetched = _fetched(registry, alias, part)
        bundle = load_bundle(fetched)
        contract = contract_in_force(registry)
        if contract is not None and not uncovered_names(contract, bundle.spec):
            add_companion(fetched, CONTRACT, contract.text)
        put_in_place(fetched, folder)
        return version


def contract_in_force(registry: Registry) -> Contract | None:
    """Contract that the champion was promoted with; None without a champion, or if it had none.

    Raises
    ------
    ValueError
        It is of a later release.
    """
    with connect(registry) as client:
        champion = _aliases(client, registry).get(CHAMPION)
        if champion is None:
            return None
        version = client.get_model_version(registry.model, str(champion))
        if CONTRACT_TAG not in version.tags:
            return None
        name = _contract_file(version.tags[CONTRACT_TAG])
        return contract_from_text(read_run_text(client, registry, version.run_id, name), name)


def resolve_version(registry: Registry, alias: str) -> Version:
    """The version that an alias or a version number refers to now.

    Raises
    ------
    ValueError
        The version or alias does not exist.
    """
    with connect(registry) as client:
        return _resolved(client, registry, alias)


def registered_bundle(registry: Registry, number: int) -> Bundle:
    """Bundle of a version, with its judged fit.

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
            return load_bundle(fetched, with_judged_fit=True)
        except (ValueError, FileNotFoundError) as error:
            raise UnreadableBundleError(str(error)) from error


def champion_bands(registry: Registry) -> Bands | None:
    """Bands of the champion; None where there is none, or this release cannot read it."""
    champion = next((version for version in versions(registry) if version.champion), None)
    if champion is None:
        return None
    try:
        return registered_bundle(registry, champion.number).bands
    except UnreadableBundleError:
        return None


def require_reachable(registry: Registry) -> None:
    """Ask an MLflow server for its versions before hours of work whose result it must keep.

    Raises
    ------
    ValueError
        The server cannot be reached, or refuses the request.
    """
    if registry.tracking_uri is not None:
        versions(registry)


def versions(registry: Registry) -> list[Version]:
    """All registered versions, oldest first."""
    with connect(registry) as client:
        return _versions(client, registry)


def _versions(client: Client, registry: Registry) -> list[Version]:
    model_versions = client.search_model_versions(_named(registry))
    champion = _aliases(client, registry).get(CHAMPION)
    return sorted(
        (
            Version(
                int(registered.version),
                registered.tags.get(BUNDLE_TAG, ""),
                int(registered.version) == champion,
                json.loads(registered.tags.get(f"{GATE_TAG}.given_up", "{}")),
            )
            for registered in model_versions
        ),
        key=lambda version: version.number,
    )


def _aliases(client: Client, registry: Registry) -> dict[str, int]:
    models = client.search_registered_models(_named(registry))
    return {name: int(number) for one in models for name, number in one.aliases.items()}


def _named(registry: Registry) -> str:
    # Safe as a literal: the configuration allows letters, digits, space and . _ - in the name.
    return f"name = '{registry.model}'"


def _champions(client: Client, registry: Registry) -> list[int]:
    """Champions so far, the present one last.

    The tag holds the history before a change and the one after it, which never end in the same
    version: the alias decides which of them is valid.
    """
    current_champion = _aliases(client, registry).get(CHAMPION)
    if current_champion is None:
        return []
    tags = client.get_registered_model(registry.model).tags
    histories: list[list[int]] = json.loads(tags.get(HISTORY_TAG, "[]"))
    valid = (history for history in histories if history[-1:] == [current_champion])
    return next(valid, [current_champion])


def _crown(
    client: Client, registry: Registry, history_before: list[int], history_after: list[int]
) -> None:
    """Move the alias in one step, so that a change that is cut off has no effect."""
    client.set_registered_model_tag(
        registry.model, HISTORY_TAG, json.dumps([history_before, history_after])
    )
    client.set_registered_model_alias(registry.model, CHAMPION, str(history_after[-1]))


def _resolved(client: Client, registry: Registry, alias: str) -> Version:
    version_by_number = {version.number: version for version in _versions(client, registry)}
    aliases = _aliases(client, registry)
    number = int(alias) if alias.isdecimal() else aliases.get(alias)
    if number not in version_by_number:
        raise ValueError(
            f"Model '{registry.model}' has no version or alias '{alias}'; it has versions "
            f"{sorted(version_by_number) or 'none'} and aliases {sorted(aliases) or 'none'}. "
            + _way_to(alias, bool(version_by_number))
        )
    return version_by_number[number]


def _way_to(alias: str, trained: bool) -> str:
    if not trained:
        return "`lead-temperature train` registers the first version."
    if alias == CHAMPION:
        return "`lead-temperature promote VERSION` makes a version the champion."
    return "`lead-temperature versions` lists what there is."


def _fetched(registry: Registry, alias: str, folder: str) -> tuple[Version, Path]:
    """Download a version's files without checking them."""
    with connect(registry) as client:
        version = _resolved(client, registry, alias)
        return version, download_bundle(client, registry, version.number, folder)


def _contract_file(version: str) -> str:
    return f"contract/{version}.json"


def _keep_contract(client: Client, registry: Registry, number: int, contract: Contract) -> None:
    """Write a contract into a version's run; it is in force while that version is the champion."""
    run_id = client.get_model_version(registry.model, str(number)).run_id
    client.log_text(run_id, contract.text, _contract_file(contract.version))
    client.set_model_version_tag(registry.model, str(number), CONTRACT_TAG, contract.version)


def _keep(client: Client, registry: Registry, number: int, judgement: Judgement) -> None:
    """Write a judgement on a version and, with all figures, into its run."""
    version = client.get_model_version(registry.model, str(number))
    against = "baselines" if judgement.champion is None else f"version_{judgement.champion}"
    client.log_text(version.run_id, judgement.document, f"gate/against_{against}.json")
    tags = {
        "against": against,
        "finding": judgement.finding,
        "promoted": str(judgement.promoted).lower(),
        "forced": str(judgement.forced).lower(),
        "given_up": json.dumps(dict(judgement.given_up)),
    }
    for name, value in tags.items():
        client.set_model_version_tag(registry.model, str(number), f"{GATE_TAG}.{name}", value)
