"""Temperature: which of three plays a lead gets (D18), decided by two probabilities.

A lead is hot when it probably converts within the hot horizon, warm when it probably converts
within the longer warm one, and cold otherwise. Each cut-off is a probability that managers can
check afterwards: of the leads called hot, at least that share should convert in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from features.history import Float64


class Temperature(StrEnum):
    """Readiness to buy from us at one moment."""

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


BY_LEVEL = np.array([Temperature.COLD.value, Temperature.WARM.value, Temperature.HOT.value])


@dataclass(frozen=True, slots=True)
class Bands:
    """Cut-offs of the bands.

    Parameters
    ----------
    hot : float
        A lead is hot from this probability of converting within the hot horizon.
    warm : float
        A lead is warm from this probability of converting within the warm horizon.

    Raises
    ------
    ValueError
        Not 0 < warm ≤ hot < 1. With warm ≤ hot every hot lead would be warm as well, because its
        probability within the longer horizon is never the smaller one: the bands are in order.

    Examples
    --------
    >>> Bands(hot=0.3, warm=0.2).of(np.array([0.4, 0.1, 0.1]), np.array([0.6, 0.2, 0.1])).tolist()
    ['hot', 'warm', 'cold']
    """

    hot: float
    warm: float

    def __post_init__(self) -> None:
        if not 0 < self.warm <= self.hot < 1:
            raise ValueError(
                f"Bands must satisfy 0 < warm <= hot < 1, got warm={self.warm}, hot={self.hot}."
            )

    def of(self, hot_probability: Float64, warm_probability: Float64) -> npt.NDArray[np.str_]:
        """Band of each lead, as text."""
        is_hot = hot_probability >= self.hot
        is_warm = warm_probability >= self.warm
        return BY_LEVEL[np.where(is_hot, 2, np.where(is_warm, 1, 0))]

    def why(self, hot_probability: float, warm_probability: float) -> str:
        """The comparison that decided one lead's band, in words.

        Examples
        --------
        >>> Bands(hot=0.3, warm=0.2).why(0.18, 0.25)
        'hot probability 0.180 < hot cut-off 0.300; warm probability 0.250 >= warm cut-off 0.200'
        """
        if hot_probability >= self.hot:
            return f"hot probability {hot_probability:.3f} >= hot cut-off {self.hot:.3f}"
        sign = ">=" if warm_probability >= self.warm else "<"
        return (
            f"hot probability {hot_probability:.3f} < hot cut-off {self.hot:.3f}; "
            f"warm probability {warm_probability:.3f} {sign} warm cut-off {self.warm:.3f}"
        )

    def to_json(self) -> dict[str, float]:
        """As plain JSON values."""
        return {"hot": self.hot, "warm": self.warm}


def bands_from_json(data: Mapping[str, float]) -> Bands:
    """Bands that were written by `Bands.to_json`."""
    return Bands(hot=float(data["hot"]), warm=float(data["warm"]))
