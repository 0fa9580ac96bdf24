"""Logistic regression on all features: the plainest model that uses everything that is known.

Numbers enter by their logarithms, because counts and days are skewed. An unknown number becomes the
median, and a column of its own marks it; a category becomes a column for each level. All of this is
learned from the fitting rows. The penalty is strong: with a hundred columns that say much the same
and a few hundred conversions, it improves the model more than the shape of any curve does.

References
----------
S. le Cessie, J. C. van Houwelingen, *Ridge estimators in logistic regression*, Applied Statistics
41 (1992), doi:10.2307/2347628.
"""

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from features.arrays import Bool, Float64
from models.predictors.linear import Levels, Linear, Slope, Term, logarithm

PENALTY = 150.0
"""Of standardised columns, for looks that are independent of each other."""
PRELIMINARY = 6.0
"""Looks that tell as much as one that stands alone, where nobody has measured yet how many."""
MOST_FIT_ROWS = 100_000
"""Of more rows, this many are drawn: enough for the number of columns that features make."""


def logistic_margin(
    matrix: Float64, categorical: tuple[int, ...], converted: Bool, fit: Bool, seed: int
) -> Float64:
    """Log-odds of all rows by a logistic regression of the fitting rows.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        Features of all rows; NaN is unknown.
    categorical : tuple of int
        Columns that hold indices of levels.
    converted : bool array of shape (rows,)
        Labels; only those of the fitting rows are looked at, which must hold both outcomes.
    fit : bool array of shape (rows,)
        The fitting rows.
    seed : int
        Seed of the sample that is fitted on where there are more than `MOST_FIT_ROWS` rows.

    Returns
    -------
    float64 array of shape (rows,)
    """
    linear = fit_linear(
        matrix[fit], converted[fit], categorical, seed, looks_per_independent=PRELIMINARY
    )
    return linear.margin(matrix)


def fit_linear(
    matrix: Float64,
    converted: Bool,
    categorical: tuple[int, ...],
    seed: int,
    monotone: tuple[int, ...] = (),
    weight: Float64 | None = None,
    looks_per_independent: float = 1.0,
) -> Linear:
    """Logistic regression as a linear model of the log-odds.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        Features of the fitting rows; NaN is unknown.
    converted : bool array of shape (rows,)
        Whether each row's lead converted; both outcomes occur.
    categorical : tuple of int
        Columns that hold indices of levels.
    seed : int
        Seed of the sample that is fitted on where there are more than `MOST_FIT_ROWS` rows.
    monotone : tuple of int, optional
        The columns' directions (`training.fitting.monotone.directions`): what would go against its
        own has no slope.
    weight : float64 array of shape (rows,), optional
        How many rows each row stands for; 1 for each by default.
    looks_per_independent : float, optional
        Design effect: as many looks tell as much as one that stands alone
        (`training.statistics.design_effect`). The penalty grows with it.
    """
    if weight is None:
        weight = np.ones(len(matrix))
    if len(matrix) > MOST_FIT_ROWS:
        sampled_rows = np.random.default_rng(seed).choice(len(matrix), MOST_FIT_ROWS, replace=False)
        sampled_rows.sort()
        matrix, converted, weight = (
            matrix[sampled_rows],
            converted[sampled_rows],
            weight[sampled_rows],
        )
    codings = [_coding(matrix[:, j], j in categorical) for j in range(matrix.shape[1])]
    blocks = [_coded(matrix[:, j], coding) for j, coding in enumerate(codings)]
    ends = np.cumsum([block.shape[1] for block in blocks])
    starts = ends - [block.shape[1] for block in blocks]
    design = np.column_stack(blocks)
    mean = design.mean(axis=0)
    varies = design.min(axis=0) < design.max(axis=0)
    design -= mean
    # Rounding gives a column of one value a deviation too, and a slope that goes through the roof.
    variance = np.einsum("ij,ij->j", design, design) / len(design)
    scale = np.sqrt(variance, out=np.ones(len(mean)), where=varies)
    design /= scale
    signs = np.zeros(design.shape[1])
    signs[starts[: len(monotone)]] = monotone
    base, standardised = _ridge(design, converted, weight, signs, PENALTY * looks_per_independent)
    weights = standardised / scale
    terms = tuple(
        _term(weights[start:end], mean[start:end], coding)
        for start, end, coding in zip(starts, ends, codings, strict=True)
    )
    return Linear(base, terms)


def _ridge(
    design: Float64, converted: Bool, weight: Float64, signs: Float64, penalty: float
) -> tuple[float, Float64]:
    """Intercept and weights; columns whose weight would be against its sign are left out."""
    included = np.ones(design.shape[1], np.bool_)
    while True:
        model = LogisticRegression(C=1 / penalty, max_iter=1_000, tol=1e-4)
        # Sums differ in their last bit by the number of threads, and so would the bundle.
        with threadpool_limits(1):
            model.fit(
                design if included.all() else design * included, converted, sample_weight=weight
            )
        weights = model.coef_[0] * included
        against = signs * weights < 0
        if not against.any():
            return float(model.intercept_[0]), weights
        included &= ~against


class _Number(NamedTuple):
    """The middle of a number's logarithms, and between what its values lie."""

    middle: float
    least: float
    greatest: float


_Coding = int | _Number
"""Of a category the number of its levels."""


def _coding(values: Float64, categorical: bool) -> _Coding:
    observed = values[~np.isnan(values)]
    if categorical:
        return int(observed.max()) + 1 if len(observed) else 0
    if not len(observed):
        return _Number(0.0, 0.0, 0.0)
    return _Number(
        float(np.median(logarithm(observed))), float(observed.min()), float(observed.max())
    )


def _coded(values: Float64, coding: _Coding) -> Float64:
    """Columns of a feature, shape (rows, columns)."""
    unknown = np.isnan(values)
    if isinstance(coding, int):
        levels = [values == level for level in range(coding)]
        return np.column_stack([*levels, unknown]).astype(np.float64)
    return np.column_stack([np.where(unknown, coding.middle, logarithm(values)), unknown])


def _term(weights: Float64, mean: Float64, coding: _Coding) -> Term:
    """Term that adds nothing to the average of the fitting rows."""
    *value_weights, unknown = weights.tolist()
    average = float(weights @ mean)
    if isinstance(coding, int):
        levels = tuple(weight - average for weight in value_weights)
        return Levels(levels, unlisted=-average, unknown=unknown - average)
    (slope,) = value_weights
    at_middle = slope * coding.middle + unknown - average
    return Slope(slope, -average, at_middle, coding.least, coding.greatest)
