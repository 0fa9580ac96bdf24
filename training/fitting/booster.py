"""Fitting a booster, and the evidence of what anything is fitted on.

The evidence is how many leads converted, and what the features of all leads lay between.
"""

from collections.abc import Callable

import lightgbm as lgb
import numpy as np

from features.arrays import Bool, Float64, Int64
from models.evidence import Evidence
from training.config import ModelSettings

WIDENING = 0.1
"""Share of a number's span that a value may lie outside of it and be like those seen."""


def evidence_of(
    matrix: Float64, converted: Bool, lead: Int64, categorical: tuple[int, ...]
) -> Evidence:
    """What rows that a predictor is fitted on tell of leads like and unlike them.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        Features of each row.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    categorical : tuple of int
        Columns whose values are levels: there, nothing lies near.
    """
    low = np.fmin.reduce(matrix, axis=0, initial=np.nan)
    high = np.fmax.reduce(matrix, axis=0, initial=np.nan)
    margin = WIDENING * (high - low)
    margin[list(categorical)] = 0.0
    return Evidence(
        conversions=len(np.unique(lead[converted])),
        low=tuple((low - margin).tolist()),
        high=tuple((high + margin).tolist()),
        missing=tuple(bool(value) for value in np.asarray(np.isnan(matrix).any(axis=0))),
    )


def fit_booster(
    matrix: Float64,
    converted: Bool,
    categorical: tuple[int, ...],
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
    monotone: tuple[int, ...] = (),
    weight: Float64 | None = None,
) -> lgb.Booster:
    """LightGBM booster of log loss, without any re-weighting of the classes.

    A row's weight is how many rows it stands for, whatever became of them.

    Each tree sees few of the features and its leaves are drawn towards nothing, because many
    columns say much the same thing and the looks of one lead do too: on made-up CRMs of 8,000 leads
    that took an eighth from the hot horizon's excess log loss over the truth.

    It is returned as read back from its own text: what is evaluated is what will be saved. The
    columns' directions, where there are any, are those of `training.fitting.monotone.directions`.
    """
    parameters = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.least_rows,
        "feature_fraction": 0.3,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 20.0,
        "min_data_per_group": settings.least_rows,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if any(monotone):
        parameters["monotone_constraints"] = list(monotone)
    data = lgb.Dataset(
        matrix,
        label=converted,
        weight=weight,
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
