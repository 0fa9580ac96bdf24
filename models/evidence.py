"""How much a predictor knows about a lead: little when it learned from few, less about strangers.

A calibrated probability holds on average over all leads of one margin, in the months that it was
learned from. Leads of another month, of one kind, of one channel or age differ from that. The
levels of months and of groups lie beside what is said of them: how far was measured on the user's
own data (`training.statistics.levels`), as a variance of log-odds. Leads with a level of an
attribute that few who converted had are known less well: what the predictor could not learn about
such a level falls with the number of conversions that had it. Leads that are outside of all that
was seen in fitting are off by more; that was measured by hiding from the predictor all leads of one
level or beyond one value.

Bundles of earlier versions do not know how far months differ. For them stands what was measured on
made-up CRMs: groups of leads are off as if each rested on one conversion in twelve, and by a little
more that no amount of data took away.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.json_values import JsonObject

CONVERSION_SHARE = 0.08
"""Of earlier versions: share of the conversions that the log-odds of a group of leads rest on."""
RESIDUAL_SD = 0.12
"""Of earlier versions: standard deviation of a group's log-odds that always remains."""
LEVEL_VARIANCE = 0.05
"""Variance of the log-odds of leads with a level that no conversion had; with n it is this, divided
by n + 1."""
UNSEEN_SD = 0.4
"""Standard deviation that a feature outside of all that was seen adds."""
MOST_UNSEEN = 4
"""Most unseen features that count: counts of the same thing go astray together."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a predictor was fitted on.

    Parameters
    ----------
    conversions : int
        Leads that converted.
    low, high : tuple of float
        What each feature's values lie between; NaN where none was ever known.
    missing : tuple of bool
        Whether each feature was missing for some lead.
    month_variance : float or None
        Variance of the log-odds by which months differ from what is said of them; None in bundles
        of earlier versions, which did not measure it.
    group_variance : float
        Variance by which groups of leads, of one score or attribute, differ beyond that.
    converted_by_level : mapping of int to tuple of int, optional
        For columns that hold levels: how many leads with each level converted, and last how many
        without any value.
    ranges : tuple of 3 arrays
        The three as arrays, made once for all scores.
    levels : tuple of 2 arrays
        Columns of `converted_by_level`, and their counts in rows of equal length, made once.

    Raises
    ------
    ValueError
        The number of conversions is negative, the three do not speak of the same features, the
        variance is no number from 0 on, or the counts are not of columns that there are.
    """

    conversions: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    missing: tuple[bool, ...]
    month_variance: float | None = None
    group_variance: float = 0.0
    converted_by_level: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    ranges: tuple[Float64, Float64, Bool] = field(init=False, repr=False, compare=False)
    levels: tuple[Int64, Int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.conversions < 0 or not len(self.low) == len(self.high) == len(self.missing):
            raise ValueError(
                "Evidence needs conversions >= 0 and low, high, missing for each feature, got "
                f"{self.conversions} conversions and {len(self.low)}, {len(self.high)}, "
                f"{len(self.missing)} features."
            )
        for name, variance in (("month", self.month_variance), ("group", self.group_variance)):
            if variance is not None and not 0 <= variance < math.inf:
                raise ValueError(f"Evidence needs a {name}_variance from 0 on, got {variance}.")
        for column, counts in self.converted_by_level.items():
            if not 0 <= column < len(self.low) or not counts or min(counts) < 0:
                raise ValueError(
                    "Evidence needs for each column of levels, from 0 to one less than there are "
                    f"features, counts from 0 on, got {list(counts)} for column {column} of "
                    f"{len(self.low)}."
                )
        arrays = np.array(self.low), np.array(self.high), np.array(self.missing, bool)
        object.__setattr__(self, "ranges", arrays)
        object.__setattr__(self, "levels", _padded(self.converted_by_level))

    def count_unseen(self, matrix: Float64) -> Int64:
        """How many features of each row of (rows, features) are unlike any seen, shape (rows,)."""
        return np.asarray(self.unlike(matrix).sum(axis=1), np.int64)

    def unlike(self, matrix: Float64) -> Bool:
        """Which values are unlike any seen, of the shape of the matrix, (rows, features).

        Parameters
        ----------
        matrix : float64 array of shape (rows, features)
            Features of leads.
        """
        low, high, missing = self.ranges
        return ~(((matrix >= low) & (matrix <= high)) | (np.isnan(matrix) & missing))

    def level_indices(self, matrix: Float64) -> list[Int64]:
        """Level of each row in each column of `converted_by_level`, a list of shape (rows,).

        Levels count from 0; levels beyond those that were counted are one, and so is no value:
        NaN, or a number below 0.
        """
        columns, counts = self.levels
        values, level_beyond = matrix[:, columns], counts.shape[1] - 2
        missing = ~(values >= 0)
        # The last place of the counts is for missing values, the one before it for levels beyond.
        level = np.clip(np.where(missing, level_beyond, values), 0, level_beyond) + missing
        return list(level.astype(np.int64).T)

    def fewest_converted(self, matrix: Float64) -> Int64:
        """Leads that converted with the rarest of each row's levels, shape (rows,).

        All that converted where no column holds levels; none with a level that was not counted.

        Examples
        --------
        >>> seen = Evidence(9, (0.0,), (1.0,), (True,), 0.01, 0.0, {0: (7, 2, 0)})
        >>> seen.fewest_converted(np.array([[0.0], [1.0], [np.nan], [5.0]])).tolist()
        [7, 2, 0, 0]
        """
        fewest = np.full(len(matrix), self.conversions, np.int64)
        for counts, level in zip(self.levels[1], self.level_indices(matrix), strict=True):
            fewest = np.minimum(fewest, counts[level])
        return fewest

    def variance(self, matrix: Float64) -> Float64:
        """Variance of the log-odds of leads like each row, shape (rows,)."""
        unseen = UNSEEN_SD**2 * np.minimum(self.count_unseen(matrix), MOST_UNSEEN)
        if self.month_variance is None:
            # One conversion more than there were: without any, little is known, but not nothing.
            return 1 / (CONVERSION_SHARE * (self.conversions + 1)) + RESIDUAL_SD**2 + unseen
        rarest = LEVEL_VARIANCE / (self.fewest_converted(matrix) + 1)
        return self.month_variance + self.group_variance + rarest + unseen

    def to_json(self) -> JsonObject:
        """As plain JSON values; what was never known is null, what was not measured is left out."""
        ranges: JsonObject = {
            "conversions": self.conversions,
            "low": [None if math.isnan(value) else value for value in self.low],
            "high": [None if math.isnan(value) else value for value in self.high],
            "missing": list(self.missing),
        }
        if self.month_variance is None:
            return ranges
        return {
            **ranges,
            "month_variance": self.month_variance,
            "group_variance": self.group_variance,
            "converted_by_level": {
                str(column): list(counts) for column, counts in self.converted_by_level.items()
            },
        }


def evidence_from_json(data: JsonObject) -> Evidence:
    """Evidence that was written by `Evidence.to_json`."""
    low, high = (
        tuple(math.nan if value is None else float(value) for value in data[name])
        for name in ("low", "high")
    )
    month_variance = data.get("month_variance")
    return Evidence(
        conversions=int(data["conversions"]),
        low=low,
        high=high,
        missing=tuple(map(bool, data["missing"])),
        month_variance=None if month_variance is None else float(month_variance),
        group_variance=float(data.get("group_variance", 0.0)),
        converted_by_level={
            int(column): tuple(map(int, counts))
            for column, counts in data.get("converted_by_level", {}).items()
        },
    )


def _padded(converted_by_level: Mapping[int, tuple[int, ...]]) -> tuple[Int64, Int64]:
    """Columns, and for each its counts, then zeros for levels beyond, then that of no value."""
    width = max(map(len, converted_by_level.values()), default=0) + 1
    rows = [
        [*counts[:-1], *[0] * (width - len(counts)), counts[-1]]
        for counts in converted_by_level.values()
    ]
    counts_by_column = np.array(rows, np.int64).reshape(len(rows), width)
    return np.array(list(converted_by_level), np.int64), counts_by_column
