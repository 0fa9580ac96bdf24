r"""Whether a value was written because of the outcome, by a third witness: the timed history.

What a lead did in its first week carries times, so it cannot know the outcome. Let *y* say whether
the lead converted, *z* what the first week says of that, and *s* what the value says, both scored
on other leads and free of drift. Then

.. math:: \kappa = \frac{\operatorname{cov}(s, z)}{p (1 - p) \, \Delta_s \Delta_z},

where *p* is the share that converted and Δ the mean of the converted minus that of the others.

- A value that was written **because of the outcome** says nothing of the history beyond what the
  outcome says of it: given *y*, *s* and *z* are independent, so κ = 1.
- An honest value of **common cause** with the history, such as the warmth of a lead, goes with it
  more than through the outcome alone: κ is well above 1. If the history says nothing beyond the
  value, κ = 1 / corr(s, y)².
- An honest value of **independent cause**, such as a rule of the firm, does not go with the
  history: κ is near 0.

Honest values can lie near 1 too: those of mixed causes, and any value where a lead's fate is sealed
at its creation and the history tells nothing but that fate. The triangle alone therefore clears a
value and never accuses one; `training.audit.overwriting` must agree. Leads that ended in their
first week are left out, because the outcome cut their history short.

References
----------
A. P. Dawid, *Conditional independence in statistical theory*, JRSS B 41 (1979),
doi:10.1111/j.2517-6161.1979.tb01052.x.
V. Chernozhukov et al., *Double/debiased machine learning for treatment and structural parameters*,
Econometrics Journal 21 (2018), doi:10.1111/ectj.12097: cross-fitting.
A. W. van der Vaart, *Asymptotic Statistics*, Cambridge (1998), chapter 3: the delta method.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.arrays import Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY, when_known
from features.spine import microseconds
from features.tables import Tables
from training.audit.timing import Z_999
from training.dataset.lives import SAME_MOMENT, Lives, lead_index
from training.dataset.snapshots import is_mature
from training.dataset.values import encode_values
from training.statistics.intervals import Z_95

HISTORY_DAYS = 7
"""Length of the history that is the witness, from creation on."""
INDEPENDENT = 0.5
"""A suspect's interval lies above it: halfway from 0, an independent cause, to 1."""
COMMON = 2.0
"""A suspect's interval lies below it; honest values of common cause lie well above 1."""
LEAST_CONVERSIONS = 100
"""Converted leads with a first week that the delta method needs."""
_FOLDS = 5
_PERIOD_LEADS = 200
_RIDGE = 30.0
_PRIOR_LEADS = 10.0
_LEAST_LEADS_WITH_WORD = 20

