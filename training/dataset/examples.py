"""What a predictor learns from: features, outcomes, leads and weights of looks."""

from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows that something is learned from.

    Parameters
    ----------
    matrix : float64 array of shape (rows, features)
        Features of each row.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of the first lead of each row's person; evidence is counted in these, not in rows.
    weight : float64 array of shape (rows,)
        How many rows each stands for where a booster or a linear model is learned
        (`training.dataset.thinning`).
    """

    matrix: Float64
    converted: Bool
    lead: Int64
    weight: Float64

    @property
    def converting_leads(self) -> int:
        """How many leads convert at some of the rows."""
        return len(np.unique(self.lead[self.converted]))

    def among(self, rows: Bool | Int64) -> "Examples":
        """Some of the rows, chosen by a mask or by their places."""
        return Examples(self.matrix[rows], self.converted[rows], self.lead[rows], self.weight[rows])

    def with_weight(self) -> "Examples":
        """The rows that stand for all."""
        return self.among(self.weight > 0)
