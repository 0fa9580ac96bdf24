"""The whole way of a training, from tables to a judged bundle: one function per arrow.

leak audit → snapshots → labels → split → spec → features → boosters and calibrations → scores of
the test period → evaluation. Everything random has the configuration's seed, nothing asks a clock,
and so the same tables and configuration give the same bundle, byte for byte.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from features.batch import Spine, microseconds, point_in_time_features
from features.catalogue import customised_spec, features_of_file, standard_spec
from features.history import MICROSECONDS_PER_DAY, Float64
from features.spec import Spec, feature_from_json
from features.tables import Tables, rejected_rows
from models.bundle import HORIZONS, Bundle, Horizon
from training.audit import audit
from training.baselines import baseline_probabilities
from training.config import Config
from training.evaluate import (
    Judged,
    auc_interval,
    band_results,
    by_age,
    figures,
    reliability,
)
from training.fit import fitted_horizon
from training.importance import importance
from training.quarantine import ignored, without_quarantined
from training.snapshots import Labels, labels, snapshots
from training.split import Split, judged_from, require_conversions, time_split

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
    horizons = {name: _fitted(frame, name, config, told) for name in HORIZONS}
    bundle = Bundle(
        spec=dataclasses.replace(frame.spec, ignored=ignored(findings)),
        hot=horizons["hot"],
        warm=horizons["warm"],
        bands=config.bands.bands(),
        card={},
    )
    card = {
        "data_end": iso(tables.data_end),
        "export": {**_export_card(tables), "unused": dict(examined.unused)},
        "audit": [found.to_json() for found in findings],
        "snapshots": {
            "rows": len(frame.spine),
            "leads": len(np.unique(frame.spine.lead)),
            **config.snapshots.model_dump(),
        },
        "settings": {
            **config.horizons.model_dump(),
            **config.model.model_dump(),
            "calibrate_share": config.split.calibrate_share,
            "test_from": iso(frame.splits["hot"].test_from),
        },
        "libraries": {name: version(name) for name in ("lightgbm", "numpy", "scikit-learn")},
        **evaluation(bundle, frame, config, told),
    }
    return dataclasses.replace(bundle, card=card)


def training_frame(tables: Tables, config: Config, told: Told) -> TrainingFrame:
    """Snapshots of an export with labels, splits and features."""
    spine = snapshots(tables, config.snapshots)
    days = {"hot": config.horizons.hot_days, "warm": config.horizons.warm_days}
    found = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    test_from = judged_from(config, spine, tables.data_end)
    splits = {name: time_split(spine, found[name], config.split, test_from) for name in HORIZONS}
    for name in HORIZONS:
        require_conversions(splits[name], found[name])
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
    cutoffs: dict[str, float | None] = {**bundle.bands.to_json(), "cold": None}
    ranked = importance(
        bundle,
        frame.matrix[hot_test],
        judged["hot"].converted,
        config.model.seed,
        lambda done, total: told("importance of signals", done, total),
    )
    return {
        "horizons": {name: _horizon_card(bundle, frame, name, config, told) for name in HORIZONS},
        "bands": {
            name: {"cutoff": cutoffs[name], **_band_card(dataclasses.asdict(result))}
            for name, result in results.items()
        },
        "importance": [dataclasses.asdict(one) for one in ranked],
    }


def iso(microseconds_: int) -> str:
    """Instant as ISO 8601 text in UTC.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds_)).isoformat()


def _fitted(frame: TrainingFrame, name: str, config: Config, told: Told) -> Horizon:
    done = 0

    def progress(trees: int) -> None:
        nonlocal done
        done += trees
        told(f"trees of the {name} horizon", done, config.model.trees)

    return fitted_horizon(
        frame.spec,
        frame.matrix,
        frame.labels[name].converted,
        frame.labels[name].days,
        frame.splits[name],
        config.model,
        progress,
    )


def _judged(frame: TrainingFrame, name: str, chosen: Bool) -> Judged:
    everything = Judged(frame.labels[name].converted, frame.spine.lead, frame.age_days)
    return everything.among(chosen)


def _horizon_card(
    bundle: Bundle, frame: TrainingFrame, name: str, config: Config, told: Told
) -> dict[str, Any]:
    split, found = frame.splits[name], frame.labels[name]
    scores = bundle.scores(frame.matrix[split.test], config.model.threads)
    probability = {"hot": scores.hot_probability, "warm": scores.warm_probability}[name]
    judged = _judged(frame, name, split.test)
    stage = f"evaluation of the {name} horizon"
    interval = auc_interval(
        judged, probability, config.model.seed, progress=lambda done, of: told(stage, done, of)
    )
    baselines = baseline_probabilities(
        frame.age_days, found.converted, found.days, split, config.model
    )
    return {
        "days": found.days,
        "fit": _period(frame, name, split.fit),
        "calibrate": _period(frame, name, split.calibrate),
        "test": _period(frame, name, split.test),
        "immature_rows": int((~found.mature).sum()),
        "base_rate": float(found.converted[split.fit].mean()),
        **dataclasses.asdict(figures(judged.converted, probability)),
        "auc_low": None if interval is None else interval[0],
        "auc_high": None if interval is None else interval[1],
        "baselines": {
            baseline: dataclasses.asdict(figures(judged.converted, guess))
            for baseline, guess in baselines.items()
        },
        "reliability": [dataclasses.asdict(one) for one in reliability(judged, probability)],
        "by_age": [dataclasses.asdict(one) for one in by_age(judged, probability)],
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


def _export_card(tables: Tables) -> dict[str, Any]:
    created_at = microseconds(tables.leads["created_at"])
    return {
        "leads": tables.leads.num_rows,
        "interactions": tables.interactions.num_rows,
        "conversions": tables.leads.num_rows - tables.leads["converted_at"].null_count,
        "rejected_rows": sum(
            rejected_rows(tables.rejects, name) for name in ("leads", "interactions", "attributes")
        ),
        "first_created": iso(int(created_at.min())),
    }
