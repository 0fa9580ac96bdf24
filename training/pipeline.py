"""The whole way of a training, from tables to a judged bundle: one function per arrow.

leak audit → snapshots → labels → split → spec → features → boosters and calibrations → scores of
the test period → evaluation. Everything random has the configuration's seed, nothing asks a clock,
and so the same tables and configuration give the same bundle, byte for byte.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from features.batch import Spine, microseconds, point_in_time_features
from features.catalogue import customised_spec, features_of_file, standard_spec
from features.history import MICROSECONDS_PER_DAY, Float64
from features.inspection import broken_rules
from features.spec import Spec, feature_from_json
from features.tables import Tables, rejected_rows
from models.bands import Bands
from models.bundle import HORIZONS, Bundle, Horizon
from models.predictor import Blend
from models.scorecard import Scorecard, lines
from training.audit import audit
from training.baselines import baseline_card, baseline_probabilities
from training.calibrate import Choice
from training.card import card_text
from training.config import Config
from training.evaluate import (
    Judged,
    auc_interval,
    band_results,
    by_age,
    figures,
    reliability,
)
from training.fingerprint import data_fingerprint
from training.fit import calibrated_horizon
from training.importance import importance
from training.leaks import Finding
from training.learning_curve import learning_curve
from training.predictor import Looks, fitted_predictor
from training.promise import banded
from training.promise_result import promise_cards
from training.quarantine import ignored, without_quarantined
from training.reliability import reliability_card
from training.snapshots import Labels, effective_leads, labels, snapshots
from training.split import Split, judged_from, require_conversions, split_of

Bool = npt.NDArray[np.bool_]
Told = Callable[[str, int, int], object]
"""Progress: name of the stage, how much of it is done, of how much."""


@dataclass(frozen=True, slots=True)
class TrainingFrame:
    """Rows to learn from and to judge on.

    Parameters
    ----------
    spine : Spine
    spec : Spec
    matrix : float64 array of shape (rows, features)
    labels : mapping of "hot", "warm" to Labels
    splits : mapping of "hot", "warm" to Split
    age_days : float64 array of shape (rows,)
        Age of the lead at each row.
    """

    spine: Spine
    spec: Spec
    matrix: Float64
    labels: Mapping[str, Labels]
    splits: Mapping[str, Split]
    age_days: Float64


def trained_bundle(
    tables: Tables, config: Config, told: Told = lambda stage, done, total: None
) -> Bundle:
    """Bundle trained on an export and judged on its latest period.

    Parameters
    ----------
    tables : Tables
    config : Config
    told : callable, optional
        Told about the progress.

    Returns
    -------
    Bundle
        Its card holds the evaluation.

    Raises
    ------
    ValueError
        The export is too short or has too few conversions.
    """
    findings = audit(tables, config) if config.audit.enabled else ()
    examined = without_quarantined(tables, findings)
    frame = training_frame(examined, config, told)
    bundle = fitted_bundle(frame, findings, config, told)
    card = {
        "data_end": iso(tables.data_end),
        "data_fingerprint": data_fingerprint(tables),
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
        **evaluation(bundle, frame, config, told),
        "importance": importance_card(bundle, frame, config, told),
        "learning_curve": _learning_curve_card(bundle, frame, config, tables),
    }
    return dataclasses.replace(bundle, card=card, card_text=card_text(card))


def fitted_bundle(
    frame: TrainingFrame, findings: Sequence[Finding], config: Config, told: Told
) -> Bundle:
    """Boosters, calibrations and bands learned from a frame.

    Its card says no more than how the calibrations were chosen.

    Parameters
    ----------
    frame : TrainingFrame
        Its test rows are not looked at.
    findings : sequence of Finding
        Of the audit; what it quarantines is no part of the frame.
    config : Config
    told : callable
    """
    (hot, hot_choice), (warm, warm_choice) = (
        _fitted(frame, name, config, told) for name in HORIZONS
    )
    bundle = Bundle(
        spec=dataclasses.replace(frame.spec, ignored=ignored(findings)),
        hot=hot,
        warm=warm,
        bands=Bands(hot=None, warm=None),
        card={
            "calibrations": {
                "hot": dataclasses.asdict(hot_choice),
                "warm": dataclasses.asdict(warm_choice),
            }
        },
    )
    return banded(
        bundle,
        frame.spine,
        frame.matrix,
        frame.labels,
        frame.splits,
        config.bands,
        config.model.threads,
    )


def training_frame(tables: Tables, config: Config, told: Told) -> TrainingFrame:
    """Snapshots of an export with labels, splits and features."""
    spine = snapshots(tables, config.snapshots)
    days = {"hot": config.horizons.hot_days, "warm": config.horizons.warm_days}
    found = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    test_from = judged_from(config, spine, tables.data_end)
    splits = {name: split_of(tables, spine, found[name], config, test_from) for name in HORIZONS}
    for name in HORIZONS:
        require_conversions(splits[name], found[name], spine.lead)
    # What the catalogue sees ends before the first row that calibrates, in either horizon.
    spec = spec_of(tables, config, min(split.calibrate_from for split in splits.values()))
    done = 0

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        told("features", done, len(spine))

    matrix = point_in_time_features(tables, spine, spec, progress)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    return TrainingFrame(spine, spec, matrix, found, splits, age_days)


def spec_of(tables: Tables, config: Config, until: int) -> Spec:
    """Spec of the standard features, as the configuration adds to it and drops from it.

    Parameters
    ----------
    tables : Tables
    config : Config
    until : int
        Microseconds; what was known at or after it is not looked at.

    Raises
    ------
    ValueError
        A feature that is added is no feature, or one that is dropped is not there.
    """
    chosen = config.features
    standard = standard_spec(
        tables, until, owner=chosen.owner, timezone=config.export.data.timezone or "UTC"
    )
    added = [feature_from_json(item) for item in chosen.add]
    if chosen.file is not None:
        added += features_of_file(config.export.base / chosen.file)
    return customised_spec(standard, added, chosen.drop)


def evaluation(bundle: Bundle, frame: TrainingFrame, config: Config, told: Told) -> dict[str, Any]:
    """Everything that the test period says about a bundle, as JSON values."""
    hot_test = frame.splits["hot"].test
    scores = bundle.scores(frame.matrix[hot_test], config.model.threads)
    judged = {name: _judged(frame, name, hot_test) for name in HORIZONS}
    results = band_results(
        scores, judged["hot"], judged["warm"], frame.labels["warm"].mature[hot_test]
    )
    cutoffs: dict[str, float | None] = {**bundle.bands.cutoffs, "cold": None}
    promises = promise_cards(
        bundle.bands,
        {name: frame.labels[name].days for name in HORIZONS},
        scores.band,
        judged,
        {name: frame.labels[name].mature[hot_test] for name in HORIZONS},
        frame.spine.as_of[hot_test],
    )
    return {
        "horizons": {name: _horizon_card(bundle, frame, name, config, told) for name in HORIZONS},
        "bands": {
            name: {
                "cutoff": cutoffs[name],
                "promise": promises.get(name),
                **_band_card(dataclasses.asdict(result)),
            }
            for name, result in results.items()
        },
    }


def importance_card(
    bundle: Bundle, frame: TrainingFrame, config: Config, told: Told
) -> list[dict[str, Any]]:
    """How much the signals matter on the test period, as JSON values."""
    test = frame.splits["hot"].test
    ranked = importance(
        bundle,
        frame.matrix[test],
        frame.labels["hot"].converted[test],
        config.model.seed,
        lambda done, total: told("importance of signals", done, total),
    )
    return [dataclasses.asdict(one) for one in ranked]


def iso(microseconds_: int) -> str:
    """Instant as ISO 8601 text in UTC.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds_)).isoformat()


