"""From a predictor's margin to a probability that holds, and how sure that probability is.

A calibration is a curve on the log-odds scale, learned from leads that the predictor was not fitted
on, and the standard deviation of that curve, because it was learned from a limited number of leads.
Beta calibration bends the margin by three numbers: it is strictly increasing, so the order of leads
is kept and no ties are made; with equal slopes it is Platt's. Steps are what isotonic regression
and Venn-Abers prediction give: any increasing curve, at the price of ties. How a curve is found
and which one is taken is `training.calibration.choice`'s business; this module only applies it,
with NumPy alone, in the server and in bulk scoring.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np

from features.arrays import Float64
from features.json_values import JsonObject

StepMethod = Literal["isotonic", "venn_abers"]
Covariance: TypeAlias = tuple[tuple[float, ...], ...]
EXACT: Covariance = ((0.0,) * 3,) * 3
"""Covariance of three numbers that are known for sure."""


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """Beta calibration of a margin m, the log-odds of an uncalibrated probability s.

    The calibrated log-odds are ``c + a ln s − b ln(1 − s)``, where ``ln s = −softplus(−m)`` and
    ``ln(1 − s) = −softplus(m)``. The identity is the case a = b = 1, c = 0.

    Parameters
    ----------
    a, b : float
        Slopes towards sure and towards impossible; both positive. Platt's calibration has a = b.
    c : float
        Shift of the log-odds.
    covariance : tuple of 3 tuples of 3 floats
        Posterior covariance of (ln a, ln b, c).

    Raises
    ------
    ValueError
        `a` or `b` is not positive: the map would turn the order of leads around.

    References
    ----------
    M. Kull, T. Silva Filho, P. Flach, *Beyond sigmoids: How to obtain well-calibrated probabilities
    from binary classifiers with beta calibration*, Electronic Journal of Statistics 11 (2017),
    doi:10.1214/17-EJS1338SI.

    Examples
    --------
    >>> BetaCalibration(1.0, 1.0, 0.0).probability(np.array([0.0])).tolist()
    [0.5]
    """

    a: float
    b: float
    c: float
    covariance: Covariance = EXACT

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and np.isfinite([self.a, self.b, self.c]).all()):
            raise ValueError(
                "Beta calibration needs a > 0 and b > 0 to keep the order of leads, "
                f"got a={self.a}, b={self.b}, c={self.c}."
            )
        covariance = np.asarray(self.covariance)
        if (
            covariance.shape != (3, 3)
            or not np.isfinite(covariance).all()
            or np.any(covariance != covariance.T)
        ):
            raise ValueError(
                f"covariance must be 3 × 3 finite numbers and symmetric, got {self.covariance}."
            )

    def log_odds(self, margin: Float64) -> Float64:
        """Calibrated log-odds, shape of `margin`."""
        return self.c - self.a * np.logaddexp(0.0, -margin) + self.b * np.logaddexp(0.0, margin)

    def variance(self, margin: Float64) -> Float64:
        """Posterior variance of the calibrated log-odds, shape of `margin`."""
        # Derivatives of the log-odds by ln a and ln b; by c it is 1. The quadratic form is written
        # out: a product of matrices is slower for one row, and rounds it unlike among many.
        of_a = -self.a * np.logaddexp(0.0, -margin)
        of_b = self.b * np.logaddexp(0.0, margin)
        (aa, ab, ac), (_, bb, bc), (_, _, cc) = self.covariance
        total = of_a * (aa * of_a + 2 * ab * of_b + 2 * ac) + of_b * (bb * of_b + 2 * bc) + cc
        return np.maximum(total, 0.0)

    def probability(self, margin: Float64) -> Float64:
        """Calibrated probability, shape of `margin`."""
        return sigmoid(self.log_odds(margin))

    def to_json(self) -> JsonObject:
        """As plain JSON values."""
        rows = [list(row) for row in self.covariance]
        return {"method": "beta", "a": self.a, "b": self.b, "c": self.c, "covariance": rows}


@dataclass(frozen=True, slots=True)
class StepCalibration:
    """Calibration by steps: margins between two edges have one probability.

    Parameters
    ----------
    method : {"isotonic", "venn_abers"}
        How the steps were found.
    edges : tuple of float
        Margins at which the next step begins, increasing.
    levels : tuple of float
        Log-odds of each step, one more than edges, never falling.
    variances : tuple of float
        Posterior variance of each level.

    Raises
    ------
    ValueError
        The numbers do not make steps that rise.

    Examples
    --------
    >>> steps = StepCalibration("isotonic", (0.0,), (-1.0, 1.0), (0.1, 0.2))
    >>> steps.log_odds(np.array([-0.1, 0.0])).tolist()
    [-1.0, 1.0]
    """

    method: StepMethod
    edges: tuple[float, ...]
    levels: tuple[float, ...]
    variances: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.edges, *self.levels, *self.variances)
        if not (
            self.method in get_args(StepMethod)
            and len(self.levels) == len(self.variances) == len(self.edges) + 1
            and np.isfinite(numbers).all()
            and all(low < high for low, high in pairwise(self.edges))
            and all(low <= high for low, high in pairwise(self.levels))
            and min(self.variances) >= 0
        ):
            raise ValueError(
                "Steps need edges that increase, one level more than edges, levels that do not "
                f"fall and a variance of 0 or more for each, got {self}."
            )

    def log_odds(self, margin: Float64) -> Float64:
        """Calibrated log-odds, shape of `margin`."""
        return np.asarray(self.levels)[np.searchsorted(self.edges, margin, side="right")]

    def variance(self, margin: Float64) -> Float64:
        """Posterior variance of the calibrated log-odds, shape of `margin`."""
        return np.asarray(self.variances)[np.searchsorted(self.edges, margin, side="right")]

    def probability(self, margin: Float64) -> Float64:
        """Calibrated probability, shape of `margin`."""
        return sigmoid(self.log_odds(margin))

    def to_json(self) -> JsonObject:
        """As plain JSON values."""
        return {
            "method": self.method,
            "edges": list(self.edges),
            "levels": list(self.levels),
            "variances": list(self.variances),
        }


Calibration: TypeAlias = BetaCalibration | StepCalibration


def calibration_from_json(data: JsonObject) -> Calibration:
    """Calibration that was written by `to_json`.

    Raises
    ------
    KeyError, ValueError
        The method is unknown, or the numbers make no calibration.
    """
    match data["method"]:
        case "beta":
            covariance = tuple(tuple(float(value) for value in row) for row in data["covariance"])
            return BetaCalibration(float(data["a"]), float(data["b"]), float(data["c"]), covariance)
        case "isotonic" | "venn_abers" as method:
            edges, levels, variances = (
                tuple(float(value) for value in data[name])
                for name in ("edges", "levels", "variances")
            )
            return StepCalibration(method, edges, levels, variances)
        case unknown:
            raise ValueError(f"There is no calibration {unknown!r}: beta, isotonic or venn_abers.")


def sigmoid(log_odds: Float64) -> Float64:
    """Probability of log-odds, without overflow at either end.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.exp(-np.logaddexp(0.0, -log_odds))
