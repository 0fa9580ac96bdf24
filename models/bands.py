"""Temperature: which of three plays a lead gets, decided by how likely its conversion is.

A lead is hot when its probability of converting within the hot horizon reaches the hot cut-off,
warm when that within the longer warm horizon reaches the warm one, and cold otherwise. A cut-off
follows from a promise about the mean of the band that managers can check afterwards
(`models.policy`): a share of the leads in it that buys, and the share of all buyers that it holds,
its reach. In doubt, colder: where the data do not bear the promise there is no cut-off, and nobody
is called so. A lead that is in a band already stays until it falls clearly below, so that a lead
near a cut-off does not flap; to come in it needs the whole cut-off.

Bands that were trained earlier compare the low end of each lead's interval in place of its
probability; they say so, and go on to do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64
from features.json_values import JsonObject
from models.policy import LimitedRate, Promised, policy_to_json, promised_from_json

DecidedBy = Literal["probability", "low end"]
"""What of a lead's estimate is compared with the cut-offs."""
T = TypeVar("T", float, Float64)


class Temperature(StrEnum):
    """Readiness to buy from us at one moment."""

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


HORIZONS = ("hot", "warm")
"""Names of the two horizons, the shorter one first."""
HORIZON_OF_BAND = {"hot": "hot", "warm": "warm", "cold": "warm"}
"""Horizon within which each band's promise is about conversions."""
LEVELS = tuple(Temperature)
BY_LEVEL = np.array([band.value for band in LEVELS])


@dataclass(frozen=True, slots=True)
class Promise:
    """What a band promises, and what that rests on.

    Parameters
    ----------
    policy : Promised
        What is promised.
    line : float
        Probability from which held-out looks are counted here: down to it a lead that is in the
        band would stay. Of cold it is the probability below which they are counted.
    looks, leads, positives : int
        How many there are, at how many leads, and how many of the looks converted in time.
    rate, bound : float or None
        Share that converted, and what it is at least, of cold at most, with the policy's
        confidence; None without looks.
    explanation : str
        How the cut-off came about, or why there is none; a sentence.
    reach : float or None
        Share of the buyers, which are the leads that converted in time after a held-out look, that
        were in the band or in a hotter one at such a look; of cold the share that were in none.
        None where nobody is called so, nobody bought or an earlier version trained the bands.
    """

    policy: Promised
    line: float
    looks: int
    leads: int
    positives: int
    rate: float | None
    bound: float | None
    explanation: str
    reach: float | None = None

    def to_json(self) -> JsonObject:
        """As plain JSON values; a reach that was not measured is left out."""
        reach = {} if self.reach is None else {"reach": self.reach}
        return {
            "policy": policy_to_json(self.policy),
            "line": self.line,
            "looks": self.looks,
            "leads": self.leads,
            "positives": self.positives,
            "rate": self.rate,
            "bound": self.bound,
            "because": self.explanation,
            **reach,
        }


