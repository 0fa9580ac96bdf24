"""Reasons: how each signal moved one lead's probability, in points that add up.

Exact TreeSHAP (`models.predictors.tree_shares`) splits the margin into one contribution per
feature; on a points card they are its points beyond the average look's. The way from margin to
probability is one increasing curve, and walking it from the average lead to this one shares the
change of probability among the features in proportion to their contributions (integrated gradients
along the straight path). So the points add up: base + all contributions = the served probability.
Features that look at the same thing are one reason.

References
----------
S. Lundberg et al., *From local explanations to global understanding with explainable AI for trees*,
Nature Machine Intelligence 2 (2020), doi:10.1038/s42256-019-0138-9.
M. Sundararajan, A. Taly, Q. Yan, *Axiomatic attribution for deep networks*, ICML (2017).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Float64
from features.language.spec import Spec
from features.language.wording import in_words, signal
from models.bundle import Bundle
from models.horizon import HorizonModel
from models.predictors.predictor import contributions_of


@dataclass(frozen=True, slots=True)
class Reason:
    """One signal's share in a probability.

    Parameters
    ----------
    signal : str
        What was looked at, in words; empty for all the rest.
    points : float
        Percentage points by which it moved the probability.
    text : str
        The lead's own value of the signal's strongest feature, in words.
    """

    signal: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class SignalChange:
    """One signal's share in the change of a probability.

    Parameters
    ----------
    signal : str
        What was looked at, in words; empty for all the rest.
    points : float
        Percentage points by which it moved the probability from then to now.
    earlier_text, text : str
        The lead's values of the feature that moved the most, then and now, in words.
    """

    signal: str
    points: float
    earlier_text: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one lead has its hot probability.

    Parameters
    ----------
    base_probability : float
        Probability at the average margin of the training rows: where the reasons start.
    probability : float
        The served hot probability.
    reasons : tuple of Reason
        Strongest first, closed by "all the rest" where some were left out. Their points add up to
        ``100 * (probability - base_probability)``.
    """

    base_probability: float
    probability: float
    reasons: tuple[Reason, ...]


def explanations(
    bundle: Bundle,
    matrix: Float64,
    max_signals: int = 3,
    columns: Mapping[str, Sequence[int]] | None = None,
    probability: Float64 | None = None,
) -> list[Explanation]:
    """Why leads have their hot probabilities, in their order.

    Parameters
    ----------
    bundle : Bundle
        The model that gave the probabilities.
    matrix : float64 array of shape (leads, features)
        The leads' features.
    max_signals : int
        How many signals to name for each; the others are summed up.
    columns : mapping of signal to columns, optional
        `columns_by_signal` of the bundle's spec, where it was worked out before.
    probability : float64 array of shape (leads,), optional
        Their hot probabilities, where they were worked out before.

    Returns
    -------
    list of Explanation
        Each has the bits it would have alone.
    """
    if len(matrix) == 0:
        return []
    columns = columns_by_signal(bundle.spec) if columns is None else columns
    matrix = np.ascontiguousarray(matrix)
    base, points = _points(bundle.hot, matrix)
    strongest = _strongest(points, columns, max_signals)
    served = bundle.hot.probability(matrix) if probability is None else probability
    return [
        Explanation(
            base,
            reached,
            _reasons(
                bundle.spec, row, row_points, 100 * (reached - base), strongest_signals, columns
            ),
        )
        for row, row_points, strongest_signals, reached in zip(
            matrix, points.tolist(), strongest, served.tolist(), strict=True
        )
    ]


def explanation(bundle: Bundle, row: Float64, max_signals: int = 3) -> Explanation:
    """Why one lead has its hot probability; `row` has shape (features,)."""
    return explanations(bundle, row.reshape(1, -1), max_signals)[0]


def signal_points(bundle: Bundle, matrix: Float64) -> dict[str, Float64]:
    """Percentage points by which each signal moved each row's hot probability.

    Parameters
    ----------
    bundle : Bundle
        The model that gave the probabilities.
    matrix : float64 array of shape (rows, features)
        Features of leads at instants.

    Returns
    -------
    dict of str to float64 array of shape (rows,)
    """
    _, points = _points(bundle.hot, matrix)
    return {
        name: points[:, own_columns].sum(axis=1)
        for name, own_columns in columns_by_signal(bundle.spec).items()
    }


