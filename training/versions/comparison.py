"""Champion and challenger on the same later leads, paired, with intervals.

Both models score the same looks. All of these come after everything that either side learned from,
and their outcomes are known. What serves has learned from every known outcome, so the fits that the
test periods judge stand in for the versions: the looks begin with the later of the two periods. A
version that had learned nothing from then on speaks for itself, as an earlier champion does where
the challenger was trained on a fresh export. The tables must not hold what the leak audit
quarantines, so that neither model wins by knowing the future. This module computes the figures;
`training.versions.gate` decides what they mean for a promotion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from features.arrays import Bool, Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.scale.batch import point_in_time_features
from features.scale.scoring_notes import scoring_notes
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from models.bands import HORIZONS
from models.bundle import Bundle
from models.horizon import Scores
from training.bands.results import BandPromise, band_promises
from training.config import ModelSettings, SnapshotSettings
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import Labels, labels, snapshots
from training.evaluation.reliability import (
    CalibrationError,
    calibration_error,
    segments,
)
from training.statistics.between_months import with_months
from training.statistics.figures import BandResult, Figures, JudgedRows, band_results, figures
from training.statistics.incidence import LEAST_LEADS
from training.statistics.paired import AUC, LOG_LOSS, Difference, Metric, paired_difference

LEAST_OF_EACH_OUTCOME = 10
"""Converted leads, and leads that did not convert, that a segment needs before it is judged."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model's figures on the compared looks.

    Parameters
    ----------
    version : str
        Version of the bundle.
    figures : mapping of "hot", "warm" to Figures
        AUC, log loss and other figures within each horizon.
    calibration_error : mapping of "hot", "warm" to CalibrationError or None
        Calibration error within each horizon; None with too few looks to estimate it.
    bands : mapping of band to BandResult
        Predicted and observed conversion of each band, by the model's own cut-offs.
    promises : mapping of band to BandPromise
        The promise of each band and whether it held; see `training.bands.results.band_promises`.
    """

    version: str
    figures: Mapping[str, Figures]
    calibration_error: Mapping[str, CalibrationError | None]
    bands: Mapping[str, BandResult]
    promises: Mapping[str, BandPromise]


@dataclass(frozen=True, slots=True)
class Segment:
    """Both models' difference on the leads with one value of an attribute.

    Parameters
    ----------
    attribute, level : str
        Name of the attribute and the value that these leads have.
    leads : int
        Number of leads in the segment.
    log_loss : Difference
        Advantage of the challenger; positive if its log loss is lower.
    """

    attribute: str
    level: str
    leads: int
    log_loss: Difference


@dataclass(frozen=True, slots=True)
class HorizonComparison:
    """Both models compared within one horizon.

    Parameters
    ----------
    days : int
        Length of the horizon.
    looks, leads, conversions : int
        Number of looks whose outcome is known, of leads they belong to, and of those leads that
        converted within the horizon.
    auc, log_loss : Difference or None
        Advantage of the challenger, positive if it is better; None if it cannot be computed.
    champion_gain : float or None
        By how much the champion's log loss is below that of the share of these looks that
        converted; None if it cannot be computed.
    rank_correlation : float or None
        Spearman's correlation of the two models' probabilities; None if it is undefined.
    segments : tuple of Segment
        Values of attributes that have few values; segments too small to judge are left out.
    """

    days: int
    looks: int
    leads: int
    conversions: int
    auc: Difference | None
    log_loss: Difference | None
    champion_gain: float | None
    rank_correlation: float | None
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger on the same later leads.

    Parameters
    ----------
    since : str
        First instant, in ISO 8601, from which neither model learned anything.
    until : str
        End of the data, in ISO 8601.
    champion, challenger : ModelResult
        Each model's own figures.
    questions : mapping of "hot", "warm" to HorizonComparison
        Differences between the two within each horizon.
    changed_band : float
        Share of leads, from 0 to 1, whose band at their latest look differs between the two models.
    notes : tuple of str
        Inputs of either model that the export lacks, a sentence each.
    """

    since: str
    until: str
    champion: ModelResult
    challenger: ModelResult
    questions: Mapping[str, HorizonComparison]
    changed_band: float
    notes: tuple[str, ...]


