"""From a booster's margin to a probability that holds.

Beta calibration on the log-odds scale: three numbers bend the booster's margin, and the identity is
the case a = b = 1, c = 0. With a, b > 0 the map is strictly increasing, so the order of leads is
kept and no ties are made. How the three numbers are found is `training.fit`'s business; this
module only applies them, with NumPy alone, in the server and in bulk scoring.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.history import Float64


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """Beta calibration of a margin m, the log-odds of an uncalibrated probability s.

    The calibrated log-odds are ``c + a ln s − b ln(1 − s)``, where ``ln s = −softplus(−m)`` and
    ``ln(1 − s) = −softplus(m)``.

    Parameters
    ----------
    a, b : float
        Slopes towards sure and towards impossible; both positive.
    c : float
        Shift of the log-odds.

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

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and np.isfinite([self.a, self.b, self.c]).all()):
            raise ValueError(
                "Beta calibration needs a > 0 and b > 0 to keep the order of leads, "
                f"got a={self.a}, b={self.b}, c={self.c}."
            )

    def log_odds(self, margin: Float64) -> Float64:
        """Calibrated log-odds, shape of `margin`."""
        return self.c - self.a * np.logaddexp(0.0, -margin) + self.b * np.logaddexp(0.0, margin)

    def probability(self, margin: Float64) -> Float64:
        """Calibrated probability, shape of `margin`."""
        return sigmoid(self.log_odds(margin))

    def to_json(self) -> dict[str, float]:
        """As plain JSON values."""
        return {"a": self.a, "b": self.b, "c": self.c}


def calibration_from_json(data: Mapping[str, float]) -> BetaCalibration:
    """Calibration that was written by `BetaCalibration.to_json`."""
    return BetaCalibration(float(data["a"]), float(data["b"]), float(data["c"]))


def sigmoid(log_odds: Float64) -> Float64:
    """Probability of log-odds, without overflow at either end.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.exp(-np.logaddexp(0.0, -log_odds))
