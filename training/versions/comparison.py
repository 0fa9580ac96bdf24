"""Champion and challenger on the same later leads, paired, with intervals.

Both models are asked about the same looks, all of them after everything that either of them learned
from, and only such whose outcome is known. A challenger that is trained on a fresh export brings
these looks along: they are its own test period, and the champion, being older, never saw them
either. The tables come without what the leak audit quarantines, so that nobody wins by knowing the
future. The numbers are made here; what they mean for a promotion stands in
`training.versions.gate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from features.scale.batch import point_in_time_features
from features.scale.scoring_notes import scoring_notes
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from models.bundle import HORIZONS, Bundle
from models.horizon import Scores
from training.bands.results import BandPromise, band_promises
from training.config import ModelSettings, SnapshotSettings
from training.dataset.snapshots import Labels, labels, snapshots
from training.evaluation.reliability import (
    CalibrationError,
    calibration_error,
    segments,
)
from training.statistics.figures import BandResult, Figures, JudgedRows, band_results, figures
from training.statistics.incidence import LEAST_LEADS
from training.statistics.paired import AUC, LOG_LOSS, Difference, paired_difference

LEAST_OF_EACH_OUTCOME = 10
"""Leads that must have converted in a segment, and in none of its looks, before it is judged."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What became of one model's scores.

    Parameters
    ----------
    version : str
        The bundle's.
    figures : mapping of "hot", "warm" to Figures
    calibration_error : mapping of "hot", "warm" to CalibrationError or None
    bands : mapping of band to BandResult
        By its own cut-offs.
    promises : mapping of band to BandPromise
        What it promised itself and what came of it; see `training.bands.results.band_promises`.
    """

    version: str
    figures: Mapping[str, Figures]
    calibration_error: Mapping[str, CalibrationError | None]
    bands: Mapping[str, BandResult]
    promises: Mapping[str, BandPromise]


@dataclass(frozen=True, slots=True)
class Segment:
    """Leads with one value of an attribute.

    Parameters
    ----------
    attribute, level : str
    leads : int
        How many leads it has.
    log_loss : Difference
        Advantage of the challenger.
    """

    attribute: str
    level: str
    leads: int
    log_loss: Difference


@dataclass(frozen=True, slots=True)
class HorizonComparison:
    """What the challenger has over the champion within one horizon.

    Parameters
    ----------
    days : int
        The horizon.
    looks, leads, conversions : int
        Looks that are old enough to judge, at how many leads, of which how many converted in time.
    auc, log_loss : Difference or None
        Advantage of the challenger; None where it cannot be told.
    rank_correlation : float or None
        Spearman's, of the two models' probabilities.
    segments : tuple of Segment
        Of attributes of few levels; those too small to judge are left out.
    """

    days: int
    looks: int
    leads: int
    conversions: int
    auc: Difference | None
    log_loss: Difference | None
    rank_correlation: float | None
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger on the same later leads.

    Parameters
    ----------
    since : str
        ISO 8601; neither model learned anything from this instant on.
    until : str
        ISO 8601; the end of the data.
    champion, challenger : ModelResult
    questions : mapping of "hot", "warm" to HorizonComparison
    changed_band : float
        Share of leads whose band, at their latest look, is another one with the challenger.
    notes : tuple of str
        What one of the models did not get from the export.
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
        With the same horizons.
    tables : Tables
        Without what the leak audit quarantines.
    snapshot_settings : SnapshotSettings
        When leads are looked at.
    model_settings : ModelSettings
        Seed and threads.

    Raises
    ------
    ValueError
        The horizons differ, or no look is late enough and old enough to be judged.
    """
    _require_same_questions(champion, challenger)
    since = max(learned_until(champion), learned_until(challenger))
    spine = _later_looks(tables, snapshot_settings, since, champion.hot.days)
    found = {name: labels(tables, spine, champion.horizon(name).days) for name in HORIZONS}
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    judged = {n: JudgedRows(found[n].converted, spine.lead, age_days) for n in HORIZONS}
    matrices = [point_in_time_features(tables, spine, m.spec) for m in (champion, challenger)]
    threads, seed = model_settings.threads, model_settings.seed
    scores = [champion.scores(matrices[0], threads), challenger.scores(matrices[1], threads)]
    groups = [
        (attribute, level, place == code)
        for attribute, levels, place in segments(challenger.spec, matrices[1])
        for code, level in enumerate(levels)
    ]
    return Comparison(
        since=iso(since),
        until=iso(tables.data_end),
        champion=_side(champion, scores[0], judged, found, spine, seed),
        challenger=_side(challenger, scores[1], judged, found, spine, seed),
        questions={
            name: _question(name, scores, judged[name], found[name], groups, seed)
            for name in HORIZONS
        },
        changed_band=_changed(scores, spine),
        notes=tuple(
            f"{role}: {note}"
            for role, model in (("champion", champion), ("challenger", challenger))
            for note in scoring_notes(model.spec, tables, spine, model.card.served.judged_days)
        ),
    )