def _fitted(frame: TrainingFrame, name: str, config: Config, told: Told) -> tuple[Horizon, Choice]:
    split, found, categorical = frame.splits[name], frame.labels[name], frame.spec.categorical
    done = 0

    def progress(trees: int) -> None:
        nonlocal done
        done += trees
        told(f"trees of the {name} horizon", done, config.model.trees)

    predictor = fitted_predictor(
        frame.spec,
        frame.matrix[split.fit],
        found.converted[split.fit],
        frame.spine.lead[split.fit],
        config.model,
        config.edited_scorecard(name),
        progress,
        _sooner(frame, config) if name == "warm" else None,
    )
    return calibrated_horizon(
        predictor,
        categorical,
        frame.matrix,
        found.converted,
        frame.spine.lead,
        found.days,
        split,
        config.model,
        config.calibration.method,
    )


def _sooner(frame: TrainingFrame, config: Config) -> Looks:
    """What was known of the hot horizon before the warm one's calibration begins."""
    chosen, hot = _sooner_rows(frame, config), frame.labels["hot"]
    return Looks(frame.matrix[chosen], hot.converted[chosen], frame.spine.lead[chosen])


def _sooner_rows(frame: TrainingFrame, config: Config) -> Bool:
    split, hot = frame.splits["warm"], frame.labels["hot"]
    if config.split.leads == "apart":
        return split.fit  # other leads' looks belong to other periods
    ends_at = frame.spine.as_of + hot.days * MICROSECONDS_PER_DAY
    return hot.mature & (ends_at < split.calibrate_from)


def _judged(frame: TrainingFrame, name: str, chosen: Bool) -> Judged:
    everything = Judged(frame.labels[name].converted, frame.spine.lead, frame.age_days)
    return everything.among(chosen)


