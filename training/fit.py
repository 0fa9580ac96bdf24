"""Fitting one horizon: a booster on the fitting period, a calibration on the later slice."""

import warnings
from collections.abc import Callable

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from features.history import Float64
from features.spec import Spec
from models.bundle import Horizon
from models.calibration import BetaCalibration
from training.config import ModelSettings
from training.split import Split

Bool = npt.NDArray[np.bool_]


def fitted_horizon(
    spec: Spec,
    matrix: Float64,
    converted: Bool,
    days: int,
    split: Split,
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
) -> Horizon:
    """Booster and calibration of one horizon.

    Parameters
    ----------
    spec : Spec
        Its columns are those of `matrix`.
    matrix : float64 array of shape (rows, features)
    converted : bool array of shape (rows,)
        Labels; only those of the split's fitting and calibrating rows are looked at.
    days : int
        The horizon.
    split : Split
    settings : ModelSettings
    progress : callable, optional
        Told after each tree.
    """
    booster = fitted_booster(
        matrix[split.fit], converted[split.fit], spec.categorical, settings, progress
    )
    uncalibrated = Horizon(days, booster, BetaCalibration(1.0, 1.0, 0.0))
    margin = uncalibrated.margin(matrix[split.calibrate], settings.threads)
    calibration = fitted_calibration(margin, converted[split.calibrate])
    return Horizon(days, booster, calibration)


def fitted_booster(
    matrix: Float64,
    converted: Bool,
    categorical: tuple[int, ...],
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
) -> lgb.Booster:
    """LightGBM booster of log loss, without any re-weighting of the classes.

    It is returned as read back from its own text: what is evaluated is what will be saved.
    """
    parameters = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.least_rows,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "min_data_per_group": settings.least_rows,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lgb.Dataset(
        matrix,
        label=converted,
        # Names in a model's text must be plain; what a column means stands in the bundle's spec.
        feature_name=[f"f{column}" for column in range(matrix.shape[1])],
        categorical_feature=list(categorical),
    )
    booster = lgb.train(
        parameters,
        data,
        num_boost_round=settings.trees,
        callbacks=[lambda environment: progress(1)],
    )
    return lgb.Booster(model_str=booster.model_to_string())


def fitted_calibration(margin: Float64, converted: Bool, prior_sd: float = 1.0) -> BetaCalibration:
    """Beta calibration with a normal prior at the identity, by its posterior mode.

    Minimises the log loss of ``sigmoid(c + a u + b v)`` plus ``|(a, b, c) − (1, 1, 0)|² / (2 sd²)``
    with ``u = −softplus(−m)`` and ``v = softplus(m)``: with few rows the map stays near the
    booster's own probabilities, with many the prior does not matter.

    Parameters
    ----------
    margin : float64 array of shape (rows,)
        Log-odds of rows that the booster was not fitted on.
    converted : bool array of shape (rows,)
    prior_sd : float
        Standard deviation of the prior of each parameter.

    Returns
    -------
    BetaCalibration
    """
    design = np.column_stack(
        [-np.logaddexp(0.0, -margin), np.logaddexp(0.0, margin), np.ones_like(margin)]
    )
    identity = np.array([1.0, 1.0, 0.0])

    def loss(parameters: Float64) -> tuple[float, Float64]:
        log_odds = design @ parameters
        away = parameters - identity
        value = np.logaddexp(0.0, log_odds).sum() - log_odds[converted].sum()
        gradient = design.T @ (np.exp(-np.logaddexp(0.0, -log_odds)) - converted)
        return value + away @ away / (2 * prior_sd**2), gradient + away / prior_sd**2

    found = minimize(
        loss, identity, jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (0.05, 20), (None, None)]
    )
    if not found.success:
        warnings.warn(f"The calibration did not settle: {found.message}", stacklevel=2)
    a, b, c = (float(value) for value in found.x)
    return BetaCalibration(a, b, c)
