"""The whole way of a training, from tables to a judged bundle: one function per arrow.

leak audit → snapshots → labels → split → spec → features → boosters and calibrations → scores of
the test period → evaluation. Everything random has the configuration's seed, nothing asks a clock,
and so the same tables and configuration give the same bundle, byte for byte.
"""

import dataclasses
from importlib.metadata import version

import numpy as np

from features.export.blindness import require_trustworthy
from features.export.first_seen import FirstSeen
from features.export.inspection import broken_rules
from features.export.mapping_terms import export_terms
from features.export.suspicions import suspicions
from features.progress import Progress, no_progress, one_at_a_time
from features.spine import Spine, iso, microseconds
from features.tables import Tables, rejected_rows
from models.bands import Bands
from models.bundle import Bundle
from models.explain import columns_by_signal
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.bands.learning_curve import LearningCurve, learning_curve
from training.card.schema import (
    ExportSummary,
    ManagersPart,
    ModelCard,
    RejectedRows,
    Setting,
    SnapshotSummary,
    SuspectedRows,
)
from training.card.values import card_document
from training.config import Config, SnapshotSettings
from training.dataset.frame import TrainingFrame, training_frame
from training.dataset.lead_order import by_creation
from training.dataset.snapshots import effective_leads
from training.evaluation.dependence import dependences
from training.evaluation.evaluation import evaluation, instant, judged_rows
from training.evaluation.importance import FamilyImportance, family_importance, importance
from training.evaluation.refits import SignalImportance, beside_chance, refits
from training.evaluation.suspects import without_suspects
from training.fitting.bundle import FittedBundle, fit_bundle
from training.fitting.predictor import kind_of
from training.report.model_card import card_text
from training.team.aftermath import aftermaths
from training.team.grouping import cohort
from training.team.portrait import portrait
from training.team.practice import Practice, owner_attribute, practice
from training.team.today import open_leads
from training.versions.fingerprint import data_fingerprint, recipe_fingerprint


def trained_bundle(
    tables: Tables,
    config: Config,
    report_progress: Progress = no_progress,
    earlier: Bands | None = None,
    first_seen: FirstSeen | None = None,
) -> Bundle:
    """Bundle trained on an export and judged on its latest period.

    Parameters
    ----------
    tables : Tables
        The export.
    config : Config
        All settings.
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.
    earlier : Bands, optional
        Bands of the model that serves until now: they are kept while the change may be chance.
    first_seen : FirstSeen, optional
        What earlier exports held of leads that were open, for the audit.

    Returns
    -------
    Bundle
        Its card holds the evaluation.

    Raises
    ------
    ValueError
        The export was not read alike for all outcomes, too much of it was rejected, it is too short
        or has too few conversions.
    """
    require_trustworthy(tables, config.export.data)
    tables = by_creation(tables)
    report_progress = one_at_a_time(report_progress)
    # First, because its settings may be wrong.
    team_practice = practice(tables, config.practice, config.horizons.warm_days)
    findings = (
        audit(tables, config.dataset, config.audit, first_seen) if config.audit.enabled else ()
    )
    examined = without_quarantined(tables, findings)
    frame = training_frame(examined, config.dataset, report_progress)
    fitted = fit_bundle(
        frame, findings, config.fitting, report_progress, final=True, earlier=earlier
    )
    bundle, judged_bundle = fitted.bundle, fitted.judged_bundle
    signals = signal_importance(judged_bundle, frame, config, report_progress)
    judgement = evaluation(fitted, frame, config.fitting, report_progress)
    card = ModelCard(
        data_end=instant(tables.data_end),
        data_fingerprint=data_fingerprint(tables),
        recipe=recipe_fingerprint(config),
        export=_export_summary(tables, examined, config.export.leads.allow_sensitive),
        audit=tuple(findings),
        snapshots=_snapshot_summary(frame, config.snapshots),
        settings=_settings(frame, config, tables.data_end),
        libraries={name: version(name) for name in ("lightgbm", "numpy", "scikit-learn")},
        horizons=judgement.horizons,
        bands=judgement.bands,
        managers=_managers_part(fitted, frame, tables, examined, config, signals, team_practice),
        importance=signals,
        families=_family_importance(judged_bundle, frame, config.model.seed),
        learning_curve=_learning_curve(fitted, frame, config.model.seed, tables),
        without_suspects=without_suspects(
            tables, findings, fitted, frame, config.dataset, config.fitting, report_progress
        ),
    )
    begin = {"learned_until": iso(frame.splits["hot"].test_from)}
    judged_card = dataclasses.replace(card, settings={**card.settings, **begin})
    return dataclasses.replace(
        bundle,
        card=card_document(card),
        card_text=card_text(card),
        terms=export_terms(config.export, examined, bundle.spec),
        judged_fit=dataclasses.replace(judged_bundle, card=card_document(judged_card)),
    )