@dataclass(frozen=True, slots=True)
class Bands:
    """Cut-offs of the bands.

    Parameters
    ----------
    hot, warm : float or None
        A lead is hot (warm) from this probability of converting within the hot (warm) horizon;
        None when nobody is called so.
    hysteresis : float
        Share by which the odds of a lead that is in a band may lie below those of the cut-off.
    promises : mapping of "hot", "warm", "cold" to Promise
        Where the cut-offs come from, and what cold promises; may be empty.
    decided_by : {"probability", "low end"}
        Whether a lead's probability is compared with the cut-offs or, by bands of earlier versions,
        the low end of its interval.

    Raises
    ------
    ValueError
        A cut-off is outside of 0 to 1, or the hysteresis is not from 0 to below 1.

    Examples
    --------
    >>> bands = Bands(hot=0.3, warm=0.2)
    >>> bands.assign(np.array([0.4, 0.1, 0.1]), np.array([0.6, 0.2, 0.1])).tolist()
    ['hot', 'warm', 'cold']
    """

    hot: float | None
    warm: float | None
    hysteresis: float = 0.0
    promises: Mapping[str, Promise] = field(default_factory=dict)
    decided_by: DecidedBy = "probability"

    def __post_init__(self) -> None:
        for name, cutoff in self.cutoffs.items():
            if cutoff is not None and not 0 <= cutoff <= 1:
                raise ValueError(f"The {name} cut-off must lie within 0 and 1, got {cutoff}.")
        if not 0 <= self.hysteresis < 1:
            raise ValueError(f"hysteresis must be from 0 to below 1, got {self.hysteresis}.")

    @property
    def cutoffs(self) -> dict[str, float | None]:
        """Cut-off of each band that has one, by its name."""
        return {"hot": self.hot, "warm": self.warm}

    def decisive(self, probability: T, low: T) -> T:
        """What of a horizon's estimate is compared with its cut-off: one of the two.

        Parameters
        ----------
        probability, low : float or float64 array of shape (rows,)
            Probability of converting within the horizon, and the low end of its interval.

        Examples
        --------
        >>> Bands(hot=0.3, warm=0.2).decisive(0.31, low=0.18)
        0.31
        """
        return probability if self.decided_by == "probability" else low

    def assign(
        self, hot: Float64, warm: Float64, previous: Sequence[str | None] | None = None
    ) -> npt.NDArray[np.str_]:
        """Band of each lead, as text.

        Parameters
        ----------
        hot, warm : float64 arrays of shape (rows,)
            What is decisive of each horizon's estimates.
        previous : sequence of "hot", "warm", "cold" or None, optional
            Band of each lead before, where it is known.
        """
        ranks = np.zeros(len(hot), np.int64)
        previous_rank = ranks if previous is None else _levels(previous)
        for rank, value in ((1, warm), (2, hot)):
            cutoff = self.cutoffs[LEVELS[rank]]
            if cutoff is not None:
                line = np.where(
                    previous_rank >= rank, staying_cutoff(cutoff, self.hysteresis), cutoff
                )
                ranks = np.where(value >= line, rank, ranks)
        return BY_LEVEL[ranks]

    def may_be_left(self, band: npt.NDArray[np.str_], warm_high: Float64) -> Bool:
        """Which leads may be left alone: cold, and even the high end within what cold promises.

        Parameters
        ----------
        band : str array of shape (rows,)
            Band of each lead.
        warm_high : float64 array of shape (rows,)
            Within the warm horizon: what the share of leads like each that converts exceeds one
            time in ten.

        Returns
        -------
        bool array of shape (rows,)
            None of them where cold promises nothing, or where nobody is called hot or warm: a bound
            on everybody tells nobody apart.

        Examples
        --------
        >>> cold = Promise(LimitedRate(0.02), 0.1, 900, 400, 9, 0.01, 0.02, "measured")
        >>> bands = Bands(hot=0.3, warm=0.1, promises={"cold": cold})
        >>> bands.may_be_left(np.array(["cold", "cold", "warm"]), np.array([0.01, 0.03, 0.01]))
        array([ True, False, False])
        """
        promise = self.promises.get(Temperature.COLD)
        everybody_is_cold = self.hot is None and self.warm is None
        if promise is None or not isinstance(promise.policy, LimitedRate) or everybody_is_cold:
            return np.zeros(len(band), np.bool_)
        within_promise = warm_high <= promise.policy.at_most
        return np.asarray(within_promise & (band == Temperature.COLD.value), np.bool_)

    def comparison_text(self, hot: float, warm: float, previous: str | None = None) -> str:
        """The comparisons that decided one lead's band, in words.

        Parameters
        ----------
        hot, warm : float
            What is decisive of each horizon's estimate.
        previous : "hot", "warm", "cold" or None, optional
            Band of the lead before, where it is known.

        Examples
        --------
        >>> Bands(hot=0.3, warm=0.2).comparison_text(0.18, 0.25)
        'hot probability 0.180 < hot cut-off 0.300; warm probability 0.250 >= warm cut-off 0.200'
        >>> Bands(hot=0.3, warm=0.2, hysteresis=0.2).comparison_text(0.28, 0.4, previous="hot")
        'hot probability 0.280 >= 0.255, down to which a hot lead stays hot (cut-off 0.300)'
        """
        is_hot, hot_text = self._compared(Temperature.HOT, hot, previous)
        return (
            hot_text
            if is_hot
            else f"{hot_text}; {self._compared(Temperature.WARM, warm, previous)[1]}"
        )

    def _compared(self, band: Temperature, value: float, previous: str | None) -> tuple[bool, str]:
        """Whether the value is enough for the band, and the comparison in words."""
        cutoff = self.cutoffs[band]
        if cutoff is None:
            return False, (
                f"no {band} cut-off: the data bear no promise, so nobody is called {band}"
            )
        inside = previous is not None and LEVELS.index(Temperature(previous)) >= LEVELS.index(band)
        line = staying_cutoff(cutoff, self.hysteresis) if inside else cutoff
        reaches_line = value >= line
        value_text, line_text = format_distinct(value, line, "f")
        name = "probability" if self.decided_by == "probability" else "lower bound"
        text = f"{band} {name} {value_text} {'>=' if reaches_line else '<'}"
        if line == cutoff:
            return reaches_line, f"{text} {band} cut-off {line_text}"
        stays = f"down to which a {previous} lead stays {band}"
        return reaches_line, f"{text} {line_text}, {stays} (cut-off {cutoff:.3f})"

    def to_json(self) -> JsonObject:
        """As plain JSON values; bands of earlier versions as those wrote them."""
        decided = {} if self.decided_by == "low end" else {"decided_by": self.decided_by}
        return {
            **self.cutoffs,
            "hysteresis": self.hysteresis,
            "promises": {name: promise.to_json() for name, promise in self.promises.items()},
            **decided,
        }


