"""The whole way of a training, from tables to a judged bundle: one function per arrow.

leak audit → snapshots → labels → split → spec → features → boosters and calibrations → scores of
the test period → evaluation. Everything random has the configuration's seed, nothing asks a clock,
and so the same tables and configuration give the same bundle, byte for byte.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from features.export.inspection import broken_rules
from features.progress import Progress, no_progress
from features.spine import Spine, iso, microseconds
from features.tables import Tables, rejected_rows
from models.bundle import Bundle
from models.card import MANAGERS
from models.explain import columns_by_signal
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.bands.learning_curve import learning_curve
from training.card.values import carded
from training.config import Config
from training.dataset.frame import TrainingFrame, training_frame
from training.dataset.snapshots import effective_leads
from training.evaluation.dependence import Dependences, dependences
from training.evaluation.evaluation import evaluation, judged_rows
from training.evaluation.importance import family_importance, importance
from training.evaluation.refits import refits
from training.fitting.bundle import FittedBundle, fit_bundle
from training.fitting.predictor import kind_of
from training.report.model_card import card_text
from training.team.aftermath import Aftermaths, aftermaths
from training.team.grouping import cohort
from training.team.portrait import Portrait, portrait
from training.team.practice import Practice, owner_attribute, practice
from training.team.today import OpenLeads, open_leads
from training.versions.fingerprint import data_fingerprint, recipe_fingerprint


def trained_bundle(
    tables: Tables, config: Config, report_progress: Progress = no_progress
) -> Bundle:
    """Bundle trained on an export and judged on its latest period.

    Parameters
    ----------
    tables : Tables
    config : Config
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.

    Returns
    -------
    Bundle
        Its card holds the evaluation.

    Raises
    ------
    ValueError
        The export is too short or has too few conversions.
    """
    # First, because its settings may be wrong.
    worked = practice(tables, config.practice, config.horizons.warm_days)
    findings = audit(tables, config.dataset, config.audit) if config.audit.enabled else ()
    examined = without_quarantined(tables, findings)
    frame = training_frame(examined, config.dataset, report_progress)
    fitted = fit_bundle(frame, findings, config.fitting, report_progress)
    bundle = fitted.bundle
    ranked = importance_card(bundle, frame, config, report_progress)
    card = {
        "data_end": iso(tables.data_end),
        "data_fingerprint": data_fingerprint(tables),
        "recipe": recipe_fingerprint(config),
        "export": {
            **_export_card(tables),
            "unused": dict(examined.unused),
            "sensitive_allowed": list(config.export.leads.allow_sensitive),
        },
        "audit": [found.to_json() for found in findings],
        "snapshots": {
            "rows": len(frame.spine),
            "leads": len(np.unique(frame.spine.lead)),
            "effective_leads": effective_leads(frame.spine),
            **config.snapshots.model_dump(mode="json"),
        },
        "settings": {
            **config.horizons.model_dump(),
            **config.model.model_dump(),
            "calibrate_share": config.split.calibrate_share,
            "leads": config.split.leads,
            "test_from": iso(frame.splits["hot"].test_from),
        },
        "libraries": {name: version(name) for name in ("lightgbm", "numpy", "scikit-learn")},
        **evaluation(bundle, frame, config, report_progress),
        MANAGERS: {
            "practice": carded(Practice, worked),
            **_report_card(bundle, frame, tables, examined, config, ranked),
        },
        "importance": ranked,
        "families": _families_card(bundle, frame, config),
        "learning_curve": _learning_curve_card(fitted, frame, config, tables),
    }
    return dataclasses.replace(bundle, card=card, card_text=card_text(card))


def importance_card(
    bundle: Bundle, frame: TrainingFrame, config: Config, report_progress: Progress
) -> list[dict[str, Any]]:
    """How much the signals matter on the test period, as JSON values."""
    test = frame.splits["hot"].test
    ranked = importance(
        bundle,
        frame.matrix[test],
        frame.labels["hot"].converted[test],
        config.model.seed,
        lambda done, total: report_progress("importance of signals", done, total),
    )
    again = refits(
        frame.spec,
        frame.looks("hot", frame.splits["hot"].fit),
        frame.looks("hot", test),
        columns_by_signal(frame.spec),
        config.model.model_copy(update={"kind": kind_of(bundle.hot.predictor)}),
        lambda done, total: report_progress("refits for the importance", done, total),
    )
    return [
        {
            **dataclasses.asdict(one),
            "chance": again and again.chance,
            "swing": again and dataclasses.asdict(again.swings[one.signal]),
        }
        for one in ranked
    ]


def _families_card(bundle: Bundle, frame: TrainingFrame, config: Config) -> list[dict[str, Any]]:
    looks = frame.looks("hot", frame.splits["hot"].test)
    found = family_importance(bundle, looks.matrix, looks.converted, config.model.seed)
    return [dataclasses.asdict(one) for one in found]


def _report_card(
    bundle: Bundle,
    frame: TrainingFrame,
    tables: Tables,
    examined: Tables,
    config: Config,
    ranked: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What the managers' report alone asks of the export and of the test period."""
    test, days = frame.splits["hot"].test, config.horizons.warm_days
    matrix, looks = frame.matrix[test], Spine(frame.spine.lead[test], frame.spine.as_of[test])
    scores = bundle.scores(matrix, config.model.threads)
    judged = judged_rows(frame, "hot", test)
    signals = [one["signal"] for one in ranked]
    owner = owner_attribute(examined, config.practice.owner)
    return {
        "today": carded(
            OpenLeads,
            open_leads(bundle, examined, config.snapshots.until_days, config.model.threads),
        ),
        "aftermath": carded(Aftermaths, aftermaths(tables, looks, scores.band, days)),
        "dependence": carded(Dependences, dependences(bundle, matrix, judged, signals)),
        "portrait": carded(Portrait, portrait(examined, cohort(examined), days, owner)),
    }


def _learning_curve_card(
    fitted: FittedBundle, frame: TrainingFrame, config: Config, tables: Tables
) -> dict[str, Any]:
    rows = frame.splits["hot"].calibrate
    hot = fitted.hot_low[rows] >= fitted.bundle.bands.promises["hot"].line
    conversions = tables.leads.num_rows - tables.leads["converted_at"].null_count
    converted, lead = frame.labels["hot"].converted[rows], frame.spine.lead[rows]
    return dataclasses.asdict(learning_curve(converted, lead, hot, conversions, config.model.seed))


def _export_card(tables: Tables) -> dict[str, Any]:
    created_at = microseconds(tables.leads["created_at"])
    return {
        "leads": tables.leads.num_rows,
        "interactions": tables.interactions.num_rows,
        "conversions": tables.leads.num_rows - tables.leads["converted_at"].null_count,
        "rejected_rows": sum(
            rejected_rows(tables.rejects, name) for name in ("leads", "interactions", "attributes")
        ),
        "rejects": [
            {"table": one.table, "rule": one.rule, "left_out": one.left_out, "rows": one.rows}
            for one in broken_rules(tables.rejects)
        ],
        "first_created": iso(int(created_at.min())),
    }