def signal_changes(
    bundle: Bundle,
    matrix: Float64,
    probability: Float64,
    max_signals: int = 3,
    columns: Mapping[str, Sequence[int]] | None = None,
) -> tuple[SignalChange, ...]:
    """What moved one lead's hot probability from one look to a later one.

    Parameters
    ----------
    bundle : Bundle
        The model that gave the probabilities.
    matrix : float64 array of shape (2, features)
        The lead's features then and now.
    probability : float64 array of shape (2,)
        Its hot probabilities.
    max_signals : int
        How many signals to name; the others are summed up.
    columns : mapping of signal to columns, optional
        `columns_by_signal` of the bundle's spec, where it was worked out before.

    Returns
    -------
    tuple of SignalChange
        Strongest first, closed by "all the rest" where some were left out. Their points add up to
        100 times the difference of the two probabilities.
    """
    columns = columns_by_signal(bundle.spec) if columns is None else columns
    _, (earlier_points, points) = _points(bundle.hot, matrix)
    moved_points, difference = points - earlier_points, 100 * float(probability[1] - probability[0])
    (strongest,) = _strongest(moved_points[None], columns, max_signals)
    point_list = moved_points.tolist()
    changes = []
    for reason in _reasons(bundle.spec, matrix[1], point_list, difference, strongest, columns):
        earlier_text = (
            _value_in_words(bundle.spec, matrix[0], point_list, columns, reason.signal)
            if reason.signal in columns
            else ""
        )
        changes.append(SignalChange(reason.signal, reason.points, earlier_text, reason.text))
    return tuple(changes)


def columns_by_signal(spec: Spec) -> dict[str, list[int]]:
    """Columns of the feature matrix that look at each signal."""
    columns: dict[str, list[int]] = {}
    for column, feature in enumerate(spec.features):
        columns.setdefault(signal(feature), []).append(column)
    return columns


def _strongest(
    points: Float64, columns: Mapping[str, Sequence[int]], max_signals: int
) -> list[list[str]]:
    """Signals that moved each row of (rows, features) the most, strongest first."""
    names, columns_of = list(columns), list(columns.values())
    begins = np.cumsum([0, *map(len, columns_of[:-1])])
    totals = np.add.reduceat(points[:, np.concatenate(columns_of)], begins, axis=1)
    order = np.argsort(-np.abs(totals), axis=1, kind="stable")[:, :max_signals]
    return [[names[place] for place in row] for row in order.tolist()]


def _reasons(
    spec: Spec,
    row: Float64,
    points: Sequence[float],
    total_points: float,
    signals: Sequence[str],
    columns: Mapping[str, Sequence[int]],
) -> tuple[Reason, ...]:
    """The named signals of one row, and the rest of the points by which it was moved."""
    reasons = []
    for name in signals:
        exact = math.fsum(points[i] for i in columns[name])
        if exact:
            reasons.append(Reason(name, exact, _value_in_words(spec, row, points, columns, name)))
    if len(reasons) < len(columns):
        remaining_points = total_points - math.fsum(reason.points for reason in reasons)
        reasons.append(Reason("", remaining_points, "all the rest"))
    return tuple(reasons)


def _value_in_words(
    spec: Spec,
    row: Float64,
    points: Sequence[float],
    columns: Mapping[str, Sequence[int]],
    name: str,
) -> str:
    """The row's value of that of a signal's columns which moved the most, in words."""
    strongest = max(columns[name], key=lambda i: abs(points[i]))
    return in_words(spec.features[strongest], float(row[strongest]), name)


def _points(horizon: HorizonModel, matrix: Float64) -> tuple[float, Float64]:
    """Base probability, and percentage points of each feature in each row."""
    average, contributions = contributions_of(horizon.predictor, matrix)
    margin_change = contributions.sum(axis=1)
    base = horizon.calibration.probability(np.array([average]))
    reached = horizon.calibration.probability(average + margin_change)
    # Contributions that cancel leave the probability where it was; there the slope is the limit.
    is_unmoved = np.abs(margin_change) < 1e-9
    slope = np.where(
        is_unmoved, base * (1 - base), (reached - base) / np.where(is_unmoved, 1.0, margin_change)
    )
    return float(base[0]), 100 * slope[:, None] * contributions
