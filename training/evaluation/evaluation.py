"""What the test period says about a bundle: both horizons, beside their rivals, and the bands."""

import dataclasses
from typing import Any

import numpy as np

from features.arrays import Bool, Float64
from features.progress import Progress
from features.spine import iso
from models.bundle import HORIZONS, Bundle
from models.horizon import Scores
from models.predictors.predictor import Blend
from models.predictors.scorecard import Scorecard, card_lines
from training.bands.results import promise_cards
from training.card.values import carded
from training.config import Config
from training.dataset.frame import TrainingFrame
from training.evaluation.baselines import baseline_card, baseline_probabilities
from training.evaluation.gains import Gains, Months, by_month, gains
from training.evaluation.reliability import reliability_card
from training.fitting.bundle import shorter_horizon_rows
from training.statistics.figures import (
    JudgedRows,
    auc_interval,
    band_results,
    figures,
    figures_by_age,
    reliability_bins,
)


def evaluation(
    bundle: Bundle, frame: TrainingFrame, config: Config, report_progress: Progress
) -> dict[str, Any]:
    """Everything that the test period says about a bundle, as JSON values."""
    hot_test = frame.splits["hot"].test
    # A look that is old enough for the warm horizon is so for the hot one: these are all.
    scores = bundle.scores(frame.matrix[hot_test], config.model.threads)
    judged = {name: judged_rows(frame, name, hot_test) for name in HORIZONS}
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
        "horizons": {
            name: _horizon_card(
                bundle,
                frame,
                name,
                scores.among(frame.splits[name].test[hot_test]),
                config,
                report_progress,
            )
            for name in HORIZONS
        },
        "bands": {
            name: {
                "cutoff": cutoffs[name],
                "promise": promises.get(name),
                **_band_card(dataclasses.asdict(result)),
            }
            for name, result in results.items()
        },
    }


def judged_rows(frame: TrainingFrame, name: str, chosen: Bool) -> JudgedRows:
    """Outcomes of some rows of a frame within a horizon."""
    everything = JudgedRows(frame.labels[name].converted, frame.spine.lead, frame.age_days)
    return everything.among(chosen)


def _horizon_card(
    bundle: Bundle,
    frame: TrainingFrame,
    name: str,
    scores: Scores,
    config: Config,
    report_progress: Progress,
) -> dict[str, Any]:
    split, found = frame.splits[name], frame.labels[name]
    probability = scores.probability(name)
    judged = judged_rows(frame, name, split.test)
    stage = f"evaluation of the {name} horizon"
    interval = auc_interval(
        judged,
        probability,
        config.model.seed,
        report_progress=lambda done, of: report_progress(stage, done, of),
    )
    return {
        "days": found.days,
        "fit": _period(frame, name, split.fit),
        "calibrate": _period(frame, name, split.calibrate),
        "test": _period(frame, name, split.test),
        "immature_rows": int((~found.mature).sum()),
        "learned_rows": int(split.refit.sum()),
        "kept_rows": _kept_rows(bundle, frame, name),
        "left_out_rows": split.left_out,
        "never_learned_from": _new_leads_card(frame, name, probability),
        "base_rate": float(found.converted[split.fit].mean()),
        **dataclasses.asdict(figures(judged.converted, probability)),
        "auc_low": None if interval is None else interval[0],
        "auc_high": None if interval is None else interval[1],
        **_rivals_card(bundle, frame, name, config, probability),
        "reliability": [dataclasses.asdict(one) for one in reliability_bins(judged, probability)],
        "by_month": carded(Months, by_month(judged, probability, frame.spine.as_of[split.test])),
        "by_age": [
            dataclasses.asdict(one)
            for one in figures_by_age(judged, probability, config.model.seed)
        ],
        "calibration": bundle.card["calibrations"][name],
        **reliability_card(
            *(bundle, name, frame.matrix[split.test], judged, scores),
            *(config.model.seed, config.model.threads),
        ),
    }


def _kept_rows(bundle: Bundle, frame: TrainingFrame, name: str) -> int:
    """Looks that a horizon is learned from; others stand for the rest, but not in a points card."""
    refit = frame.splits[name].refit
    if isinstance(bundle.horizon(name).predictor, Scorecard):
        return int(refit.sum())
    return int(np.count_nonzero(frame.thinning.weight(refit)))


def _rivals_card(
    bundle: Bundle, frame: TrainingFrame, name: str, config: Config, probability: Float64
) -> dict[str, Any]:
    """What predicts, its lines if it is a points card, and what it has over the baselines."""
    split, predictor, card = frame.splits[name], bundle.horizon(name).predictor, None
    baselines = baseline_probabilities(
        frame.spec,
        frame.matrix,
        frame.age_days,
        frame.spine,
        frame.labels[name],
        split,
        config.model,
    )
    kind = "blend" if isinstance(predictor, Blend) else "booster"
    if isinstance(predictor, Scorecard):
        card = [dataclasses.asdict(line) for line in card_lines(predictor, bundle.spec)]
        kind = "edited points card"
        if config.edited_scorecard(name) is None:
            kind = "points card"
            del baselines[kind]  # it is the model
    judged = judged_rows(frame, name, split.test)
    return {
        "predictor": kind,
        "points_card": card,
        "gains": carded(Gains, gains(judged, probability, baselines, config.model.seed)),
        **baseline_card(judged, probability, baselines, config.model.seed),
    }


def _new_leads_card(frame: TrainingFrame, name: str, probability: Float64) -> dict[str, Any]:
    """Figures of the test rows of leads that nothing was learned from, at no earlier look."""
    split, lead = frame.splits[name], frame.spine.lead
    learned = split.refit
    if name == "warm":
        learned = learned | shorter_horizon_rows(frame)
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
