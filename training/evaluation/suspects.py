"""What the figures would be without the suspects of the audit, beside what they are.

A suspect may know the outcome, and no time proves it: it is used. Whoever must decide whether to
leave it out sees here what hangs on it. A second model learns from everything but the suspects, in
the same way and from the same looks, and both are judged on the same test period. A large advantage
is no proof of either: an honest signal and a leak both rank well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from features.progress import Progress
from features.scale.batch import point_in_time_features
from features.spine import Spine
from features.tables import Tables
from models.bands import HORIZONS
from training.audit.leaks import Finding
from training.audit.quarantine import without_quarantined
from training.config import DatasetSettings, FittingSettings
from training.dataset.frame import TrainingFrame, training_frame
from training.fitting.bundle import FittedBundle, fit_bundle
from training.statistics.figures import Figures, figures
from training.statistics.paired import AUC, LOG_LOSS, Difference, paired_difference


@dataclass(frozen=True, slots=True)
class SuspectsWorth:
    """One horizon's figures of the test period, with and without the suspects.

    Parameters
    ----------
    with_them, without_them : Figures
        Of the model that uses them, and of one that learned without.
    auc, log_loss : Difference or None
        Advantage of the model that uses them; None where it cannot be computed.
    """

    with_them: Figures
    without_them: Figures
    auc: Difference | None
    log_loss: Difference | None


@dataclass(frozen=True, slots=True)
class WithoutSuspects:
    """What hangs on the suspects of the audit.

    Parameters
    ----------
    names : tuple of str
        The suspects.
    horizons : mapping of "hot", "warm" to SuspectsWorth
        Figures by horizon.
    """

    names: tuple[str, ...]
    horizons: Mapping[str, SuspectsWorth]


def without_suspects(
    tables: Tables,
    findings: Sequence[Finding],
    fitted: FittedBundle,
    frame: TrainingFrame,
    dataset: DatasetSettings,
    fitting: FittingSettings,
    report_progress: Progress,
) -> WithoutSuspects | None:
    """Figures with and without the suspects; None where the audit suspects nothing.

    Parameters
    ----------
    tables : Tables
        The export as it was read.
    findings : sequence of Finding
        What the audit says of it.
    fitted : FittedBundle
        The model that uses the suspects.
    frame : TrainingFrame
        The frame that it was fitted on.
    dataset, fitting : DatasetSettings, FittingSettings
        What the frame and the fits were made by.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total.
    """
    suspects = [finding for finding in findings if finding.verdict == "suspect"]
    names = tuple(finding.name for finding in suspects if finding.what != "grid")
    if not names:
        return None
    dropped = [
        replace(finding, verdict="dropped")
        if finding in suspects and finding.what != "grid"
        else finding
        for finding in findings
    ]

    def report(stage: str, finished: int, total: int) -> None:
        report_progress(f"{stage}, without suspects", finished, total)

    fewer_tables = without_quarantined(tables, dropped)
    rival_frame = training_frame(fewer_tables, dataset, report)
    rival = fit_bundle(rival_frame, dropped, fitting, report).judged_bundle
    worth = {}
    for name in HORIZONS:
        test, seed = frame.splits[name].test, fitting.model.seed
        converted, person = frame.labels[name].converted[test], frame.person[test]
        # Computed anew: where a suspect triggers looks, the rival's frame has fewer of them.
        spine = Spine(frame.spine.lead[test], frame.spine.as_of[test])
        matrix = point_in_time_features(fewer_tables, spine, rival_frame.spec)
        used = fitted.judged_bundle.scores(frame.matrix[test], fitting.model.threads)
        unused = rival.scores(matrix, fitting.model.threads)
        probabilities = used.probability(name), unused.probability(name)
        auc, log_loss = (
            paired_difference(metric, converted, person, *probabilities, seed)
            for metric in (AUC, LOG_LOSS)
        )
        with_them, without_them = (figures(converted, each) for each in probabilities)
        worth[name] = SuspectsWorth(with_them, without_them, auc, log_loss)
    return WithoutSuspects(names, worth)
