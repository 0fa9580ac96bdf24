"""Logistic regression on all features: the plainest model that uses everything that is known.

Numbers are taken by their logarithms, because counts and days are skewed, and what is unknown is
the middle value and a column of its own; categories are a column for each level. All of it is
learned from the fitting rows. The penalty is strong: among a hundred columns that say much the same
thing, and some hundred conversions, that is worth more than the shape of any curve.

References
----------
S. le Cessie, J. C. van Houwelingen, *Ridge estimators in logistic regression*, Applied Statistics
41 (1992), doi:10.2307/2347628.
"""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from features.history import Float64

Bool = npt.NDArray[np.bool_]

PENALTY = 1_000.0
"""Of standardised columns: of 0.33 to 3,000, the best on made-up CRMs of 700 to 8,000 leads."""
MOST_ROWS = 100_000
"""Of more rows so many are drawn: they suffice for as many columns as features have."""


def logistic_margin(
    matrix: Float64, categorical: tuple[int, ...], converted: Bool, fit: Bool, seed: int
) -> Float64:
    """Log-odds of all rows by a logistic regression of the fitting rows.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        NaN is unknown.
    categorical : tuple of int
        Columns that hold indices of levels.
    converted : bool array of shape (rows,)
        Labels; only those of the fitting rows are looked at, which must hold both outcomes.
    fit : bool array of shape (rows,)
    seed : int
        Of the rows that are drawn where there are more than `MOST_ROWS`.

    Returns
    -------
    float64 array of shape (rows,)
    """
    drawn = np.flatnonzero(fit)
    if len(drawn) > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn, MOST_ROWS, replace=False))
    codings = [_coding(matrix[drawn, j], j in categorical) for j in range(matrix.shape[1])]
    blocks = [_coded(matrix[drawn, j], coding) for j, coding in enumerate(codings)]
    design = np.column_stack(blocks)
    mean, deviation = design.mean(axis=0), design.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    design -= mean
    design /= scale
    model = LogisticRegression(C=1 / PENALTY, max_iter=1_000, tol=1e-4)
    model.fit(design, converted[drawn])
    weights = model.coef_[0] / scale
    margin = np.full(len(matrix), float(model.intercept_[0] - mean @ weights))
    ends = np.cumsum([block.shape[1] for block in blocks])
    for j, coding in enumerate(codings):
        margin += _coded(matrix[:, j], coding) @ weights[ends[j] - blocks[j].shape[1] : ends[j]]
    return margin


_Coding = int | float
"""Of a category the number of its levels, of a number the middle of its logarithms."""


def _coding(values: Float64, categorical: bool) -> _Coding:
    known = values[~np.isnan(values)]
    if categorical:
        return int(known.max()) + 1 if len(known) else 0
    return float(np.median(_logarithm(known))) if len(known) else 0.0


def _coded(values: Float64, coding: _Coding) -> Float64:
    """Columns of a feature, shape (rows, columns)."""
    unknown = np.isnan(values)
    if isinstance(coding, int):
        levels = [values == level for level in range(coding)]
        return np.column_stack([*levels, unknown]).astype(np.float64)
    return np.column_stack([np.where(unknown, coding, _logarithm(values)), unknown])


def _logarithm(values: Float64) -> Float64:
    return np.sign(values) * np.log1p(np.abs(values))
