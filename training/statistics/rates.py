"""Shares and promises: what every part of the report tells of a group, with how sure it is."""

from dataclasses import dataclass
from typing import Literal

ENOUGH_PROMISED = 10
"""Purchases that must have been promised before a promise inside its interval counts as kept: with
fewer the interval is so wide that it tells little."""

LEAST_POSITIVES = 10
"""Looks that must have bought before it is told how well they were put in order."""


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """A share that was counted, with its 95 % interval.

    Parameters
    ----------
    value, low, high : float
        From 0 to 1, ``low <= value <= high``.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high <= 1:
            raise ValueError(
                "A rate must satisfy 0 <= low <= value <= high <= 1, "
                f"got low={self.low}, value={self.value}, high={self.high}."
            )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was promised about a group of looks, and what came of it.

    Parameters
    ----------
    rows, positives : int
        Looks, and those of them that a purchase followed in time.
    promised : float or None
        Mean of the probabilities given.
    happened : RateEstimate or None
        Share that bought.
    """

    rows: int
    positives: int
    promised: float | None
    happened: RateEstimate | None

    def __post_init__(self) -> None:
        if not 0 <= self.positives <= self.rows:
            raise ValueError(
                f"Looks that bought must be among the looks, got {self.positives} of {self.rows}."
            )

    @property
    def finding(self) -> Literal["held", "too much", "too little", "unknown"]:
        """Where the promise lies against the interval of what happened.

        Outside of it the promise was broken, however few bought. Inside of it the promise held,
        if it was large enough to be broken at all; the outcome has no say in that, or the groups
        that bought least, which are those that were promised too much, would escape.
        """
        if self.promised is None or self.happened is None:
            return "unknown"
        if self.promised > self.happened.high:
            return "too much"
        if self.promised < self.happened.low:
            return "too little"
        return "held" if self.rows * self.promised >= ENOUGH_PROMISED else "unknown"