def comparison(
    champion: Bundle,
    challenger: Bundle,
    tables: Tables,
    snapshot_settings: SnapshotSettings,
    model_settings: ModelSettings,
) -> Comparison:
    """Champion and challenger on the later leads of an export.

    Parameters
    ----------
    champion, challenger : Bundle
        Both models, with their judged fits; they must have the same horizons.
    tables : Tables
        The export, without what the leak audit quarantines.
    snapshot_settings : SnapshotSettings
        Settings that decide when leads are looked at.
    model_settings : ModelSettings
        The seed of the resampling and the number of threads are taken from here.

    Raises
    ------
    ValueError
        The horizons differ, or no look is late enough and old enough to be judged.
    """
    _require_same_questions(champion, challenger)
    since = max(learned_until(one.judged_model) for one in (champion, challenger))
    names = champion.version, challenger.version
    champion, challenger = (_unaware_from(since, one) for one in (champion, challenger))
    spine = _later_looks(tables, snapshot_settings, since, champion.hot.days)
    labels_by_horizon = {
        name: labels(tables, spine, champion.horizon(name).days) for name in HORIZONS
    }
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    person = person_of_lead(tables)[spine.lead]
    judged_rows = {
        n: JudgedRows(labels_by_horizon[n].converted, person, age_days) for n in HORIZONS
    }
    matrices = [point_in_time_features(tables, spine, m.spec) for m in (champion, challenger)]
    threads, seed = model_settings.threads, model_settings.seed
    scores = [champion.scores(matrices[0], threads), challenger.scores(matrices[1], threads)]
    groups = [
        (attribute, level, level_codes == code)
        for attribute, levels, level_codes in segments(challenger.spec, matrices[1])
        for code, level in enumerate(levels)
    ]
    return Comparison(
        since=iso(since),
        until=iso(tables.data_end),
        champion=_model_result(
            names[0], champion, scores[0], judged_rows, labels_by_horizon, spine, seed
        ),
        challenger=_model_result(
            names[1], challenger, scores[1], judged_rows, labels_by_horizon, spine, seed
        ),
        questions={
            name: _horizon_comparison(
                name, scores, judged_rows[name], labels_by_horizon[name], spine, groups, seed
            )
            for name in HORIZONS
        },
        changed_band=_changed_band_share(scores, spine),
        notes=tuple(
            f"{role}: {note}"
            for role, model in (("champion", champion), ("challenger", challenger))
            for note in scoring_notes(model.spec, tables, spine, model.card.served.judged_days)
        ),
    )


def learned_until(bundle: Bundle) -> int:
    """Instant in microseconds from which on a model learned nothing.

    If the card does not hold it, the end of its data.
    """
    instant = bundle.card.learned_until or bundle.card.served.data_end
    return round(instant.timestamp() * 1_000_000)


def _unaware_from(since: int, bundle: Bundle) -> Bundle:
    """What stands for a version: itself if it learned nothing from the instant on, or its fit."""
    return bundle if learned_until(bundle) <= since else bundle.judged_model


def _later_looks(tables: Tables, settings: SnapshotSettings, since: int, days: int) -> Spine:
    """Looks at or after `since` whose outcome within `days` days is known."""
    spine = snapshots(tables, settings)
    comparable = (spine.as_of >= since) & labels(tables, spine, days).mature
    if not comparable.any():
        raise ValueError(
            f"Nothing can be compared: the export, which ends at {iso(tables.data_end)}, has no "
            f"look after {iso(since)}, up to which the models learned, whose outcome within "
            f"{days} days is known. Export again, later."
        )
    return Spine(spine.lead[comparable], spine.as_of[comparable])


def _require_same_questions(champion: Bundle, challenger: Bundle) -> None:
    days = [[model.horizon(name).days for name in HORIZONS] for model in (champion, challenger)]
    if days[0] != days[1]:
        raise ValueError(
            "Nothing can be compared: the champion answers for "
            f"{days[0][0]} and {days[0][1]} days, the challenger for {days[1][0]} and "
            f"{days[1][1]}. Train with the same [horizons]."
        )