def format_distinct(first: float, second: float, style: Literal["f", "g"]) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ, three at least.

    Examples
    --------
    >>> format_distinct(0.25, 0.2504, "f")
    ('0.2500', '0.2504')
    """
    for digits in range(3, 18):
        texts = f"{first:.{digits}{style}}", f"{second:.{digits}{style}}"
        if texts[0] != texts[1] or first == second:
            break
    return texts


def staying_cutoff(cutoff: float, hysteresis: float) -> float:
    """Probability down to which a lead stays in a band that begins at `cutoff`.

    Its odds are the cut-off's, less the share `hysteresis`.

    Examples
    --------
    >>> round(staying_cutoff(0.3, hysteresis=0.2), 3)
    0.255
    """
    return (1 - hysteresis) * cutoff / (1 - hysteresis * cutoff)


def bands_from_json(data: JsonObject) -> Bands:
    """Bands that were written by `Bands.to_json`.

    Raises
    ------
    ValueError
        It does not say what decides, or a promise is none.
    """
    decided_by = data.get("decided_by", "low end")
    if decided_by not in get_args(DecidedBy):
        raise ValueError(f"decided_by must be one of {get_args(DecidedBy)}, got {decided_by!r}.")
    return Bands(
        hot=data["hot"],
        warm=data["warm"],
        hysteresis=float(data["hysteresis"]),
        promises={name: _promise_from_json(found) for name, found in data["promises"].items()},
        decided_by=decided_by,
    )


def _promise_from_json(data: JsonObject) -> Promise:
    numbers = {
        name: data[name] for name in ("line", "looks", "leads", "positives", "rate", "bound")
    }
    return Promise(
        policy=promised_from_json(data["policy"]),
        **numbers,
        explanation=data["because"],
        reach=data.get("reach"),
    )


def _levels(bands: Sequence[str | None]) -> Int64:
    """Rank of each band; a lead without a band before is as one that was cold."""
    return np.array([0 if b is None else LEVELS.index(Temperature(b)) for b in bands], np.int64)
