"""Choosing the calibration: the curve that is best on leads that it was not learned from.

Curves are learned from the latest leads before the test, which the predictor was not fitted on.
They are compared there by cross-fitting: a curve learned from all other stretches of time predicts
each stretch. Folds of leads drawn at random would share their times, and steps that follow a season
would look like truth. The first curve is taken unless another is surely better, because the least
of six log losses is often luck, and steps lose the order of leads.
"""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from sklearn.metrics import roc_auc_score

from features.arrays import Bool, Float64, Int64
from models.calibration import BetaCalibration, Calibration, StepCalibration
from training.calibration.curves import CURVES, Curve, fit_curve
from training.config import CalibrationMethod

FOLDS = 5
SURE_STANDARD_ERRORS = 2.0
"""Standard errors by which another curve must be better: with one, luck took steps now and then."""


@dataclass(frozen=True, slots=True)
class ComparedCurve:
    """A curve's log loss on leads that it was not learned from, beside the first curve's.

    Parameters
    ----------
    method : str
        Which curve it is.
    log_loss : float
        Mean over the rows.
    gain, gain_error : float
        By how much the log loss is less than the first curve's, and the standard error of that
        difference, counted in leads.
    """

    method: Curve
    log_loss: float
    gain: float
    gain_error: float


@dataclass(frozen=True, slots=True)
class CurveChoice:
    """Which curve was taken, and why.

    Parameters
    ----------
    curve : str
        Which curve was taken.
    compared : tuple of ComparedCurve
        Empty where the curve was given, or there was too little to compare.
    """

    curve: Curve
    compared: tuple[ComparedCurve, ...]


@dataclass(frozen=True, slots=True)
class Ties:
    """What a calibration's steps take from the order of leads.

    Parameters
    ----------
    levels : int
        Different probabilities that are left.
    rows : int
        Rows that share their probability with a row of another margin.
    auc_cost : float or None
        AUC of the margins less that of the probabilities; None without both outcomes.
    """

    levels: int
    rows: int
    auc_cost: float | None


def fit_calibration(
    margin: Float64,
    converted: Bool,
    lead: Int64,
    method: CalibrationMethod = "auto",
    evidence_share: float = 1.0,
) -> tuple[Calibration, CurveChoice]:
    """Calibration of margins of rows that the predictor was not fitted on.

    Parameters
    ----------
    margin : float64 array of shape (rows,)
        In the order of time.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    method : str
        A method of ``[calibration]``; "auto" compares all of them.
    evidence_share : float, optional
        As in `training.calibration.curves.fit_curve`.

    Returns
    -------
    tuple of Calibration and CurveChoice
    """
    if method != "auto":
        curve = fit_curve(method, margin, converted, lead, evidence_share)
        return curve, CurveChoice(method, ())
    compared = compare_curves(margin, converted, lead)
    choice = CurveChoice(best_curve(compared), compared)
    return fit_curve(choice.curve, margin, converted, lead, evidence_share), choice


def compare_curves(margin: Float64, converted: Bool, lead: Int64) -> tuple[ComparedCurve, ...]:
    """Log loss of each kind of curve by cross-fitting over leads; empty with too few of them.

    Parameters
    ----------
    margin, converted, lead : arrays of shape (rows,)
        In the order of time: leads that come first together are in one fold.
    """
    _, first, index = np.unique(lead, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    fold = (rank * FOLDS // max(1, len(rank)))[index]
    converting = [len(np.unique(index[converted & (fold == number)])) for number in range(FOLDS)]
    if min(converting) == 0:
        return ()
    losses = {}
    for method in CURVES:
        loss = np.empty(len(margin))
        for number in range(FOLDS):
            out = fold == number
            curve = fit_curve(method, margin[~out], converted[~out], lead[~out])
            log_odds = curve.log_odds(margin[out])
            loss[out] = np.logaddexp(0.0, log_odds) - log_odds * converted[out]
        losses[method] = loss
    comparisons = []
    for method, loss in losses.items():
        gain = losses[CURVES[0]] - loss
        scatter = np.bincount(index, gain - gain.mean())
        error = float(np.sqrt(scatter @ scatter)) / len(gain)
        comparisons.append(ComparedCurve(method, float(loss.mean()), float(gain.mean()), error))
    return tuple(comparisons)


def best_curve(compared: tuple[ComparedCurve, ...]) -> Curve:
    """Curve of the least log loss; the first one unless another is surely better.

    Surely means by more than `SURE_STANDARD_ERRORS` standard errors of its gain.

    Examples
    --------
    >>> first = ComparedCurve("anchored", 0.2, 0.0, 0.0)
    >>> best_curve((first, ComparedCurve("platt", 0.19, 0.01, 0.02)))
    'anchored'
    >>> best_curve((first, ComparedCurve("platt", 0.19, 0.01, 0.004)))
    'platt'
    """
    surely = [one for one in compared if one.gain > SURE_STANDARD_ERRORS * one.gain_error]
    return min(surely, key=lambda one: one.log_loss).method if surely else CURVES[0]


def ties(calibration: Calibration, margin: Float64, converted: Bool) -> Ties | None:
    """Ties that a calibration makes among rows; None where it makes none."""
    probability = calibration.probability(margin)
    levels, level_index, rows = np.unique(probability, return_inverse=True, return_counts=True)
    low, high = np.full(len(levels), np.inf), np.full(len(levels), -np.inf)
    np.minimum.at(low, level_index, margin)
    np.maximum.at(high, level_index, margin)
    tied = low < high
    match calibration:
        case BetaCalibration():
            return None
        case StepCalibration():
            cost = None
            if 0 < converted.sum() < len(converted):
                margin_auc = roc_auc_score(converted, margin)
                cost = float(margin_auc - roc_auc_score(converted, probability))
            return Ties(len(levels), int(rows[tied].sum()), cost)
        case _:
            assert_never(calibration)