Cause = Literal["outcome", "other", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Witness:
    """What the first week says of the outcome, of the leads that it can be asked about.

    Parameters
    ----------
    lead : int64 array of shape (rows,)
        Index of each lead in the export.
    fold : int64 array of shape (leads,)
        Fold of each lead of the export.
    period : int64 array of shape (rows,)
        Period of each lead's creation.
    outcome, history : float arrays of shape (rows,)
        Whether the lead converted, and what the other folds' model says of that by its first week;
        both minus the mean of their period.
    conversions : int
        Number of converted leads among them.
    """

    lead: Int64
    fold: Int64
    period: Int64
    outcome: Float64
    history: Float64
    conversions: int

    @property
    def speaks(self) -> bool:
        """Whether the history foretells the outcome, beyond chance."""
        products = self.outcome * self.history
        return bool(products.mean() > Z_999 * _standard_error(products))


@dataclass(frozen=True, slots=True)
class Triangle:
    """Whether a value goes with the history as one that the outcome wrote would.

    Parameters
    ----------
    cause : {"outcome", "other", "none", "unknown"}
        Written because of the outcome, by the interval of κ; surely not so; the value does not
        foretell the outcome; it cannot be told.
    kappa, low, high : float or None
        κ with its 95 % interval; None where there is none.
    correlation : float or None
        Correlation of the value's score with the outcome; None where too few leads converted.
    """

    cause: Cause
    kappa: float | None
    low: float | None
    high: float | None
    correlation: float | None


def witness(tables: Tables, lives: Lives, days: int) -> Witness:
    """The first week's history of leads whose outcome is known.

    Parameters
    ----------
    tables : Tables
        The export.
    lives : Lives
        When its leads were created and ended.
    days : int
        Leads younger than that at the export's end are left out; so are open leads, where at
        least as many leads were lost as converted.
    """
    week = HISTORY_DAYS * MICROSECONDS_PER_DAY
    mature = is_mature(lives.created_at, days, lives.data_end)
    eligible = mature & (~lives.ended | (lives.ended_at > lives.created_at + week))
    lost = lives.ended & ~lives.won
    if (eligible & lost).sum() >= (eligible & lives.won).sum():
        eligible &= lives.ended
    lead = np.flatnonzero(eligible)
    if len(lead) == 0:
        return Witness(lead, np.zeros(len(eligible), np.int64), lead, np.zeros(0), np.zeros(0), 0)
    rank = np.argsort(np.argsort(lives.created_at[lead], kind="stable"), kind="stable")
    period = rank // _PERIOD_LEADS
    fold = np.random.default_rng(0).permutation(len(eligible)) % _FOLDS
    outcome = _minus_mean(lives.won[lead].astype(np.float64), period)
    history = _cross_fitted(_first_week(tables, lives)[lead], outcome, fold[lead])
    return Witness(
        lead=lead,
        fold=fold,
        period=period,
        outcome=outcome,
        history=_minus_mean(history, period),
        conversions=int(lives.won[lead].sum()),
    )


def scores_of_values(third: Witness, codes: Int64) -> Float64:
    """Mean outcome of each lead's value in the other folds, drawn to 0, of shape (leads,).

    Parameters
    ----------
    third : Witness
        Its leads have a known outcome; no other lead counts.
    codes : int64 array of shape (leads,)
        Value of each lead of the export, as a number from 0 on.
    """
    sums = np.zeros((2, _FOLDS, int(codes.max(initial=0)) + 1))
    learned = (third.fold[third.lead], codes[third.lead])
    np.add.at(sums[0], learned, third.outcome)
    np.add.at(sums[1], learned, 1.0)
    total, rows = sums.sum(axis=1, keepdims=True) - sums
    scores: Float64 = (total / (rows + _PRIOR_LEADS))[third.fold, codes]
    return scores


def triangle(third: Witness, scores: Float64) -> Triangle:
    """Whether the outcome wrote a value, by what the first week says.

    Parameters
    ----------
    third : Witness
        What the first week says.
    scores : float array of shape (leads,)
        What the value says of the outcome, by `scores_of_values`.
    """
    if third.conversions < LEAST_CONVERSIONS:
        return Triangle("unknown", None, None, None, None)
    value = _minus_mean(scores[third.lead], third.period)
    of_value = value * third.outcome
    spread = value.std() * third.outcome.std()
    correlation = float(of_value.mean() / spread) if spread > 0 else 0.0
    if of_value.mean() <= Z_999 * _standard_error(of_value):
        return Triangle("none", None, None, None, correlation)
    if not third.speaks:
        return Triangle("unknown", None, None, None, correlation)
    kappa, error = _kappa(value, third.history, third.outcome)
    low, high = kappa - Z_95 * error, kappa + Z_95 * error
    cause: Cause = "unknown"
    if low > INDEPENDENT and high < COMMON:
        cause = "outcome"
    elif low > 1 or high < 1:
        cause = "other"
    return Triangle(cause, kappa, low, high, correlation)


def _kappa(value: Float64, history: Float64, outcome: Float64) -> tuple[float, float]:
    """κ of centred arrays and its standard error by the delta method.

    With centred *y*, p (1 − p) Δs Δz = cov(s, y) cov(z, y) / var(y).
    """
    products = (value * history, outcome * outcome, value * outcome, history * outcome)
    together, variance, of_value, of_history = (product.mean() for product in products)
    kappa = together * variance / (of_value * of_history)
    slopes = (
        variance / (of_value * of_history),
        together / (of_value * of_history),
        -kappa / of_value,
        -kappa / of_history,
    )
    influence = sum(
        slope * (product - product.mean()) for slope, product in zip(slopes, products, strict=True)
    )
    return float(kappa), _standard_error(np.asarray(influence))


def _first_week(tables: Tables, lives: Lives) -> Float64:
    """Counts of each word of the first week's interactions, of shape (leads, columns).

    What was recorded at creation is left out: it may be what is judged.
    """
    events, leads = tables.interactions, len(lives.created_at)
    lead = lead_index(tables, events["lead_id"])
    known_at = when_known(microseconds(events["occurred_at"]), microseconds(events["recorded_at"]))
    age = known_at - lives.created_at[lead]
    within = (age > SAME_MOMENT) & (age < HISTORY_DAYS * MICROSECONDS_PER_DAY)
    latest = np.zeros(leads)
    np.maximum.at(latest, lead[within], age[within] / MICROSECONDS_PER_DAY)
    columns = [latest, *_counts(lead[within], leads)]
    for field in ("kind", "outcome", "channel", "direction"):
        words = encode_values(events[field], "category", lives.created_at[lead])
        for code in range(words.missing):
            columns += _counts(lead[within & (words.codes == code)], leads)
    return np.column_stack(columns)


def _counts(lead: Int64, leads: int) -> list[Float64]:
    """Logarithm of each lead's number of rows, and whether there is one; none if that is rare."""
    counts = np.bincount(lead, minlength=leads)
    if (counts > 0).sum() < _LEAST_LEADS_WITH_WORD:
        return []
    return [np.log1p(counts), (counts > 0).astype(np.float64)]


def _cross_fitted(matrix: Float64, outcome: Float64, fold: Int64) -> Float64:
    """Prediction of each row by a ridge regression on the other folds."""
    scale = matrix.std(axis=0)
    standard = (matrix - matrix.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    prediction = np.zeros(len(outcome))
    penalty = _RIDGE * np.eye(matrix.shape[1])
    for left_out in range(_FOLDS):
        other_folds = standard[fold != left_out]
        weights = np.linalg.solve(
            other_folds.T @ other_folds + penalty, other_folds.T @ outcome[fold != left_out]
        )
        prediction[fold == left_out] = standard[fold == left_out] @ weights
    return prediction


def _minus_mean(values: Float64, group: Int64) -> Float64:
    rows = np.bincount(group)
    centred: Float64 = values - (np.bincount(group, weights=values) / np.maximum(rows, 1))[group]
    return centred


def _standard_error(values: Float64) -> float:
    return float(values.std() / np.sqrt(max(len(values), 1)))
