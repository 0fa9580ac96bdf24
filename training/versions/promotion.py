"""What is found of a version before it becomes the champion.

Here the registry, the gate and the export meet: the champion's and the challenger's bundles are
fetched, compared on the export of the configuration, and judged. Moving the alias is the registry's
business, and going back to an earlier champion needs none of this.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from features.tables import Tables
from models.bundle import Bundle
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.card.values import read_card, to_json
from training.config import Config
from training.versions.comparison import Comparison, comparison
from training.versions.gate import Verdict, judge_against_baselines, judge_against_champion
from training.versions.mlflow_store import Registry
from training.versions.registry import Judgement, UnreadableBundleError, registered_bundle, versions


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found of a challenger.

    Parameters
    ----------
    number : int
        The challenger's version.
    champion : int or None
        The version that it was compared with; None where there is no champion.
    verdict : Verdict
    comparison : Comparison or None
        None where there was nothing to compare with, or it could not be done.
    """

    number: int
    champion: int | None
    verdict: Verdict
    comparison: Comparison | None

    def judgement(self, force: bool) -> Judgement:
        """What is kept of it with the version.

        Parameters
        ----------
        force : bool
            Whether the version is promoted whatever was found.
        """
        found = {
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
            document=json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        )


def examination(
    registry: Registry, number: int, config: Config, read: Callable[[], Tables], force: bool
) -> Examination:
    """Examine a version that shall become the champion.

    Parameters
    ----------
    registry : Registry
        The registry.
    number : int
        A version that is not the champion.
    config : Config
        The whole configuration.
    read : callable
        Reads the export; called only where there is a champion to compare with.
    force : bool
        Whether the version is promoted whatever is found: then what prevents a comparison is a
        reason of the verdict and no error.

    Raises
    ------
    ValueError, OSError
        There is no such version, or the two cannot be compared.
    """
    challenger = registered_bundle(registry, number)
    champion = next((one.number for one in versions(registry) if one.champion), None)
    if champion is None:
        return Examination(number, None, judge_against_baselines(read_card(challenger.card)), None)
    try:
        before = registered_bundle(registry, champion)
        return _compared(number, champion, before, challenger, config, read)
    except UnreadableBundleError as error:
        own = judge_against_baselines(read_card(challenger.card))
        unreadable = f"The champion, version {champion}, cannot be served by this release: {error}"
        verdict = Verdict(own.finding, (unreadable, *own.reasons))
        return Examination(number, champion, verdict, None)
    except (ValueError, OSError) as error:
        if not force:
            raise
        return Examination(number, champion, Verdict("cannot be told", (str(error),)), None)


def _compared(
    number: int,
    champion: int,
    before: Bundle,
    challenger: Bundle,
    config: Config,
    read: Callable[[], Tables],
) -> Examination:
    tables = read()
    findings = audit(tables, config.dataset, config.audit) if config.audit.enabled else ()
    examined = without_quarantined(tables, findings)
    found = comparison(before, challenger, examined, config.snapshots, config.model)
    least = config.gate.least_conversions
    verdict = judge_against_champion(
        found, read_card(before.card), read_card(challenger.card), least
    )
    return Examination(number, champion, verdict, found)
