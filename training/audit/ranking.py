"""How well one attribute or property alone ranks leads by their outcome.

The leak audit (`training.audit.findings`) asks this of every name. The values of a name are scored
on some leads and judged on others (cross-fitting over leads), and looks are compared only with
looks at leads of the same age at about the same time. Neither the age of a lead nor a drifting base
rate can then pass for knowledge. Intervals count leads, and they are wide enough for the dozens of
names that the audit examines at once.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64
from training.audit.timing import Z_999, LeadShare
from training.statistics.intervals import wilson_interval

PERIOD_LEADS = 200
"""Looks at leads of one age are compared within periods of this many consecutive looks."""
_FOLDS = 5
_PRIOR_ROWS = 10.0


@dataclass(frozen=True, slots=True)
class ComparableLooks:
    """Looks whose outcome is known, in cells of looks that may be compared.

    Parameters
    ----------
    lead, as_of : int64 arrays of shape (rows,)
        Index of the lead, and instant of the look in microseconds.
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    step : int64 array of shape (rows,)
        Position in the grid: 0 is the first look at a lead.
    fold, cell : int64 arrays of shape (rows,)
        Folds share no lead; all looks of a cell have the same fold, step and period.
    """

    lead: Int64
    as_of: Int64
    converted: Bool
    step: Int64
    fold: Int64
    cell: Int64

    def among(self, mask: Bool) -> "ComparableLooks":
        """Looks where the mask is true."""
        return ComparableLooks(
            lead=self.lead[mask],
            as_of=self.as_of[mask],
            converted=self.converted[mask],
            step=self.step[mask],
            fold=self.fold[mask],
            cell=self.cell[mask],
        )

    def across_ages_and_periods(self) -> "ComparableLooks":
        """The same looks, compared across all ages and periods."""
        return dataclasses.replace(self, cell=self.fold)


def comparable_looks(lead: Int64, as_of: Int64, age: Int64, converted: Bool) -> ComparableLooks:
    """Looks in cells of the same age and period.

    Parameters
    ----------
    lead, as_of, age : int64 arrays of shape (rows,)
        Index of the lead, instant in microseconds, and age of the lead in steps of any length.
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    """
    step = np.unique(age, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((as_of, step))
    first = np.searchsorted(step[order], step[order])
    period = np.empty(len(step), np.int64)
    period[order] = (np.arange(len(step)) - first) // PERIOD_LEADS
    leads = int(lead.max()) + 1 if len(lead) else 0
    fold = (np.random.default_rng(0).permutation(leads) % _FOLDS)[lead]
    periods = int(period.max()) + 1 if len(period) else 1
    return ComparableLooks(
        lead=lead,
        as_of=as_of,
        converted=converted,
        step=step,
        fold=fold,
        cell=(step * periods + period) * _FOLDS + fold,
    )


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well one attribute or property alone ranks leads by their outcome.

    Parameters
    ----------
    auc : float or None
        AUC within cells; None where no two looks can be compared.
    low, high : float
        99.9 % interval of the AUC; 0 and 1 where there is none.
    """

    auc: float | None
    low: float
    high: float


def ranking(looks: ComparableLooks, codes: Int64) -> Ranking:
    r"""Ranking of looks by a categorical value, scored on the leads of the other folds.

    The score of a value is the mean, over the other folds, of its conversions minus the rate of
    their cells, shrunk towards 0. Drift of the base rate therefore counts for nothing, and the
    values need no order. The AUC counts pairs within a cell only.

    Parameters
    ----------
    looks : ComparableLooks
        Looks with a known outcome.
    codes : int64 array of shape (rows,)
        Value of each look, as a number from 0 on.

    Notes
    -----
    The interval is Wilson's. Its number of trials is the number of leads with the rarer outcome,
    because

    .. math:: \operatorname{Var}(\widehat{AUC}) \le AUC (1 - AUC) / \min(n_1, n_0).

    References
    ----------
    Z. W. Birnbaum, O. M. Klose, *Bounds for the variance of the Mann-Whitney statistic*, Annals of
    Mathematical Statistics 28 (1957), doi:10.1214/aoms/1177706794.
    """
    if len(codes) == 0:
        return Ranking(None, 0.0, 1.0)
    _, cell = np.unique(looks.cell, return_inverse=True)
    rows = np.bincount(cell)
    positives = np.bincount(cell, weights=looks.converted)
    excess = looks.converted - (positives / rows)[cell]
    score = _scores_of_other_folds(looks.fold, codes, excess)
    informative = ((positives > 0) & (positives < rows))[cell]
    if not informative.any():
        return Ranking(None, 0.0, 1.0)
    auc = _auc_within(cell[informative], score[informative], looks.converted[informative])
    trials = min(
        len(np.unique(looks.lead[informative & (looks.converted == outcome)]))
        for outcome in (False, True)
    )
    return Ranking(auc, *wilson_interval(auc, trials, Z_999))


def _scores_of_other_folds(fold: Int64, codes: Int64, excess: Float64) -> Float64:
    table = np.zeros((2, _FOLDS, int(codes.max()) + 1))
    np.add.at(table[0], (fold, codes), excess)
    np.add.at(table[1], (fold, codes), 1.0)
    total, rows = table.sum(axis=1, keepdims=True) - table
    scores: Float64 = (total / (rows + _PRIOR_ROWS))[fold, codes]
    return scores


def _auc_within(cell: Int64, score: Float64, converted: Bool) -> float:
    """Share of pairs of a cell that the score puts in order, ties counting half."""
    _, level = np.unique(score, return_inverse=True)
    keys, group = np.unique(cell * (int(level.max()) + 1) + level, return_inverse=True)
    positives = np.bincount(group, weights=converted)
    negatives = np.bincount(group, weights=~converted)
    cell_of_group = keys // (int(level.max()) + 1)
    starts = np.searchsorted(cell_of_group, cell_of_group)
    below = np.concatenate([[0.0], np.cumsum(negatives)])
    ordered = positives * (below[:-1] - below[starts] + negatives / 2)
    pairs = np.bincount(cell, weights=converted) * np.bincount(cell, weights=~converted)
    return float(ordered.sum() / pairs.sum())


def surest_value(codes: Int64, converted: Bool, values: int) -> tuple[int, LeadShare]:
    """Value whose share of converted leads has the highest lower bound, and that share.

    Parameters
    ----------
    codes : int64 array of shape (leads,)
        Value of each lead, from 0 to ``values - 1``.
    converted : bool array of shape (leads,)
        Whether the lead converted.
    values : int
        Number of values.
    """
    leads = np.bincount(codes, minlength=values)
    positives = np.bincount(codes, weights=converted, minlength=values)
    shares = [LeadShare(int(k), int(n)) for k, n in zip(positives, leads, strict=True)]
    surest = max(range(len(shares)), key=lambda code: shares[code].low)
    return surest, shares[surest]
