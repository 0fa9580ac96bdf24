"""One horizon: a predictor that has learned everything, calibrated by what earlier ones foretold.

Nobody can say from the rows that a predictor was fitted on how much to trust it. So the same fit
was made at several earlier instants, and what each said of the looks that came next, which it had
not seen, tells how much too sure such fits are. The level is left to the latest fit, which alone
has seen the latest outcomes.

Baselines are calibrated in the same way, so that a model is compared with rivals that know as much.
"""

from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Bool, Float64
from features.spine import Spine
from models.calibration import Calibration
from models.horizon import HorizonModel
from models.predictors.predictor import Predictor
from training.calibration.choice import CurveChoice, fit_calibration
from training.calibration.curves import Curve, fit_curve
from training.calibration.drift import LevelDrift, level_drift
from training.config import CalibrationMethod
from training.dataset.snapshots import Labels, horizon_end
from training.fitting.booster import evidence_of
from training.statistics.latest_weeks import LatestWeeks, latest_weeks
from training.statistics.levels import (
    MonthCheck,
    between_group_variance,
    between_month_variance,
    check_months,
    group_levels,
    month_levels,
    prior_variance,
)


@dataclass(frozen=True, slots=True)
class OutOfTimeCalibration:
    """Calibration learned from margins of looks that came after those that were learned from.

    Parameters
    ----------
    calibration : BetaCalibration or StepCalibration
        Gives probabilities from margins.
    choice : CurveChoice
        Curve of the calibration, and the curves it was compared with.
    drift : LevelDrift
        How the level wandered.
    """

    calibration: Calibration
    choice: CurveChoice
    drift: LevelDrift


@dataclass(frozen=True, slots=True)
class FittedHorizon:
    """A horizon, and how its calibration was found.

    Parameters
    ----------
    horizon : HorizonModel
        Predictor, calibration and evidence.
    calibrated : OutOfTimeCalibration
        Where the calibration comes from.
    month_check : MonthCheck
        In how many months, left out in turn, the interval that the others give held.
    latest_weeks : LatestWeeks or None
        The latest weeks beside the months before them; None with too little of either.
    """

    horizon: HorizonModel
    calibrated: OutOfTimeCalibration
    month_check: MonthCheck
    latest_weeks: LatestWeeks | None


def fitted_horizon(
    predictor: Predictor,
    matrix: Float64,
    spine: Spine,
    labels: Labels,
    learned: Bool,
    calibrated: OutOfTimeCalibration,
    margin: Float64,
    held_out: Bool,
    categorical: tuple[int, ...],
) -> FittedHorizon:
    """Horizon of a predictor, with intervals as wide as months and groups of leads differ.

    Where the latest weeks differ by more than months do, the intervals cover that difference, too:
    a fit of all outcomes has hardly learned of it.

    Parameters
    ----------
    predictor : Blend, lightgbm.Booster or Scorecard
        Fitted on the looks in `learned`.
    matrix : float64 array of shape (rows, features)
        Features of each row.
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks; only those of `learned` and `held_out` are used.
    learned : bool array of shape (rows,)
        Looks that the predictor learned from.
    calibrated : OutOfTimeCalibration
        Learned from earlier fits of the same kind.
    margin : float64 array of shape (rows,)
        Log-odds of each look by the latest fit before it.
    held_out : bool array of shape (rows,)
        Looks that have such a margin and a known outcome, by which the calibration was learned.
    categorical : tuple of int
        Columns whose values are levels.
    """
    evidence = evidence_of(
        matrix[learned], labels.converted[learned], spine.lead[learned], categorical
    )
    centre = prior_variance(evidence.conversions)
    calibration, converted = calibrated.calibration, labels.converted[held_out]
    log_odds = calibration.log_odds(margin[held_out])
    lead, as_of = spine.lead[held_out], spine.as_of[held_out]
    curve_variance = calibration.variance(margin[held_out])
    months = month_levels(log_odds, curve_variance, converted, lead, as_of)
    groups = group_levels(
        log_odds, converted, lead, as_of, evidence.level_indices(matrix[held_out])
    )
    month_variance = between_month_variance(months, centre)
    group_variance = between_group_variance(groups, month_variance, centre)
    latest = latest_weeks(log_odds, converted, lead, as_of, month_variance)
    if latest is not None and latest.changed:
        month_variance = max(month_variance, latest.log_odds**2)
    evidence = replace(
        evidence,
        month_variance=month_variance,
        group_variance=group_variance,
    )
    model = HorizonModel(labels.days, predictor, calibration, evidence)
    return FittedHorizon(model, calibrated, check_months(months, centre), latest)


def out_of_time_calibration(
    margin: Float64,
    spine: Spine,
    labels: Labels,
    rows: Bool,
    level_at: int,
    method: CalibrationMethod,
    evidence_share: float = 1.0,
) -> OutOfTimeCalibration:
    """Calibration by margins of looks that their predictor had not learned from.

    Parameters
    ----------
    margin : float64 array of shape (rows,)
        Log-odds of each look by the latest fit before it, whose mean probability is the share that
        converted of what that fit learned from.
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks.
    rows : bool array of shape (rows,)
        Looks to learn from; no others are looked at. Where there are none, margins are taken as
        they are.
    level_at : int
        Instant in microseconds for which the level is asked.
    method : str
        Curve named by ``[calibration] method``, or "auto" to choose one.
    evidence_share : float, optional
        Converting leads that the earlier fits had learned from, as a share of those that the fit to
        be calibrated has.
    """
    used = np.flatnonzero(rows)
    used = used[np.argsort(spine.as_of[used], kind="stable")]
    converted, lead, as_of = labels.converted[used], spine.lead[used], spine.as_of[used]
    known_at = horizon_end(as_of, labels.days)
    drift = level_drift(margin[used], converted, lead, as_of, known_at, level_at)
    calibration, choice = fit_calibration(margin[used], converted, lead, method, evidence_share)
    return OutOfTimeCalibration(calibration, choice, drift)


def base_rate_alone(spine: Spine, labels: Labels, learned: Bool) -> OutOfTimeCalibration:
    """Calibration that says the base rate of everybody, whatever the margin.

    Parameters
    ----------
    spine : Spine
        Lead and instant of each look; one look is one row.
    labels : Labels
        Outcomes of the same looks.
    learned : bool array of shape (rows,)
        Looks whose outcomes are known, with too few conversions to learn more from.
    """
    curve: Curve = "base_rate"
    calibration = fit_curve(curve, np.empty(0), labels.converted[learned], spine.lead[learned])
    return OutOfTimeCalibration(calibration, CurveChoice(curve, ()), LevelDrift())