def learned_until(bundle: Bundle) -> int:
    """Instant from which on a model learned nothing, in microseconds: its test period's start.

    A card that does not tell it leaves the end of its data.
    """
    served = bundle.card.served
    return round((served.test_from or served.data_end).timestamp() * 1_000_000)


def _later_looks(tables: Tables, settings: SnapshotSettings, since: int, days: int) -> Spine:
    """Looks at or after an instant whose outcome within so many days is known."""
    spine = snapshots(tables, settings)
    chosen = (spine.as_of >= since) & labels(tables, spine, days).mature
    if not chosen.any():
        raise ValueError(
            f"Nothing can be compared: the export, which ends at {iso(tables.data_end)}, has no "
            f"look after {iso(since)}, up to which the models learned, whose outcome within "
            f"{days} days is known. Export again, later."
        )
    return Spine(spine.lead[chosen], spine.as_of[chosen])


def _require_same_questions(champion: Bundle, challenger: Bundle) -> None:
    days = [[model.horizon(name).days for name in HORIZONS] for model in (champion, challenger)]
    if days[0] != days[1]:
        raise ValueError(
            "Nothing can be compared: the champion answers for "
            f"{days[0][0]} and {days[0][1]} days, the challenger for {days[1][0]} and "
            f"{days[1][1]}. Train with the same [horizons]."
        )


def _side(
    model: Bundle,
    scores: Scores,
    judged: Mapping[str, JudgedRows],
    found: Mapping[str, Labels],
    spine: Spine,
    seed: int,
) -> ModelResult:
    mature = {name: found[name].mature for name in HORIZONS}
    days = {name: found[name].days for name in HORIZONS}
    known = {name: judged[name].among(mature[name]) for name in HORIZONS}
    guesses = {name: scores.probability(name)[mature[name]] for name in HORIZONS}
    return ModelResult(
        version=model.version,
        figures={name: figures(known[name].converted, guesses[name]) for name in HORIZONS},
        calibration_error={
            name: calibration_error(known[name], guesses[name], seed) for name in HORIZONS
        },
        bands=band_results(scores, judged["hot"], judged["warm"], mature["warm"]),
        promises=band_promises(model.bands, days, scores.band, judged, mature, spine.as_of),
    )


def _question(
    name: str,
    scores: Sequence[Scores],
    judged: JudgedRows,
    found: Labels,
    groups: Sequence[tuple[str, str, Bool]],
    seed: int,
) -> HorizonComparison:
    known = judged.among(found.mature)
    before, after = (one.probability(name)[found.mature] for one in scores)
    outcome, lead = known.converted, known.lead
    told = []
    for attribute, level, everywhere in groups:
        mine = everywhere[found.mature]
        if _enough(known.among(mine)):
            ahead = paired_difference(
                LOG_LOSS, outcome[mine], lead[mine], after[mine], before[mine], seed
            )
            if ahead is not None:
                told.append(Segment(attribute, level, len(np.unique(lead[mine])), ahead))
    ranks = spearmanr(before, after).statistic if len(lead) > 1 else np.nan
    return HorizonComparison(
        days=found.days,
        looks=len(lead),
        leads=len(np.unique(lead)),
        conversions=len(np.unique(lead[outcome])),
        auc=paired_difference(AUC, outcome, lead, after, before, seed),
        log_loss=paired_difference(LOG_LOSS, outcome, lead, after, before, seed),
        rank_correlation=float(ranks) if np.isfinite(ranks) else None,
        segments=tuple(told),
    )


def _enough(judged: JudgedRows) -> bool:
    """Whether leads of a segment are so many, and of both outcomes, that it can be judged."""
    leads, converted = len(np.unique(judged.lead)), np.unique(judged.lead[judged.converted])
    both = min(len(converted), leads - len(converted)) >= LEAST_OF_EACH_OUTCOME
    return leads >= LEAST_LEADS and both


def _changed(scores: Sequence[Scores], spine: Spine) -> float:
    order = np.lexsort((spine.as_of, spine.lead))
    latest = order[np.append(np.diff(spine.lead[order]) != 0, True)]
    return float((scores[0].band[latest] != scores[1].band[latest]).mean())
