"""What a model must beat: the ways in which leads are put in order without it.

They reach from the same percentage for everybody over what sales teams do by hand (the newest
first, the latest answer, tags, a points card) to what CRMs offer (naive Bayes over attributes) and
a logistic regression on all features. Each learns from the same rows as the model, twice as the
model does (`training.fitting.horizon`), and is judged on the same test rows, so that a difference
is one of skill. A model is called better than one of them only where the whole interval of the
difference says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.language.kinds import AttributeCategory, AttributeNumber, LatestValue, Selection
from features.language.spec import Spec
from features.spine import Spine
from models.calibration import sigmoid
from models.predictors.predictor import margin_of
from models.predictors.scorecard import Scorecard
from training.config import ModelSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split, converting_leads
from training.fitting.booster import fit_booster
from training.fitting.horizon import out_of_time_calibration
from training.fitting.linear import logistic_margin
from training.fitting.predictor import shift_to
from training.fitting.scorecard import fit_scorecard
from training.statistics.figures import JudgedRows, figures
from training.statistics.paired import AUC, LOG_LOSS, Difference, paired_differences

STAGES = ("stage", "status", "phase")
"""An attribute with one of these words in its name says how far a lead has come."""
HOT_SHARE, WARM_SHARE = 0.1, 0.3
"""Largest shares of looks that are tagged hot, and warm: few leads are hot."""
_PRIOR_ROWS = 20.0
_FLOOR = 0.1  # of a frequency, as Odoo's lead scoring has it


@dataclass(frozen=True, slots=True)
class BaselineFigures:
    """How one baseline did on the test rows, and what the model has over it there.

    Parameters
    ----------
    auc, average_precision, log_loss, brier : float or None
        As in `training.statistics.figures.Figures`; None where they were not measured.
    log_loss_advantage, auc_advantage : Difference or None
        What the model has over the baseline on the same leads; None where it cannot be told.
    """

    auc: float | None
    average_precision: float | None
    log_loss: float | None
    brier: float | None
    log_loss_advantage: Difference | None
    auc_advantage: Difference | None


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """The model beside its baselines.

    Parameters
    ----------
    baselines : mapping of str to BaselineFigures
        By the baseline's name.
    better_than, beaten_by : tuple of str
        Baselines that the model is surely better, or surely worse, than in log loss. Of the others
        nothing of the kind can be said.
    """

    baselines: Mapping[str, BaselineFigures]
    better_than: tuple[str, ...]
    beaten_by: tuple[str, ...]


def baseline_probabilities(
    spec: Spec,
    matrix: Float64,
    age_days: Float64,
    spine: Spine,
    labels: Labels,
    split: Split,
    settings: ModelSettings,
) -> dict[str, Float64]:
    """Probabilities of the test rows by each baseline.

    Parameters
    ----------
    spec : Spec
        Features that the columns of the matrix hold.
    matrix : float64 array of shape (rows, features)
        Features of all rows, those of the test period included.
    age_days : float64 array of shape (rows,)
        Age of the lead at each row.
    spine : Spine
        Lead and instant of each row.
    labels : Labels
        Outcomes of each row; those of the test rows are not used.
    split : Split
        Which rows are fitted, calibrated and tested on.
    settings : ModelSettings
        Seed, threads, and settings of the booster that sees the age alone.

    Returns
    -------
    dict of str to float64 array of shape (test rows,)
        "base rate": the share that converted of all looks known before the test, the same for
        every lead.
        "newest first": the younger, the likelier.
        "age only": a booster that knows nothing but the age of the lead.
        "stage only" or "latest interaction only": how leads fared whose latest known stage, or
        kind and outcome of an interaction, is the same.
        "tags": hot, warm and cold by how many of the ideal customer's qualities a lead has.
        "points card": points for each quality.
        "naive Bayes": how often each attribute's value was seen with the customers so far.
        "logistic regression": on all features.
    """
    refit_margins = _margins(spec, matrix, age_days, spine, labels, split.refit, settings)
    fitted = labels.converted[split.fit]
    earlier_margins = (
        _margins(spec, matrix, age_days, spine, labels, split.fit, settings)
        if fitted.any() and not fitted.all()
        else None
    )
    early_buyers, all_buyers = (
        converting_leads(labels, spine.lead, rows) for rows in (split.fit, split.refit)
    )
    base_rate = float(labels.converted[split.refit].mean())
    probabilities = {"base rate": np.full(int(split.test.sum()), base_rate)}
    for name, margin in refit_margins.items():
        probability: Callable[[Float64], Float64] = sigmoid
        if earlier_margins is not None:
            probability = out_of_time_calibration(
                earlier_margins[name],
                spine,
                labels,
                split.calibrate,
                split.test_from,
                "anchored",
                early_buyers / all_buyers,
            ).calibration.probability
        probabilities[name] = probability(margin[split.test])
    return probabilities


def _margins(
    spec: Spec,
    matrix: Float64,
    age_days: Float64,
    spine: Spine,
    labels: Labels,
    fit: Bool,
    settings: ModelSettings,
) -> dict[str, Float64]:
    """Margins of all rows by each baseline that was fitted on some, at the level of those."""
    converted, lead = labels.converted, spine.lead
    regression = logistic_margin(matrix, spec.categorical, converted, fit, settings.seed)
    card = fit_scorecard(spec, matrix[fit], converted[fit], lead[fit], regression[fit])
    latest, codes = _latest(spec, matrix)
    age = np.ascontiguousarray(age_days[:, None])
    booster = fit_booster(age[fit], converted[fit], (), settings)
    margins = {
        "newest first": _newest_first(age_days, fit),
        "age only": margin_of(booster, age, settings.threads),
        latest: _by_rate(codes, converted, fit),
        "tags": _by_rate(_tags(card, matrix, fit), converted, fit),
        "points card": card.margin(matrix),
        "naive Bayes": _naive_bayes(spec, matrix, converted, fit),
        "logistic regression": regression,
    }
    rate = float(converted[fit].mean())
    return {name: margin + shift_to(margin[fit], rate) for name, margin in margins.items()}


def baseline_comparison(
    rows: JudgedRows, probability: Float64, baselines: Mapping[str, Float64], seed: int
) -> BaselineComparison:
    """Figures of the baselines and what the model has over each of them.

    Parameters
    ----------
    rows : JudgedRows
        Outcomes of the test rows.
    probability : float64 array of shape (rows,)
        The model's.
    baselines : mapping of str to float64 array of shape (rows,)
        As `baseline_probabilities` gave them.
    seed : int
        Of the bootstrap over leads.
    """
    log_loss, auc = (
        paired_differences(metric, rows.converted, rows.lead, probability, baselines, seed)
        for metric in (LOG_LOSS, AUC)
    )
    figures_by_baseline = {
        name: figures(rows.converted, guess) for name, guess in baselines.items()
    }
    return BaselineComparison(
        baselines={
            name: BaselineFigures(
                auc=baseline.auc,
                average_precision=baseline.average_precision,
                log_loss=baseline.log_loss,
                brier=baseline.brier,
                log_loss_advantage=log_loss[name],
                auc_advantage=auc[name],
            )
            for name, baseline in figures_by_baseline.items()
        },
        better_than=tuple(n for n, ahead in log_loss.items() if ahead and ahead.surely_better),
        beaten_by=tuple(n for n, ahead in log_loss.items() if ahead and ahead.surely_worse),
    )


def _newest_first(age_days: Float64, fit: Bool) -> Float64:
    """Log-odds of the share of the fitting looks that are older: an order, not a probability."""
    fitted_ages = np.sort(age_days[fit])
    older = len(fitted_ages) - np.searchsorted(fitted_ages, age_days, side="right")
    return _log_odds((older + 0.5) / (len(fitted_ages) + 1))


def _latest(spec: Spec, matrix: Float64) -> tuple[str, Int64]:
    """What is known last of each look: its stage if there is one, else its latest interaction."""
    stage_columns, interaction_columns = [], []
    for column, feature in enumerate(spec.features):
        match feature:
            case AttributeCategory(name) if any(word in name.lower() for word in STAGES):
                stage_columns.append(column)
            case LatestValue(selection, "kind" | "outcome") if selection == Selection():
                interaction_columns.append(column)
    combined_codes = np.zeros(len(matrix), np.int64)
    for column in stage_columns or interaction_columns:
        codes = _codes(matrix[:, column])
        combined_codes = combined_codes * (int(codes.max(initial=0)) + 1) + codes
    return "stage only" if stage_columns else "latest interaction only", combined_codes


def _codes(levels: Float64) -> Int64:
    """Levels as whole numbers from 1 on; 0 is unknown."""
    return np.where(np.isnan(levels), 0, levels + 1).astype(np.int64)


def _by_rate(codes: Int64, converted: Bool, fit: Bool) -> Float64:
    """Log-odds of each look by what became of the fitting looks with its code.

    Of a rare code it is drawn towards the base rate, of an unseen one it is that.
    """
    count = int(codes.max(initial=0)) + 1
    rows = np.bincount(codes[fit], minlength=count)
    positives = np.bincount(codes[fit & converted], minlength=count)
    base = converted[fit].mean()
    return _log_odds((positives + _PRIOR_ROWS * base) / (rows + _PRIOR_ROWS))[codes]


def _tags(card: Scorecard, matrix: Float64, fit: Bool) -> Int64:
    """2 for hot, 1 for warm, 0 for cold, by how many qualities speak for the lead."""
    has = np.zeros(len(matrix), np.int64)
    for quality in card.qualities:
        has += np.array(quality.points)[quality.bins(matrix[:, quality.column])] > 0
    numbers = range(len(card.qualities) + 2)
    tags = np.zeros(len(matrix), np.int64)
    for share in (HOT_SHARE, HOT_SHARE + WARM_SHARE):
        least = next(n for n in numbers if (has[fit] >= n).mean() <= share)
        tags += has >= least
    return tags


def _naive_bayes(spec: Spec, matrix: Float64, converted: Bool, fit: Bool) -> Float64:
    """Log-odds by the frequencies of attributes' values among those who converted and who did not.

    What is unknown of a lead is left out. Numbers are told apart by the quarters of the fitting
    looks.
    """
    base = converted[fit].mean()
    margin = np.full(len(matrix), float(_log_odds(base)))
    for column, feature in enumerate(spec.features):
        values = matrix[:, column]
        match feature:
            case AttributeCategory():
                codes = _codes(values)
            case AttributeNumber():
                known_values = values[fit & ~np.isnan(values)]
                edges = (
                    np.quantile(known_values, (0.25, 0.5, 0.75))
                    if len(known_values)
                    else np.empty(0)
                )
                quarter = np.searchsorted(edges, values, side="right").astype(np.float64)
                codes = _codes(np.where(np.isnan(values), np.nan, quarter))
            case _:
                continue
        won, lost = (
            _log_frequencies(codes, fit & (converted == outcome)) for outcome in (True, False)
        )
        margin += (won - lost)[codes]
    return margin


def _log_frequencies(codes: Int64, mask: Bool) -> Float64:
    """Logarithm of the share of each code among the chosen rows; 0 for what is unknown."""
    counts = np.bincount(codes[mask], minlength=int(codes.max(initial=0)) + 1)[1:] + _FLOOR
    return np.append(0.0, np.log(counts / counts.sum()))


def _log_odds(share: Float64) -> Float64:
    return np.log(share) - np.log1p(-share)
