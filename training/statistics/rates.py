"""A rate with its interval, and a promise beside what happened: the values that reports show.

A *look* is one lead at one moment. A look has bought if a purchase followed within the horizon.
"""

from dataclasses import dataclass
from typing import Literal

ENOUGH_PROMISED = 10
"""A promise inside the interval counts as kept from this many promised purchases on; with fewer the
interval is so wide that it says little."""

LEAST_POSITIVES = 10
"""The report shows how well looks were ranked only from this many looks that bought."""


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


def measured_rate(
    value: float | None, low: float | None, high: float | None
) -> RateEstimate | None:
    """RateEstimate of three figures; None where one of them was not measured.

    Examples
    --------
    >>> measured_rate(0.5, 0.4, 0.6), measured_rate(0.5, None, None)
    (RateEstimate(value=0.5, low=0.4, high=0.6), None)
    """
    if value is None or low is None or high is None:
        return None
    # The bound of "all of them" may come out as 0.9999999999999999.
    return RateEstimate(round(value, 12), round(low, 12), round(high, 12))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was promised about a group of looks, and what happened.

    Parameters
    ----------
    rows, positives : int
        Number of looks, and of those that bought.
    promised : float or None
        Mean of the looks' predicted probabilities; None where there are no looks.
    happened : RateEstimate or None
        Share of the looks that bought; None where there are no looks.
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
        """Whether the promise lies above, below or inside the interval of what happened.

        Outside the interval the promise was broken, however few looks bought. Inside the interval
        it held, provided that at least `ENOUGH_PROMISED` purchases were promised; otherwise the
        finding is "unknown". That limit counts promised purchases, not observed ones. Else the
        groups that bought least, which are those that were promised too much, would escape.
        """
        if self.promised is None or self.happened is None:
            return "unknown"
        if self.promised > self.happened.high:
            return "too much"
        if self.promised < self.happened.low:
            return "too little"
        return "held" if self.rows * self.promised >= ENOUGH_PROMISED else "unknown"
