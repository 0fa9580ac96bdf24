"""Who finds the buyers sooner: gains of the model and of simpler ways to put leads in order.

All looks of the test period stand in a line, the likeliest first; a curve says which part of those
that a purchase followed stands within each first part of the line. Looks with the same probability
share one place in the line. Beside it, month by month, what was promised and what happened.

Tests: tests/training/evaluation/test_evidence.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from features.arrays import Bool, Float64, Int64
from training.evaluation.outcomes import outcome_of
from training.statistics.figures import JudgedRows
from training.statistics.paired import REPLICATES, lead_resamples
from training.statistics.rates import Outcome, RateEstimate

SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
EARLY = 0.1
"""The first tenth of the line is what a team has time for; its gain has an interval."""
COMPARED_BASELINES = ("points card", "newest first")
LEAST_BUYERS = 10
"""Leads that must have bought before it is told how soon they are found."""


@dataclass(frozen=True, slots=True)
class Gain:
    """One way to put looks in order, and the buyers that it finds early.

    Parameters
    ----------
    name : str
        Empty for the model, else the baseline's.
    found : tuple of float
        Part of the looks that bought within the first of each of `SHARES`.
    early : RateEstimate
        The part within the first `EARLY`, with its 95 % interval by the bootstrap over leads.
    """

    name: str
    found: tuple[float, ...]
    early: RateEstimate


@dataclass(frozen=True, slots=True)
class Month:
    """The looks of one month.

    Parameters
    ----------
    month : str
        Such as "2025-03", UTC.
    outcome : Outcome
        What was promised of the looks and what happened.
    """

    month: str
    outcome: Outcome


Gains: TypeAlias = tuple[Gain, ...]
Months: TypeAlias = tuple[Month, ...]


def gains(
    rows: JudgedRows, probability: Float64, baselines: Mapping[str, Float64], seed: int
) -> Gains:
    """Gains of the model and of `COMPARED_BASELINES`; none where too few looks bought.

    Parameters
    ----------
    rows : JudgedRows
        Outcomes of the test rows.
    probability : float64 array of shape (rows,)
        The model's probabilities of the same rows.
    baselines : mapping of str to float64 array of shape (rows,)
        Probabilities by the baseline's name.
    seed : int
        Seed of the bootstrap over leads.
    """
    if len(np.unique(rows.lead[rows.converted])) < LEAST_BUYERS:
        return ()
    compared = {name: baselines[name] for name in COMPARED_BASELINES if name in baselines}
    unit_weights = np.ones(len(probability))
    gain_curves = []
    for name, guess in {"": probability, **compared}.items():
        curve = _curve(rows.converted, guess)
        early_replicates = [
            curve(weight, (EARLY,))[0]
            for weight in lead_resamples(rows.lead, REPLICATES, seed)
            if weight @ rows.converted > 0
        ]
        low, high = np.quantile(early_replicates, [0.025, 0.975]).tolist()
        early_share = curve(unit_weights, (EARLY,))[0]
        early_rate = RateEstimate(early_share, min(low, early_share), max(high, early_share))
        gain_curves.append(Gain(name, tuple(curve(unit_weights, SHARES)), early_rate))
    return tuple(gain_curves)


def by_month(rows: JudgedRows, probability: Float64, as_of: Int64) -> Months:
    """Promised against happened in each month of the test period, earliest first.

    Parameters
    ----------
    rows : JudgedRows
        Outcomes of the test rows.
    probability : float64 array of shape (rows,)
        The model's probabilities of the same rows.
    as_of : int64 array of shape (rows,)
        Instant of each row, in microseconds since 1970.
    """
    month_of_row = as_of.astype("datetime64[us]").astype("datetime64[M]")
    return tuple(
        Month(
            str(month),
            outcome_of(rows.among(month_of_row == month), probability[month_of_row == month]),
        )
        for month in np.unique(month_of_row)
    )


def _curve(
    converted: Bool, probability: Float64
) -> Callable[[Float64, tuple[float, ...]], list[float]]:
    """Part of the buyers within the first shares of the line, for looks of any weights."""
    _, position = np.unique(-probability, return_inverse=True)
    positions = int(position.max()) + 1

    def share_of_buyers(weight: Float64, shares: tuple[float, ...]) -> list[float]:
        looks = np.bincount(position, weight, positions).cumsum()
        buyers = np.bincount(position, weight * converted, positions).cumsum()
        line = np.append(0.0, looks / looks[-1])
        return [float(one) for one in np.interp(shares, line, np.append(0, buyers / buyers[-1]))]

    return share_of_buyers
