"""The points card: a model that fits on a page, and that a sales team may re-weigh by hand.

Each quality of a lead (its source, how many price questions it asked lately) has a few bins, each
bin a whole number of points, and the points are summed. So many points more double the odds
of a conversion. Where the configuration asks for it, the card is the model: it is trained,
calibrated, saved and served as a booster would be, by additions that NumPy does. On disk it is JSON
that names features and bins in plain words; `training.fitting.scorecard` learns it from the
customers so far, or takes one that a person has edited.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from features.arrays import Float64, Int64
from features.json_values import JsonObject
from features.language.kinds import AttributeCategory, LatestValue
from features.language.spec import Spec
from features.language.wording import description, in_words, signal

MOST_POINTS = 1_000


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One feature, cut into bins that have points.

    Parameters
    ----------
    column : int
        Place of the feature in the spec.
    edges : tuple of float
        Where one bin ends and the next begins; an edge belongs to the bin above it. The levels of
        a category are whole numbers from 0 on, so its edges are 1, 2, ….
    points : tuple of int
        Of each bin, lowest first, and last of what is unknown or never happened.
    shares : tuple of float
        Share of the fitting period's looks in each of them: where the average lead stands.

    Raises
    ------
    ValueError
        The edges do not rise, the points are not whole or more than `MOST_POINTS`, or there are
        not as many points or shares as bins.
    """

    column: int
    edges: tuple[float, ...]
    points: tuple[int, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in itertools.pairwise(self.edges))
        if not rising or not all(map(math.isfinite, self.edges)):
            raise ValueError(f"Bins must begin at rising numbers, got {list(self.edges)}.")
        if not len(self.points) == len(self.shares) == len(self.edges) + 2:
            raise ValueError(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bins and one for what is "
                f"unknown, got {len(self.points)} points and {len(self.shares)} shares."
            )
        for points in self.points:
            if type(points) is not int or abs(points) > MOST_POINTS:
                raise ValueError(
                    f"Points must be whole numbers from {-MOST_POINTS} to {MOST_POINTS}, "
                    f"got {points!r}."
                )
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 0.001:
            raise ValueError(f"Shares of looks must add up to 1, got {list(self.shares)}.")

    def bins(self, values: Float64) -> Int64:
        """Index of each value's bin, shape of `values`."""
        bin_numbers = np.searchsorted(np.array(self.edges), values, side="right")
        return np.where(np.isnan(values), len(self.edges) + 1, bin_numbers)

    @property
    def average(self) -> float:
        """Mean points of the fitting period's looks."""
        return math.fsum(map(math.prod, zip(self.points, self.shares, strict=True)))


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Points for each of a few qualities, and what a sum of points means.

    Parameters
    ----------
    base : float
        Log-odds of a lead with a sum of 0 points.
    doubling : float
        So many points more double the odds.
    qualities : tuple of Characteristic
        Most telling first, each of another feature.
    columns : int
        How many columns a feature matrix has.

    Raises
    ------
    ValueError
        A feature is there twice or is not in the matrix, or points would not raise the odds.

    Examples
    --------
    >>> asked = Characteristic(0, (1.0, 3.0), (-2, 6, 14, 0), (0.7, 0.2, 0.1, 0.0))
    >>> card = Scorecard(base=-3.0, doubling=10.0, qualities=(asked,), columns=1)
    >>> card.points(np.array([[0.0], [2.0], [3.0], [np.nan]])).tolist()
    [-2, 6, 14, 0]
    """

    base: float
    doubling: float
    qualities: tuple[Characteristic, ...]
    columns: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.base) and 0 < self.doubling < math.inf):
            raise ValueError(
                "A points card needs a finite base and a positive number of points that double "
                f"the odds, got base={self.base}, doubling={self.doubling}."
            )
        used = [quality.column for quality in self.qualities]
        if len(set(used)) < len(used) or not all(0 <= column < self.columns for column in used):
            raise ValueError(
                f"Qualities must be of different features among the {self.columns} columns, "
                f"got the columns {used}."
            )

    @property
    def log_odds_per_point(self) -> float:
        """By how much one point more raises the log-odds."""
        return math.log(2) / self.doubling

    def points(self, matrix: Float64) -> Int64:
        """Sum of points of each row, shape (rows,)."""
        total = np.zeros(len(matrix), np.int64)
        for quality in self.qualities:
            total += np.array(quality.points)[quality.bins(matrix[:, quality.column])]
        return total

    def margin(self, matrix: Float64) -> Float64:
        """Log-odds of each row, shape (rows,)."""
        return self.base + self.log_odds_per_point * self.points(matrix).astype(np.float64)

    def contributions(self, matrix: Float64) -> tuple[float, Float64]:
        """Log-odds of the average look, and what each feature adds to it in each row.

        Parameters
        ----------
        matrix : float64 array of shape (rows, features)
            Features of leads at instants, NaN where one is unknown.

        Returns
        -------
        tuple of float and float64 array of shape (rows, features)
            A row's contributions and the average add up to its margin.
        """
        log_odds = np.zeros(matrix.shape)
        for quality in self.qualities:
            points = np.array(quality.points)[quality.bins(matrix[:, quality.column])]
            log_odds[:, quality.column] = self.log_odds_per_point * (points - quality.average)
        average = math.fsum(quality.average for quality in self.qualities)
        return self.base + self.log_odds_per_point * average, log_odds

    def to_json(self, spec: Spec) -> JsonObject:
        """As plain JSON values that name features and bins; `scorecard_from_json` reads it back."""
        return {
            "base": self.base,
            "points_that_double_the_odds": self.doubling,
            "qualities": [_characteristic_to_json(quality, spec) for quality in self.qualities],
        }


def scorecard_from_json(data: JsonObject, spec: Spec) -> Scorecard:
    """Card that was written by `Scorecard.to_json`, perhaps with points changed by hand.

    Raises
    ------
    ValueError
        A feature is not in the spec, or bins, points or shares are not what they must be; the
        message names the quality.
    """
    return Scorecard(
        base=float(data["base"]),
        doubling=float(data["points_that_double_the_odds"]),
        qualities=tuple(_characteristic_from_json(item, spec) for item in data["qualities"]),
        columns=len(spec.features),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a printed card.

    Parameters
    ----------
    quality : str
        What is looked at, in words.
    value : str
        The bin, in words.
    points : int
        Points that the bin adds.
    share : float
        Share of the fitting period's looks.
    """

    quality: str
    value: str
    points: int
    share: float


