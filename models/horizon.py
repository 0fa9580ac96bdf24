"""What a model answers of a lead: a probability and its interval for each horizon, and the band.

A `HorizonModel` is the question whether a lead converts within a number of days, and the model that
answers it; its `Estimate` is the answer alone. The `Scores` of a bundle are both horizons' answers,
made to agree, and the band that follows from them.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64
from models.bands import Bands
from models.calibration import Calibration, sigmoid
from models.evidence import Evidence
from models.predictors.predictor import Predictor, margin_of

Z_80 = 1.2815515655446004
"""Standard deviations to each end of an interval: each end is a one-sided 90 % bound."""
INTERVAL_ENDS = np.array([[-Z_80], [0.0], [Z_80]])
LARGEST_SPREAD = 0.55
"""Beyond this standard deviation of the log-odds the ends lie a factor of four apart in odds, and
there is not enough evidence."""

_NUMBERS = ("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a horizon's predictor, calibration and evidence say together.

    Parameters
    ----------
    probability : float64 array of shape (rows,)
        Calibrated probability of converting within the horizon.
    low, high : float64 arrays of shape (rows,)
        Central 80 % interval of the share that converts of a group of leads like this one. Of one
        lead alone it says nothing.
    not_enough_evidence : bool array of shape (rows,)
        Whether that interval is too wide to act on.
    """

    probability: Float64
    low: Float64
    high: Float64
    not_enough_evidence: Bool


@dataclass(frozen=True, slots=True)
class HorizonModel:
    """The question whether a lead converts within a number of days, and the model that answers it.

    Parameters
    ----------
    days : int
        Length of the horizon.
    predictor : Blend, lightgbm.Booster or Scorecard
        Gives the margin (log-odds) from the feature matrix.
    calibration : BetaCalibration or StepCalibration
        Gives the probability from the margin.
    evidence : Evidence
        What the predictor was fitted on.
    """

    days: int
    predictor: Predictor
    calibration: Calibration
    evidence: Evidence

    def margin(self, matrix: Float64, threads: int = 1) -> Float64:
        """Uncalibrated log-odds of each row, shape (rows,)."""
        return margin_of(self.predictor, matrix, threads)

    def probability(self, matrix: Float64, threads: int = 1) -> Float64:
        """Calibrated probability of each row, shape (rows,)."""
        return self.calibration.probability(self.margin(matrix, threads))

    def estimate(self, matrix: Float64, threads: int = 1) -> Estimate:
        """Calibrated probability of each row, and how sure it is."""
        return self.estimate_of(self.margin(matrix, threads), matrix)

    def estimate_of(self, margin: Float64, matrix: Float64) -> Estimate:
        """Calibrated probability of rows with these margins, and how sure it is.

        The interval is symmetric in log-odds: the posterior variance of the calibration and what
        the predictor could not know about such leads add up.
        """
        log_odds = self.calibration.log_odds(margin)
        spread = np.sqrt(self.calibration.variance(margin) + self.evidence.variance(matrix))
        low, probability, high = sigmoid(log_odds + INTERVAL_ENDS * spread)
        return Estimate(probability, low, high, not_enough_evidence=spread > LARGEST_SPREAD)


@dataclass(frozen=True, slots=True)
class Scores:
    """What is promised about each row.

    Parameters
    ----------
    hot_probability, warm_probability : float64 arrays of shape (rows,)
        Probability of converting within the hot and the warm horizon; the second is never smaller.
    hot_low, hot_high, warm_low, warm_high : float64 arrays of shape (rows,)
        Central 80 % intervals of the two: narrow with much evidence, wide with little, wider for
        leads unlike any that were learned from. Of a group of such leads the share that converts
        lies below the low end one time in ten at most, and so above the high end.
    not_enough_evidence : bool array of shape (rows,)
        Whether an interval is too wide to act on.
    band : str array of shape (rows,)
        "hot", "warm" or "cold", as the bands of the bundle decide.
    """

    hot_probability: Float64
    warm_probability: Float64
    hot_low: Float64
    hot_high: Float64
    warm_low: Float64
    warm_high: Float64
    not_enough_evidence: Bool
    band: npt.NDArray[np.str_]

    def numbers(self, row: int) -> dict[str, float]:
        """Both probabilities of a row with their intervals, by name."""
        return {name: float(getattr(self, name)[row]) for name in _NUMBERS}

    def decisive(self, bands: Bands) -> tuple[Float64, Float64]:
        """What of the hot and the warm estimate the bands compare with their cut-offs."""
        return (
            bands.decisive(self.hot_probability, low=self.hot_low),
            bands.decisive(self.warm_probability, low=self.warm_low),
        )

    def probability(self, horizon: str) -> Float64:
        """Probability within the horizon named "hot" or "warm"."""
        return {"hot": self.hot_probability, "warm": self.warm_probability}[horizon]

    def among(self, mask: Bool) -> "Scores":
        """Scores of the rows where `mask` is true."""
        return Scores(**{column.name: getattr(self, column.name)[mask] for column in fields(self)})