def _model_result(
    version: str,
    model: Bundle,
    scores: Scores,
    judged_rows: Mapping[str, JudgedRows],
    labels_by_horizon: Mapping[str, Labels],
    spine: Spine,
    seed: int,
) -> ModelResult:
    mature = {name: labels_by_horizon[name].mature for name in HORIZONS}
    days = {name: labels_by_horizon[name].days for name in HORIZONS}
    mature_rows = {name: judged_rows[name].among(mature[name]) for name in HORIZONS}
    probabilities = {name: scores.probability(name)[mature[name]] for name in HORIZONS}
    return ModelResult(
        version=version,
        figures={
            name: figures(mature_rows[name].converted, probabilities[name]) for name in HORIZONS
        },
        calibration_error={
            name: calibration_error(mature_rows[name], probabilities[name], seed)
            for name in HORIZONS
        },
        bands=band_results(scores, judged_rows["hot"], judged_rows["warm"], mature["warm"]),
        promises=band_promises(model.bands, days, scores.band, judged_rows, mature, spine.as_of),
    )


def _horizon_comparison(
    name: str,
    scores: Sequence[Scores],
    judged_rows: JudgedRows,
    horizon_labels: Labels,
    spine: Spine,
    groups: Sequence[tuple[str, str, Bool]],
    seed: int,
) -> HorizonComparison:
    mature_rows = judged_rows.among(horizon_labels.mature)
    champion_probability, challenger_probability = (
        model_scores.probability(name)[horizon_labels.mature] for model_scores in scores
    )
    outcome, lead = mature_rows.converted, mature_rows.lead
    as_of = spine.as_of[horizon_labels.mature]

    def advantage(metric: Metric, among: Bool | slice = slice(None)) -> Difference | None:
        """Advantage of the challenger on some of the looks, as sure as leads and months are."""
        converted, leads = outcome[among], lead[among]
        first, second = challenger_probability[among], champion_probability[among]
        by_leads = paired_difference(metric, converted, leads, first, second, seed)
        if by_leads is None:
            return None
        return with_months(by_leads, metric, converted, leads, first, second, as_of[among])

    segment_results = []
    for attribute, level, members in groups:
        mature_members = members[horizon_labels.mature]
        if _large_enough(mature_rows.among(mature_members)):
            difference = advantage(LOG_LOSS, mature_members)
            if difference is not None:
                segment_results.append(
                    Segment(attribute, level, len(np.unique(lead[mature_members])), difference)
                )
    rank_correlation = (
        spearmanr(champion_probability, challenger_probability).statistic
        if len(lead) > 1
        else np.nan
    )
    return HorizonComparison(
        days=horizon_labels.days,
        looks=len(lead),
        leads=len(np.unique(lead)),
        conversions=len(np.unique(lead[outcome])),
        auc=advantage(AUC),
        log_loss=advantage(LOG_LOSS),
        champion_gain=_gain(outcome, champion_probability),
        rank_correlation=float(rank_correlation) if np.isfinite(rank_correlation) else None,
        segments=tuple(segment_results),
    )


def _gain(converted: Bool, probability: Float64) -> float | None:
    """By how much a log loss is below that of the share that converted."""
    model = figures(converted, probability).log_loss
    base_rate = figures(converted, np.full(len(converted), converted.mean())).log_loss
    return None if model is None or base_rate is None else base_rate - model


def _large_enough(segment_rows: JudgedRows) -> bool:
    """Whether a segment has enough leads, and enough of both outcomes, to be judged."""
    leads = len(np.unique(segment_rows.lead))
    converted = len(np.unique(segment_rows.lead[segment_rows.converted]))
    both_outcomes = min(converted, leads - converted) >= LEAST_OF_EACH_OUTCOME
    return leads >= LEAST_LEADS and both_outcomes


def _changed_band_share(scores: Sequence[Scores], spine: Spine) -> float:
    order = np.lexsort((spine.as_of, spine.lead))
    latest = order[np.append(np.diff(spine.lead[order]) != 0, True)]
    return float((scores[0].band[latest] != scores[1].band[latest]).mean())
