"""The examination of a version before it becomes the champion.

This module brings the registry, the export and the gate together. It fetches the bundles of the
champion and of the challenger, compares them on the export of the configuration, and asks the gate
for a verdict. The registry moves the alias (`training.versions.registry`); going back to an earlier
champion needs no examination.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from features.export.first_seen import FIRST_SEEN, read_first_seen
from features.tables import Tables
from models.bundle import Bundle
from models.contract import Contract, ContractChange, first_contract, own_contract
from models.contract_draft import Terms, draft_contract, new_changes
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.card.values import read_card, to_json
from training.config import Config
from training.versions.comparison import Comparison, comparison
from training.versions.gate import Verdict, judge_against_baselines, judge_against_champion
from training.versions.mlflow_store import Registry
from training.versions.registry import (
    Judgement,
    UnreadableBundleError,
    contract_in_force,
    registered_bundle,
    versions,
)


@dataclass(frozen=True, slots=True)
class Examination:
    """Result of examining a challenger.

    Parameters
    ----------
    number : int
        Version number of the challenger.
    champion : int or None
        Version number of the champion that it was compared with; None if there is no champion.
    verdict : Verdict
        What the gate concludes, with its reasons.
    comparison : Comparison or None
        Figures of both models; None if there was no champion or the two could not be compared.
    """

    number: int
    champion: int | None
    verdict: Verdict
    comparison: Comparison | None

    def judgement(self, force: bool) -> Judgement:
        """What the registry keeps of it with the version.

        Parameters
        ----------
        force : bool
            Whether the version is promoted even if the verdict speaks against it.
        """
        document = {
            "champion": self.champion,
            "challenger": self.number,
            "verdict": to_json(self.verdict),
            "comparison": None if self.comparison is None else to_json(self.comparison),
        }
        return Judgement(
            champion=self.champion,
            finding=self.verdict.finding,
            promoted=self.verdict.passed or force,
            forced=force and not self.verdict.passed,
            given_up=self.verdict.given_up,
            document=json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        )


def examination(
    registry: Registry, number: int, config: Config, read: Callable[[], Tables], force: bool
) -> Examination:
    """Examine a version that is to become the champion.

    Parameters
    ----------
    registry : Registry
        The registry.
    number : int
        Version number of the challenger, which must not be the champion.
    config : Config
        The whole configuration.
    read : callable
        Reads the export; called only where there is a champion to compare with.
    force : bool
        Whether the version is promoted in any case. Then an error that prevents the comparison
        becomes a reason of the verdict instead of being raised.

    Raises
    ------
    ValueError, OSError
        The version does not exist, or the two cannot be compared.
    """
    challenger = registered_bundle(registry, number)
    champion_version = next((one for one in versions(registry) if one.champion), None)
    if champion_version is None:
        return Examination(number, None, judge_against_baselines(read_card(challenger.card)), None)
    champion = champion_version.number
    try:
        champion_bundle = registered_bundle(registry, champion)
        compared = _compared(champion_bundle, challenger, config, read)
        verdict = judge_against_champion(
            compared,
            read_card(champion_bundle.card),
            read_card(challenger.card),
            config.gate,
            champion_version.given_up,
        )
        return Examination(number, champion, verdict, compared)
    except UnreadableBundleError as error:
        own_verdict = judge_against_baselines(read_card(challenger.card))
        unreadable = f"The champion, version {champion}, cannot be served by this release: {error}"
        verdict = Verdict(own_verdict.finding, (unreadable, *own_verdict.reasons))
        return Examination(number, champion, verdict, None)
    except (ValueError, OSError) as error:
        if not force:
            raise
        return Examination(number, champion, Verdict("cannot be told", (str(error),)), None)


@dataclass(frozen=True, slots=True)
class ContractDraft:
    """What a version would change in the contract with callers.

    Parameters
    ----------
    contract : Contract
        The contract with that version as the champion.
    changes : tuple of ContractChange
        Differences from the contract in force.
    expired : tuple of str
        Retired names whose time is over, and that stay.
    """

    contract: Contract
    changes: tuple[ContractChange, ...]
    expired: tuple[str, ...]

    @property
    def breaking(self) -> tuple[ContractChange, ...]:
        """Changes that refuse calls which were answered."""
        return tuple(change for change in self.changes if change.breaks_callers)


def contract_draft(registry: Registry, number: int, terms: Terms) -> ContractDraft:
    """The contract with a version as the champion.

    A champion that was promoted without a contract, by an earlier release, has that of its own
    names.

    Parameters
    ----------
    registry : Registry
        The registry.
    number : int
        Version number.
    terms : Terms
        The day, the time for retired names, renames, and whether callers may break.

    Raises
    ------
    ValueError
        The version does not exist or cannot be read, or a rename leads nowhere.
    """
    bundle = registered_bundle(registry, number)
    contract = contract_in_force(registry) or _contract_of_champion(registry)
    if contract is None:
        return ContractDraft(first_contract(bundle.spec, bundle.version, terms.today), (), ())
    draft = draft_contract(contract, bundle.spec, bundle.version, terms)
    expired = (
        path
        for path, retirement in draft.retired.items()
        if retirement.accepted_until < terms.today
    )
    return ContractDraft(draft, new_changes(draft, contract), tuple(expired))


def _contract_of_champion(registry: Registry) -> Contract | None:
    champion = next((version for version in versions(registry) if version.champion), None)
    if champion is None:
        return None
    try:
        bundle = registered_bundle(registry, champion.number)
    except UnreadableBundleError:  # no server of this release answers by it
        return None
    return own_contract(bundle)


def _compared(
    champion: Bundle, challenger: Bundle, config: Config, read: Callable[[], Tables]
) -> Comparison:
    tables = read()
    earlier = read_first_seen(config.registry_folder / FIRST_SEEN)
    findings = audit(tables, config.dataset, config.audit, earlier) if config.audit.enabled else ()
    examined = without_quarantined(tables, findings)
    return comparison(champion, challenger, examined, config.snapshots, config.model)