def card_lines(card: Scorecard, spec: Spec) -> list[Line]:
    """A card as it is printed; bins without points that no look fell in are left out."""
    return [
        Line(description(spec.features[quality.column]), value, points, share)
        for quality in card.qualities
        for value, points, share in zip(
            _bins_in_words(quality, spec), quality.points, quality.shares, strict=True
        )
        if share > 0 or points != 0
    ]


_UNKNOWN = "unknown or never"


def _bins_in_words(quality: Characteristic, spec: Spec) -> list[str]:
    feature = spec.features[quality.column]
    if isinstance(feature, AttributeCategory | LatestValue):
        levels = range(len(quality.edges) + 1)
        prefix = f"{signal(feature)}: "
        texts = [in_words(feature, float(level)).removeprefix(prefix) for level in levels]
    elif quality.edges:
        between = [f"{low:g} to below {high:g}" for low, high in itertools.pairwise(quality.edges)]
        texts = [f"below {quality.edges[0]:g}", *between, f"{quality.edges[-1]:g} and more"]
    else:
        texts = ["any"]
    return [*texts, _UNKNOWN]


def _characteristic_to_json(quality: Characteristic, spec: Spec) -> JsonObject:
    bin_lines = zip(
        (None, *quality.edges, None),
        _bins_in_words(quality, spec),
        quality.points,
        quality.shares,
        strict=True,
    )
    *bins, unknown = [
        {"from": start, "in_words": words, "points": points, "share": share}
        for start, words, points, share in bin_lines
    ]
    del unknown["from"]
    feature = spec.features[quality.column]
    return {
        "feature": feature.name,
        "in_words": description(feature),
        "bins": bins,
        "unknown": unknown,
    }


def _characteristic_from_json(data: JsonObject, spec: Spec) -> Characteristic:
    name = data["feature"]
    if name not in spec.names:
        raise ValueError(
            f"The points card has a quality of the feature '{name}', which is not among the "
            f"{len(spec.names)} features of the model. `lead-temperature features` lists them."
        )
    try:
        bins = [*data["bins"], data["unknown"]]
        return Characteristic(
            column=spec.names.index(name),
            edges=tuple(float(bin_data["from"]) for bin_data in data["bins"][1:]),
            points=tuple(bin_data["points"] for bin_data in bins),
            shares=tuple(float(bin_data["share"]) for bin_data in bins),
        )
    except (KeyError, TypeError, ValueError) as error:
        missing = isinstance(error, KeyError)
        problem = f"the key {error} is missing" if missing else str(error)
        raise ValueError(f"Quality '{name}' of the points card: {problem}") from error
