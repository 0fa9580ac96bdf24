"""How well a single value ranks leads by their outcome, and how sure the surest value is.

A value is judged on leads that its ranking was not learned from, and only against leads of the same
age at about the same time, so that neither the age of a lead nor a drifting base rate passes for
knowledge. Intervals count leads, and are wide enough for the dozens of names that the leak audit
(`training.audit.findings`) asks about at once.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64
from training.audit.timing import LeadShare, Z
from training.statistics.intervals import wilson_interval

PERIOD_LEADS = 200
"""Looks at leads of one age are compared within runs of so many that follow in time."""
_FOLDS = 5
_PRIOR_ROWS = 10.0


@dataclass(frozen=True, slots=True)
class ComparableLooks:
    """Looks whose outcome is known, in cells of looks that may be compared.

    Parameters
    ----------
    lead, as_of : int64 arrays of shape (rows,)
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    step : int64 array of shape (rows,)
        Position in the grid: 0 is the first look at a lead.
    fold, cell : int64 arrays of shape (rows,)
        Folds share no lead; a cell has one fold, one step and one period.
    """

    lead: Int64
    as_of: Int64
    converted: Bool
    step: Int64
    fold: Int64
    cell: Int64

    def among(self, chosen: Bool) -> "ComparableLooks":
        """The chosen looks alone."""
        return ComparableLooks(
            self.lead[chosen],
            self.as_of[chosen],
            self.converted[chosen],
            self.step[chosen],
            self.fold[chosen],
            self.cell[chosen],
        )

    def across_ages_and_periods(self) -> "ComparableLooks":
        """The same looks, compared across all ages and periods."""
        return ComparableLooks(
            self.lead, self.as_of, self.converted, self.step, self.fold, self.fold
        )


def comparable_looks(lead: Int64, as_of: Int64, age: Int64, converted: Bool) -> ComparableLooks:
    """Looks in comparable cells.

    Parameters
    ----------
    lead, as_of, age : int64 arrays of shape (rows,)
        Index of the lead, instant, and age of the lead in steps of any length.
    converted : bool array of shape (rows,)
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
        lead, as_of, converted, step, fold, (step * periods + period) * _FOLDS + fold
    )


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a value alone ranks leads by their outcome.

    Parameters
    ----------
    auc : float or None
        None where no two looks can be compared.
    low, high : float
        Interval; 0 and 1 where there is no AUC.
    """

    auc: float | None
    low: float
    high: float


def ranking(looks: ComparableLooks, codes: Int64) -> Ranking:
    r"""Ranking by a coded value, each look judged by what the other folds' leads say of its value.

    A value's score is the mean excess of its conversions over those of its cells, drawn towards
    none; so drift of the base rate is no knowledge, and an order need not be known. The AUC counts
    pairs within a cell only.

    Parameters
    ----------
    looks : ComparableLooks
    codes : int64 array of shape (rows,)
        The value of each look, 0 or more.

    Notes
    -----
    The interval is Wilson's for as many trials as the rarer outcome has leads, because

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
    return Ranking(auc, *wilson_interval(auc, trials, Z))


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
    place = keys // (int(level.max()) + 1)  # the cell of each group
    starts = np.searchsorted(place, place)
    below = np.concatenate([[0.0], np.cumsum(negatives)])
    ordered = positives * (below[:-1] - below[starts] + negatives / 2)
    pairs = np.bincount(cell, weights=converted) * np.bincount(cell, weights=~converted)
    return float(ordered.sum() / pairs.sum())


def surest_value(codes: Int64, converted: Bool, values: int) -> tuple[int, LeadShare]:
    """Value, of so many, after which conversion is most certain by the low end of its interval."""
    leads = np.bincount(codes, minlength=values)
    positives = np.bincount(codes, weights=converted, minlength=values)
    shares = [LeadShare(int(k), int(n)) for k, n in zip(positives, leads, strict=True)]
    best = max(range(len(shares)), key=lambda code: shares[code].low)
    return best, shares[best]