def _horizon_card(
    bundle: Bundle, frame: TrainingFrame, name: str, config: Config, told: Told
) -> dict[str, Any]:
    split, found = frame.splits[name], frame.labels[name]
    scores = bundle.scores(frame.matrix[split.test], config.model.threads)
    probability = scores.probability(name)
    judged = _judged(frame, name, split.test)
    stage = f"evaluation of the {name} horizon"
    interval = auc_interval(
        judged, probability, config.model.seed, progress=lambda done, of: told(stage, done, of)
    )
    return {
        "days": found.days,
        "fit": _period(frame, name, split.fit),
        "calibrate": _period(frame, name, split.calibrate),
        "test": _period(frame, name, split.test),
        "immature_rows": int((~found.mature).sum()),
        "left_out_rows": split.left_out,
        "never_learned_from": _new_leads_card(frame, name, config, probability),
        "base_rate": float(found.converted[split.fit].mean()),
        **dataclasses.asdict(figures(judged.converted, probability)),
        "auc_low": None if interval is None else interval[0],
        "auc_high": None if interval is None else interval[1],
        **_rivals_card(bundle, frame, name, config, probability),
        "reliability": [dataclasses.asdict(one) for one in reliability(judged, probability)],
        "by_age": [dataclasses.asdict(one) for one in by_age(judged, probability)],
        "calibration": bundle.card["calibrations"][name],
        **reliability_card(
            bundle, name, frame.matrix[split.test], judged, config.model.seed, config.model.threads
        ),
    }


def _rivals_card(
    bundle: Bundle, frame: TrainingFrame, name: str, config: Config, probability: Float64
) -> dict[str, Any]:
    """What predicts, its lines if it is a points card, and what it has over the baselines."""
    split, predictor, card = frame.splits[name], bundle.horizon(name).predictor, None
    baselines = baseline_probabilities(
        frame.spec,
        frame.matrix,
        frame.age_days,
        frame.labels[name].converted,
        frame.spine.lead,
        split,
        config.model,
    )
    kind = "blend" if isinstance(predictor, Blend) else "booster"
    if isinstance(predictor, Scorecard):
        card = [dataclasses.asdict(line) for line in lines(predictor, bundle.spec)]
        kind = "edited points card"
        if config.edited_scorecard(name) is None:
            kind = "points card"
            del baselines[kind]  # it is the model
    judged = _judged(frame, name, split.test)
    return {
        "predictor": kind,
        "points_card": card,
        **baseline_card(judged, probability, baselines, config.model.seed),
    }


def _new_leads_card(
    frame: TrainingFrame, name: str, config: Config, probability: Float64
) -> dict[str, Any]:
    """Figures of the test rows of leads that nothing was learned from, at no earlier look."""
    split, lead = frame.splits[name], frame.spine.lead
    learned = split.fit | split.calibrate
    if name == "warm":
        learned = learned | _sooner_rows(frame, config)
    new = ~np.isin(lead[split.test], lead[learned])
    converted = frame.labels[name].converted[split.test][new]
    found = figures(converted, probability[new])
    return {
        "rows": len(converted),
        "leads": len(np.unique(lead[split.test][new])),
        "positives": int(converted.sum()),
        "auc": found.auc,
        "log_loss": found.log_loss,
    }


def _period(frame: TrainingFrame, name: str, chosen: Bool) -> dict[str, Any]:
    as_of = frame.spine.as_of[chosen]
    return {
        "from": iso(int(as_of.min())) if len(as_of) else None,
        "to": iso(int(as_of.max())) if len(as_of) else None,
        "rows": len(as_of),
        "leads": len(np.unique(frame.spine.lead[chosen])),
        "positives": int(frame.labels[name].converted[chosen].sum()),
    }


def _band_card(result: dict[str, Any]) -> dict[str, Any]:
    card: dict[str, Any] = {"rows": result["rows"], "leads": result["leads"]}
    for name in HORIZONS:
        rate = result[name] or {}
        card[f"{name}_rows"] = rate.get("rows", 0)
        card[f"{name}_positives"] = rate.get("positives", 0)
        card[f"predicted_{name}"] = rate.get("predicted")
        card[f"{name}_rate"] = rate.get("observed")
        card[f"{name}_low"] = rate.get("low")
        card[f"{name}_high"] = rate.get("high")
    return card


def _learning_curve_card(
    bundle: Bundle, frame: TrainingFrame, config: Config, tables: Tables
) -> dict[str, Any]:
    rows = frame.splits["hot"].calibrate
    scores = bundle.scores(frame.matrix[rows], config.model.threads)
    hot = scores.hot_low >= bundle.bands.promises["hot"].line
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