def signal_importance(
    bundle: Bundle, frame: TrainingFrame, config: Config, report_progress: Progress
) -> tuple[SignalImportance, ...]:
    """How much the signals matter on the test period, strongest first.

    Parameters
    ----------
    bundle : Bundle
        The model that the test period judges.
    frame : TrainingFrame
        The frame that it was fitted on.
    config : Config
        All settings.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total.
    """
    test = frame.splits["hot"].test
    ranked = importance(
        bundle,
        frame.matrix[test],
        frame.labels["hot"].converted[test],
        config.model.seed,
        lambda done, total: report_progress("importance of signals", done, total),
    )
    repeated = refits(
        frame.spec,
        frame.looks("hot", frame.splits["hot"].refit),
        frame.looks("hot", test),
        columns_by_signal(frame.spec),
        config.model.model_copy(update={"kind": kind_of(bundle.hot.predictor)}),
        lambda done, total: report_progress("refits for the importance", done, total),
    )
    return beside_chance(ranked, repeated)


def _family_importance(
    bundle: Bundle, frame: TrainingFrame, seed: int
) -> tuple[FamilyImportance, ...]:
    looks = frame.looks("hot", frame.splits["hot"].test)
    return tuple(family_importance(bundle, looks.matrix, looks.converted, seed))


def _managers_part(
    fitted: FittedBundle,
    frame: TrainingFrame,
    tables: Tables,
    examined: Tables,
    config: Config,
    signals: tuple[SignalImportance, ...],
    team_practice: Practice,
) -> ManagersPart:
    """What the managers' report alone asks of the export and of the test period."""
    test, days = frame.splits["hot"].test, config.horizons.warm_days
    matrix, looks = frame.matrix[test], Spine(frame.spine.lead[test], frame.spine.as_of[test])
    scores = fitted.judged_bundle.scores(matrix, config.model.threads)
    rows = judged_rows(frame, "hot", test)
    ranked = [importance.signal for importance in signals]
    owner = owner_attribute(examined, config.practice.owner)
    return ManagersPart(
        practice=team_practice,
        today=open_leads(
            fitted.bundle, examined, config.snapshots.until_days, config.model.threads
        ),
        aftermath=aftermaths(tables, looks, scores.band, days),
        dependence=dependences(fitted.judged_bundle, matrix, rows, ranked),
        portrait=portrait(examined, cohort(examined), days, owner),
    )


def _learning_curve(
    fitted: FittedBundle, frame: TrainingFrame, seed: int, tables: Tables
) -> LearningCurve:
    rows = frame.splits["hot"].calibrate
    hot = fitted.hot_held_out[rows] >= fitted.bundle.bands.promises["hot"].line
    conversions = tables.leads.num_rows - tables.leads["converted_at"].null_count
    converted, lead = frame.labels["hot"].converted[rows], frame.person[rows]
    return learning_curve(converted, lead, hot, conversions, seed)


def _export_summary(
    tables: Tables, examined: Tables, sensitive_allowed: tuple[str, ...]
) -> ExportSummary:
    created_at = microseconds(tables.leads["created_at"])
    return ExportSummary(
        leads=tables.leads.num_rows,
        interactions=tables.interactions.num_rows,
        conversions=tables.leads.num_rows - tables.leads["converted_at"].null_count,
        rejected_rows=sum(
            rejected_rows(tables.rejects, name) for name in ("leads", "interactions", "attributes")
        ),
        rejects=tuple(
            RejectedRows(
                broken.table,
                broken.rule,
                "row" if broken.left_out == "row" else "value",
                broken.rows,
            )
            for broken in broken_rules(tables.rejects)
        ),
        suspicions=tuple(
            SuspectedRows(doubt.name, doubt.location, doubt.rows, doubt.way_out)
            for doubt in suspicions(tables)
        ),
        first_created=instant(int(created_at.min())),
        unused=dict(examined.unused),
        sensitive_allowed=tuple(sensitive_allowed),
    )


def _snapshot_summary(frame: TrainingFrame, settings: SnapshotSettings) -> SnapshotSummary:
    return SnapshotSummary(
        rows=len(frame.spine),
        leads=len(np.unique(frame.spine.lead)),
        effective_leads=effective_leads(frame.persons),
        first_days=settings.first_days,
        every_days=settings.every_days,
        until_days=settings.until_days,
        triggers=settings.triggers,
        thin=settings.thin,
    )


def _settings(frame: TrainingFrame, config: Config, data_end: int) -> dict[str, Setting]:
    return {
        **config.horizons.model_dump(),
        **config.model.model_dump(),
        "calibrate_share": config.split.calibrate_share,
        "leads": config.split.leads,
        "test_from": iso(frame.splits["hot"].test_from),
        "learned_until": iso(data_end),
        **_refusal_setting(config.snapshots),
    }


def _refusal_setting(settings: SnapshotSettings) -> dict[str, Setting]:
    days = settings.after_refusal_days
    return {} if days is None else {"after_refusal_days": days}
