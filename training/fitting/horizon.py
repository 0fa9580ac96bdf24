"""One horizon, learned twice: to see what its promises are worth, and to know all there is to know.

A predictor is fitted on the earlier looks, and what it says of the later ones, which it has not
seen, gives the calibration and the promises of the bands. To keep those looks from the predictor
that serves would be a waste: they are the latest there are. So it is fitted again, in the same way,
on everything that was known when the test begins. The looks that were held out say how much to
trust a margin, the second fit says where the level lies, for it alone has seen the latest outcomes:
its margins are moved until the curve, in the mean, promises the latest looks, whose outcomes nobody
knows yet, what the second fit itself expects of them (`DECISIONS.md`).

Baselines are carried over in the same way, so that a model is compared with rivals that know as
much.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64
from features.spine import Spine
from models.calibration import Calibration, sigmoid
from models.horizon import HorizonModel
from models.predictors.predictor import Predictor, margin_of
from training.calibration.choice import CurveChoice, fit_calibration
from training.calibration.drift import LevelDrift, level_drift, with_added_variance
from training.config import CalibrationMethod, ModelSettings
from training.dataset.snapshots import Labels, horizon_end
from training.dataset.split import Split
from training.fitting.booster import evidence_of
from training.fitting.predictor import shift_to, shifted_by

LATEST = 200
"""Looks at least by which the second fit tells its level."""


@dataclass(frozen=True, slots=True)
class RefitCalibration:
    """What margins of looks that were not learned from give to those of a second fit.

    Parameters
    ----------
    calibration : BetaCalibration or StepCalibration
        Gives probabilities from the margins of the second fit, once they are shifted.
    choice : CurveChoice
        Curve of the calibration, and the curves it was compared with.
    drift : LevelDrift
        Drift of the level before the test period.
    shift : float
        What must be added to the margins of the second fit.
    """

    calibration: Calibration
    choice: CurveChoice
    drift: LevelDrift
    shift: float


@dataclass(frozen=True, slots=True)
class FittedHorizon:
    """A horizon, and what it would have said of the looks that it was promised by.

    Parameters
    ----------
    horizon : Horizon
        What serves: fitted on everything that was known when the test begins.
    held_out : float64 array of shape (rows,)
        Margins by the predictor of the fitting rows alone, at the latest level; NaN from the
        test period on.
    choice : CurveChoice
        Curve of the calibration, and the curves it was compared with.
    drift : LevelDrift
        Drift of the level before the test period.
    """

    horizon: HorizonModel
    held_out: Float64
    choice: CurveChoice
    drift: LevelDrift


def fit_horizon(
    fit_rows: Callable[[Bool, Predictor | None], Predictor],
    categorical: tuple[int, ...],
    matrix: Float64,
    spine: Spine,
    labels: Labels,
    split: Split,
    settings: ModelSettings,
    method: CalibrationMethod,
) -> FittedHorizon:
    """Horizon learned from the rows before the test period.

    Parameters
    ----------
    fit_rows : callable
        Gives a predictor from the rows to learn from and, at the second fit, the first predictor.
    categorical : tuple of int
        Columns whose values are levels.
    matrix : float64 array of shape (rows, features)
        Features of each row.
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Those of the test rows are not looked at.
    split : Split
        Which of the same looks fit, calibrate and test.
    settings : ModelSettings
        Kind of predictor and its hyperparameters.
    method : str
        Curve named by ``[calibration] method``, or "auto" to choose one.
    """
    before_test = spine.as_of < split.test_from
    first_predictor = fit_rows(split.fit, None)
    refit_predictor = fit_rows(split.refit, first_predictor)
    held_out_margin, refit_margin = (
        _margins(predictor, matrix, before_test, settings.threads)
        for predictor in (first_predictor, refit_predictor)
    )
    transfer = calibration_for_refit(held_out_margin, refit_margin, spine, labels, split, method)
    if transfer.shift:
        refit_predictor = shifted_by(refit_predictor, transfer.shift)
    refit_rows = split.refit
    evidence = evidence_of(
        matrix[refit_rows], labels.converted[refit_rows], spine.lead[refit_rows], categorical
    )
    return FittedHorizon(
        HorizonModel(labels.days, refit_predictor, transfer.calibration, evidence),
        held_out_margin + transfer.drift.at(spine.as_of),
        transfer.choice,
        transfer.drift,
    )


def calibration_for_refit(
    held_out_margin: Float64,
    refit_margin: Float64,
    spine: Spine,
    labels: Labels,
    split: Split,
    method: CalibrationMethod,
) -> RefitCalibration:
    """Calibration by margins of a first fit, carried over to those of a second.

    Parameters
    ----------
    held_out_margin, refit_margin : float64 arrays of shape (rows,)
        Margins of a predictor of `split.fit`, and of one of `split.refit`, as log-odds whose mean
        probability is the share that converted of what it learned from; those of test rows are not
        looked at.
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks.
    split : Split
        Which of the same looks fit, calibrate and test.
    method : str
        Curve named by ``[calibration] method``, or "auto" to choose one.
    """
    rows = np.flatnonzero(split.calibrate)
    rows = rows[np.argsort(spine.as_of[rows], kind="stable")]
    converted, lead, as_of = labels.converted[rows], spine.lead[rows], spine.as_of[rows]
    known_at = horizon_end(as_of, labels.days)
    drift = level_drift(held_out_margin[rows], converted, lead, as_of, known_at, split.test_from)
    calibration, choice = fit_calibration(
        held_out_margin[rows] + drift.at(as_of), converted, lead, method
    )
    latest = _latest(spine, split)
    shift = 0.0
    if len(latest) and not np.array_equal(held_out_margin[latest], refit_margin[latest]):
        expected = float(sigmoid(refit_margin[latest]).mean())
        shift = shift_to(refit_margin[latest], expected, calibration.probability)
    return RefitCalibration(with_added_variance(calibration, drift.variance), choice, drift, shift)


def _latest(spine: Spine, split: Split) -> npt.NDArray[np.intp]:
    """Places of the looks before the test whose outcomes were not known yet, or of the last ones.

    Neither fit has learned from the former, so both are equally honest there.
    """
    before_test = np.flatnonzero(spine.as_of < split.test_from)
    unknown = before_test[~split.refit[before_test]]
    unknown = unknown[spine.as_of[unknown] >= split.calibrate_from]
    if len(unknown) >= LATEST:
        return unknown
    order = np.argsort(spine.as_of[before_test], kind="stable")
    return before_test[order[-LATEST:]]


def _margins(predictor: Predictor, matrix: Float64, rows: Bool, threads: int) -> Float64:
    margin = np.full(len(matrix), np.nan)
    margin[rows] = margin_of(predictor, matrix[rows], threads)
    return margin
