"""Fitting a booster, and the evidence of what anything is fitted on.

The evidence is how many leads converted, and what the features of all leads lay between.
"""

import re
from collections.abc import Callable, Sequence

import lightgbm as lgb
import numpy as np

from features.arrays import Bool, Float64, Int64
from models.evidence import Evidence
from training.config import ModelSettings

LEAF_PENALTY = 10.0
"""L2 penalty of a leaf's output, for looks that are independent of each other."""
MOST_BINS = 63
MOST_COUNTED_LEVELS = 12
"""Columns of more levels are not counted level by level: nearly every level would be a rare one."""
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
        converted_by_level={
            column: counts
            for column in categorical
            if (counts := _converted_by_level(matrix[:, column], converted, lead)) is not None
        },
    )


def _converted_by_level(level: Float64, converted: Bool, lead: Int64) -> tuple[int, ...] | None:
    """Converting leads with each level and, last, with none; None where there are many levels."""
    missing = ~(level >= 0)  # what is unknown, and -1 where a column was coded so
    # What is no level that is told apart is one more.
    levels = int(level[~missing].max(initial=-1.0)) + 1
    if levels > MOST_COUNTED_LEVELS + 1:
        return None
    index = np.where(missing, levels, level).astype(np.int64)[converted]
    pairs = np.unique(np.stack([index, lead[converted]]), axis=1)
    return tuple(np.bincount(pairs[0], minlength=levels + 1).tolist())


def fit_booster(
    matrix: Float64,
    converted: Bool,
    categorical: tuple[int, ...],
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
    monotone: tuple[int, ...] = (),
    weight: Float64 | None = None,
    looks_per_independent: float = 1.0,
) -> lgb.Booster:
    """LightGBM booster of log loss, without any re-weighting of the classes.

    Each tree sees few of the features and its leaves are drawn towards nothing, because many
    columns say much the same thing and the looks of one lead do too.

    It is returned as read back from its own text: what is evaluated is what will be saved.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        Features of each row; NaN is unknown.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    categorical : tuple of int
        Columns that hold indices of levels.
    settings : ModelSettings
        Its section of hyperparameters.
    progress : callable, optional
        Called with 1 after each tree.
    monotone : tuple of int, optional
        The columns' directions (`training.fitting.monotone.directions`).
    weight : float64 array of shape (rows,), optional
        How many rows each row stands for, whatever became of them; 1 for each by default.
    looks_per_independent : float, optional
        Design effect: as many looks tell as much as one that stands alone
        (`training.statistics.design_effect`). Penalty and least rows of a leaf grow with it.
    """
    least_rows = max(1, round(settings.least_rows * looks_per_independent))
    parameters = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": least_rows,
        "feature_fraction": 0.3,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": LEAF_PENALTY * looks_per_independent,
        "min_data_per_group": least_rows,
        "max_bin": MOST_BINS,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        # By column: with few features a tree, rows would be copied for each; and each sum has one
        # thread, so that bits do not depend on how many there are.
        "force_col_wise": True,
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


def mean_booster(parts: Sequence[tuple[float, lgb.Booster]]) -> lgb.Booster:
    """Booster whose margin is the weighted sum of those of several.

    The trees of all are put into one text, their leaves multiplied by the weights.

    Parameters
    ----------
    parts : sequence of tuple of float and lightgbm.Booster
        Weight of each, and the booster; all of them take the same features. What has no weight is
        left out.

    Examples
    --------
    >>> matrix = np.arange(40.0).reshape(-1, 1)
    >>> settings = ModelSettings(trees=2, leaves=2, least_rows=1)
    >>> low, high = (fit_booster(matrix, matrix[:, 0] > x, (), settings) for x in (10, 30))
    >>> both = mean_booster([(0.25, low), (0.75, high)])
    >>> expected = 0.25 * low.predict(matrix, raw_score=True)
    >>> expected += 0.75 * high.predict(matrix, raw_score=True)
    >>> bool(np.allclose(both.predict(matrix, raw_score=True), expected, atol=1e-12))
    True
    """
    used = [(weight, booster) for weight, booster in parts if weight]
    if len(used) == 1 and used[0][0] == 1.0:
        return used[0][1]
    texts = [_scaled(booster, weight).model_to_string() for weight, booster in used]
    head, _, tail = texts[0].partition(_FIRST_TREE)
    tail = tail[tail.index(_END_OF_TREES) :]
    trees = [tree for text in texts for tree in _trees(text)]
    numbered = [f"Tree={number}\n{tree}" for number, tree in enumerate(trees)]
    sizes = " ".join(str(len(tree.encode())) for tree in numbered)
    head = re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", head, flags=re.MULTILINE)
    return lgb.Booster(model_str=head + "".join(numbered) + tail)


_FIRST_TREE, _END_OF_TREES = "Tree=0\n", "end of trees"


def _trees(text: str) -> list[str]:
    """Texts of a booster's trees, without their numbers."""
    trees = text[text.index(_FIRST_TREE) : text.index(_END_OF_TREES)]
    return re.split(r"^Tree=\d+\n", trees, flags=re.MULTILINE)[1:]


def _scaled(booster: lgb.Booster, weight: float) -> lgb.Booster:
    """A copy whose leaves are multiplied by a weight."""
    scaled = lgb.Booster(model_str=booster.model_to_string())
    for number, tree in enumerate(booster.dump_model()["tree_info"]):
        for leaf in range(tree["num_leaves"]):
            scaled.set_leaf_output(number, leaf, weight * booster.get_leaf_output(number, leaf))
    return scaled
