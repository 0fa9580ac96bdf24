"""How much a predictor knows about a lead: little when it learned from few, less about strangers.

A calibrated probability holds on average over all leads of one margin. Leads of one kind, of one
channel or age, differ from that average by what the predictor could not learn from the conversions
it had. How much was measured on made-up CRMs of 2,500 to 50,000 leads whose true probabilities are
known: groups of leads are off as if each rested on one conversion in twelve, and by a little more
that no amount of data took away. Leads that are outside of all that was seen in fitting are off by
more; that was measured by hiding from the predictor all leads of one level or beyond one value.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.json_values import JsonObject

CONVERSION_SHARE = 0.08
"""Share of the conversions that the log-odds of a group of leads rest on."""
RESIDUAL_SD = 0.12
"""Standard deviation of a group's log-odds that remains with any number of conversions."""
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
    ranges : tuple of 3 arrays
        The three as arrays, made once for all scores.

    Raises
    ------
    ValueError
        The number of conversions is negative, or the three do not speak of the same features.
    """

    conversions: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    missing: tuple[bool, ...]
    ranges: tuple[Float64, Float64, Bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.conversions < 0 or not len(self.low) == len(self.high) == len(self.missing):
            raise ValueError(
                "Evidence needs conversions >= 0 and low, high, missing for each feature, got "
                f"{self.conversions} conversions and {len(self.low)}, {len(self.high)}, "
                f"{len(self.missing)} features."
            )
        arrays = np.array(self.low), np.array(self.high), np.array(self.missing, bool)
        object.__setattr__(self, "ranges", arrays)

    def count_unseen(self, matrix: Float64) -> Int64:
        """How many features of each row of (rows, features) are unlike any seen, shape (rows,)."""
        low, high, missing = self.ranges
        like = ((matrix >= low) & (matrix <= high)) | (np.isnan(matrix) & missing)
        return np.asarray(matrix.shape[1] - like.sum(axis=1), np.int64)

    def variance(self, matrix: Float64) -> Float64:
        """Variance of the log-odds of leads like each row, shape (rows,)."""
        unseen = np.minimum(self.count_unseen(matrix), MOST_UNSEEN)
        # One conversion more than there were: without any, little is known, but not nothing.
        for_seen_leads = 1 / (CONVERSION_SHARE * (self.conversions + 1)) + RESIDUAL_SD**2
        return for_seen_leads + UNSEEN_SD**2 * unseen

    def to_json(self) -> JsonObject:
        """As plain JSON values; what was never known is null."""
        return {
            "conversions": self.conversions,
            "low": [None if math.isnan(value) else value for value in self.low],
            "high": [None if math.isnan(value) else value for value in self.high],
            "missing": list(self.missing),
        }


def evidence_from_json(data: JsonObject) -> Evidence:
    """Evidence that was written by `Evidence.to_json`."""
    low, high = (
        tuple(math.nan if value is None else float(value) for value in data[name])
        for name in ("low", "high")
    )
    return Evidence(int(data["conversions"]), low, high, tuple(map(bool, data["missing"])))
