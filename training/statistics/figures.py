"""Figures of a model's probabilities on rows whose outcomes are known.

These functions measure how well probabilities rank (AUC), how far they are from what happened (log
loss, Brier score, promised against observed rates) and what each band brought. They return frozen
values; tables, reports and JSON are made from those. Rows of one lead are not independent, because
several of them foresee the same purchase. Intervals of rates therefore count leads in place of
rows, and the interval of the AUC resamples whole leads. Both are wider than intervals that count
rows.
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
from training.statistics.rates import LEAST_POSITIVES

AGE_EDGES = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 120.0)
"""Ages of leads, in days, at which a new age group begins."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How well the probabilities of some rows rank them, and how far they are from the outcomes.

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
    """Share of some rows that converted, with its 95 % interval, beside what was predicted.

    Parameters
    ----------
    predicted : float
        Mean of the rows' predicted probabilities.
    observed, low, high : float
        Share that converted, and Wilson's interval of it for as many trials as there are leads.
    rows, leads, positives : int
        Number of rows, of leads among them, and of rows that converted.
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
    """Rows with known outcomes that a model is judged on.

    Parameters
    ----------
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Lead of each row, or the first of its person: what is counted as one.
    age_days : float64 array of shape (rows,)
        Age of the lead at the row's instant.
    """

    converted: Bool
    lead: Int64
    age_days: Float64

    def among(self, mask: Bool) -> "JudgedRows":
        """Rows where the mask is true."""
        return JudgedRows(
            converted=self.converted[mask],
            lead=self.lead[mask],
            age_days=self.age_days[mask],
        )


def figures(converted: Bool, probability: Float64) -> Figures:
    """Figures of probabilities against outcomes."""
    if len(converted) == 0:
        return Figures(None, None, None, None)
    rankable = min(int(converted.sum()), int((~converted).sum())) >= LEAST_POSITIVES
    precision = float(average_precision_score(converted, probability)) if rankable else None
    return Figures(
        auc=float(roc_auc_score(converted, probability)) if rankable else None,
        average_precision=precision,
        log_loss=float(log_loss(converted, probability, labels=[False, True])),
        brier=float(brier_score_loss(converted, probability)),
    )


def auc_interval(
    rows: JudgedRows,
    probability: Float64,
    seed: int,
    replicates: int = 200,
    report_progress: StepProgress = no_step_progress,
) -> tuple[float, float] | None:
    """95 % interval of the AUC by the bootstrap over leads; None where the AUC is not given."""
    value = figures(rows.converted, probability).auc
    if value is None:
        return None
    weighted_auc = AUC.prepare(rows.converted, probability)
    replicate_aucs = []
    for replicate, weight in enumerate(lead_resamples(rows.lead, replicates, seed)):
        replicate_aucs.append(weighted_auc(weight))
        report_progress(replicate + 1, replicates)
    low, high = np.nanquantile(replicate_aucs, [0.025, 0.975])
    # With a handful of leads the quantiles may both lie on one side of the value.
    return min(float(low), value), max(float(high), value)


def observed_rate(rows: JudgedRows, probability: Float64) -> ObservedRate | None:
    """Share of the rows that converted, beside the mean probability; None without rows."""
    if len(rows.converted) == 0:
        return None
    leads = len(np.unique(rows.lead))
    observed = float(rows.converted.mean())
    low, high = wilson_interval(observed, leads)
    return ObservedRate(
        predicted=float(probability.mean()),
        observed=observed,
        low=low,
        high=high,
        rows=len(rows.converted),
        leads=leads,
        positives=int(rows.converted.sum()),
    )


def reliability_bins(rows: JudgedRows, probability: Float64, bins: int = 10) -> list[ObservedRate]:
    """Predicted and observed rates in bins of about equally many rows, lowest probability first.

    Rows of equal probability stay in one bin, so there may be fewer bins.
    """
    if len(probability) == 0:
        return []
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    bin_of_row = np.searchsorted(edges, probability, side="right")
    rates = [
        observed_rate(rows.among(bin_of_row == i), probability[bin_of_row == i])
        for i in range(len(edges) + 1)
    ]
    return [rate for rate in rates if rate is not None]


@dataclass(frozen=True, slots=True)
class AgeFigures:
    """Figures of leads of one age: within them the age alone cannot rank leads.

    Parameters
    ----------
    from_days, to_days : float
        Age at the look, half-open; `to_days` of the last group is the greatest age there is.
    rows, positives : int
        Number of rows, and of those that converted.
    auc, auc_low, auc_high : float or None
        AUC and its 95 % interval; None where there are too few conversions.
    """

    from_days: float
    to_days: float
    rows: int
    positives: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None


def figures_by_age(rows: JudgedRows, probability: Float64, seed: int) -> list[AgeFigures]:
    """Figures by age of the lead; ages without rows are left out."""
    edges = [*AGE_EDGES, math.inf]
    groups = []
    for low, high in itertools.pairwise(edges):
        in_group = (rows.age_days >= low) & (rows.age_days < high)
        if in_group.any():
            group, group_probability = rows.among(in_group), probability[in_group]
            auc_low, auc_high = auc_interval(group, group_probability, seed) or (None, None)
            groups.append(
                AgeFigures(
                    from_days=low,
                    to_days=float(rows.age_days.max()) if math.isinf(high) else high,
                    rows=len(group.converted),
                    positives=int(group.converted.sum()),
                    auc=figures(group.converted, group_probability).auc,
                    auc_low=auc_low,
                    auc_high=auc_high,
                )
            )
    return groups


@dataclass(frozen=True, slots=True)
class BandResult:
    """What a band predicted and what happened in the test period.

    Parameters
    ----------
    rows, leads : int
        Number of looks in the band, and of leads among them.
    hot, warm : ObservedRate or None
        Conversion within each horizon, over the rows whose horizon has ended; None where there is
        no such row.
    """

    rows: int
    leads: int
    hot: ObservedRate | None
    warm: ObservedRate | None


def band_results(
    scores: Scores, hot: JudgedRows, warm: JudgedRows, warm_mature: Bool
) -> dict[str, BandResult]:
    """Predicted and observed rates of each band, hottest first.

    Parameters
    ----------
    scores : Scores
        Scores of the test rows of the hot horizon.
    hot, warm : JudgedRows
        Outcomes of the same rows within each horizon.
    warm_mature : bool array of shape (rows,)
        Rows whose warm horizon has ended.
    """
    results = {}
    for band in reversed(Temperature):
        in_band = scores.band == band.value
        mature = in_band & warm_mature
        results[band.value] = BandResult(
            rows=int(in_band.sum()),
            leads=len(np.unique(hot.lead[in_band])),
            hot=observed_rate(hot.among(in_band), scores.hot_probability[in_band]),
            warm=observed_rate(warm.among(mature), scores.warm_probability[mature]),
        )
    return results
