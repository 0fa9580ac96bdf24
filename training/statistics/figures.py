"""What a model reached on the period after everything it learned from.

Every figure is a number of a frozen value first; tables, reports and JSON are made from that. Rows
of one lead are not independent (the same purchase is foreseen in several weeks), so intervals of
rates count leads in place of rows and the interval of the AUC resamples whole leads: both are wider
than the ones that would count rows, and honest.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from features.arrays import Bool, Float64, Int64
from features.progress import StepProgress, no_step_progress
from models.bands import Temperature
from models.horizon import Scores
from training.statistics.intervals import wilson_interval
from training.statistics.paired import AUC, lead_resamples

AGE_EDGES = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 120.0)
LEAST_POSITIVES = 10
"""Below so many conversions (or misses) an AUC is not given."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How well probabilities of some rows rank and hold.

    Parameters
    ----------
    auc, average_precision : float or None
        None where there are fewer than `LEAST_POSITIVES` of either outcome.
    log_loss, brier : float or None
        None where there are no rows.
    """

    auc: float | None
    average_precision: float | None
    log_loss: float | None
    brier: float | None


@dataclass(frozen=True, slots=True)
class ObservedRate:
    """A share of rows with its 95 % interval, counted by leads.

    Parameters
    ----------
    predicted : float
        Mean probability that was promised.
    observed, low, high : float
        Share that converted; Wilson interval for as many trials as there are leads.
    rows, leads, positives : int
        What it is counted from.
    """

    predicted: float
    observed: float
    low: float
    high: float
    rows: int
    leads: int
    positives: int


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Rows that a model is judged on.

    Parameters
    ----------
    converted : bool array of shape (rows,)
    lead : int64 array of shape (rows,)
        Which rows belong together.
    age_days : float64 array of shape (rows,)
        Age of the lead.
    """

    converted: Bool
    lead: Int64
    age_days: Float64

    def among(self, chosen: Bool) -> "JudgedRows":
        """The chosen rows alone."""
        return JudgedRows(self.converted[chosen], self.lead[chosen], self.age_days[chosen])


def figures(converted: Bool, probability: Float64) -> Figures:
    """Figures of probabilities against outcomes."""
    if len(converted) == 0:
        return Figures(None, None, None, None)
    both = min(int(converted.sum()), int((~converted).sum())) >= LEAST_POSITIVES
    return Figures(
        auc=float(roc_auc_score(converted, probability)) if both else None,
        average_precision=float(average_precision_score(converted, probability)) if both else None,
        log_loss=float(log_loss(converted, probability, labels=[False, True])),
        brier=float(brier_score_loss(converted, probability)),
    )


def auc_interval(
    judged: JudgedRows,
    probability: Float64,
    seed: int,
    replicates: int = 200,
    report_progress: StepProgress = no_step_progress,
) -> tuple[float, float] | None:
    """95 % interval of the AUC by the bootstrap over leads; None where the AUC is not given."""
    value = figures(judged.converted, probability).auc
    if value is None:
        return None
    auc = AUC.prepare(judged.converted, probability)
    found = []
    for replicate, weight in enumerate(lead_resamples(judged.lead, replicates, seed)):
        found.append(auc(weight))
        report_progress(replicate + 1, replicates)
    low, high = np.nanquantile(found, [0.025, 0.975])
    # Of a handful of leads the quantiles may lie to one side of the value itself.
    return min(float(low), value), max(float(high), value)


def observed_rate(judged: JudgedRows, probability: Float64) -> ObservedRate | None:
    """Promised against happened; None without rows."""
    rows = len(judged.converted)
    if rows == 0:
        return None
    leads = len(np.unique(judged.lead))
    observed = float(judged.converted.mean())
    low, high = wilson_interval(observed, leads)
    positives = int(judged.converted.sum())
    return ObservedRate(float(probability.mean()), observed, low, high, rows, leads, positives)


def reliability_bins(
    judged: JudgedRows, probability: Float64, bins: int = 10
) -> list[ObservedRate]:
    """Promised against happened over bins of about equally many rows, lowest first.

    Rows of equal probability are never torn apart, so there may be fewer bins.
    """
    if len(probability) == 0:
        return []
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability, side="right")
    rates = [
        observed_rate(judged.among(place == i), probability[place == i])
        for i in range(len(edges) + 1)
    ]
    return [found for found in rates if found is not None]


@dataclass(frozen=True, slots=True)
class AgeFigures:
    """Figures of leads of one age, so that age alone cannot pass for skill.

    Parameters
    ----------
    from_days, to_days : float
        Age at the look, half-open; `to_days` of the last group is the greatest age found.
    rows, positives : int
    auc, auc_low, auc_high : float or None
        AUC and its 95 % interval.
    """

    from_days: float
    to_days: float
    rows: int
    positives: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None


def figures_by_age(judged: JudgedRows, probability: Float64, seed: int) -> list[AgeFigures]:
    """Figures by age of the lead; ages without rows are left out."""
    edges = [*AGE_EDGES, math.inf]
    groups = []
    for low, high in itertools.pairwise(edges):
        chosen = (judged.age_days >= low) & (judged.age_days < high)
        if chosen.any():
            converted = judged.converted[chosen]
            top = float(judged.age_days.max()) if math.isinf(high) else high
            auc = figures(converted, probability[chosen]).auc
            ends = auc_interval(judged.among(chosen), probability[chosen], seed) or (None, None)
            groups.append(AgeFigures(low, top, int(chosen.sum()), int(converted.sum()), auc, *ends))
    return groups


@dataclass(frozen=True, slots=True)
class BandResult:
    """What a band promised and what came of it in the test period.

    Parameters
    ----------
    rows, leads : int
        Looks, and leads, that the band was given to.
    hot, warm : ObservedRate or None
        Conversion within each horizon, over the rows whose horizon has ended; None without any.
    """

    rows: int
    leads: int
    hot: ObservedRate | None
    warm: ObservedRate | None


def band_results(
    scores: Scores, hot: JudgedRows, warm: JudgedRows, warm_mature: Bool
) -> dict[str, BandResult]:
    """What the bands meant.

    Parameters
    ----------
    scores : Scores
        Of the test rows of the hot horizon.
    hot, warm : JudgedRows
        Outcomes of the same rows within each horizon.
    warm_mature : bool array of shape (rows,)
        Rows whose warm horizon has ended.
    """
    results = {}
    for band in reversed(Temperature):
        mine = scores.band == band.value
        mature = mine & warm_mature
        results[band.value] = BandResult(
            rows=int(mine.sum()),
            leads=len(np.unique(hot.lead[mine])),
            hot=observed_rate(hot.among(mine), scores.hot_probability[mine]),
            warm=observed_rate(warm.among(mature), scores.warm_probability[mature]),
        )
    return results
