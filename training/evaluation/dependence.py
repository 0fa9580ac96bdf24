"""How the probability depends on a signal: direction and shape, beside what really happened.

For each of the strongest signals, the feature of it that moves the probability most; its values in
a few bins of about equally many looks, with what was promised and what came of it in each. Values
of one lead go together with much else about it, so this is no effect of the value alone.

Tests: tests/training/evaluation/test_evidence.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from features.arrays import Bool, Float64
from features.language.kinds import AttributeCategory, Feature, LatestValue
from features.language.wording import description, signal
from models.bundle import Bundle
from models.explain import columns_by_signal
from models.predictors.predictor import contributions_of
from training.evaluation.outcomes import outcome_of
from training.statistics.figures import JudgedRows
from training.statistics.rates import Outcome

SIGNAL_BINS = 5
MOST_SIGNALS = 8
MOST_SHOWN_LEVELS = 8
Shape = Literal["rises", "falls", "peaks", "dips", "flat", "uneven", "levels"]
_FLAT = 0.15
"""A change by less than this part of the mean promise is none."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Looks of about one value.

    Parameters
    ----------
    low, high : float or None
        Least and greatest value; None for levels, and for looks without a value.
    level : str or None
        Of a category; None for numbers, and for looks without a value.
    outcome : Outcome
        Within the hot horizon.
    """

    low: float | None
    high: float | None
    level: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Dependence:
    """How the hot probability depends on one feature.

    Parameters
    ----------
    signal, feature : str
        In words.
    shape : {"rises", "falls", "peaks", "dips", "flat", "uneven", "levels"}
        Of the promise over the values; "levels" where these have no order.
    bins : tuple of Bin
        In the order of the values, looks without one last.
    """

    signal: str
    feature: str
    shape: Shape
    bins: tuple[Bin, ...]


Dependences: TypeAlias = tuple[Dependence, ...]


def dependences(
    bundle: Bundle,
    matrix: Float64,
    rows: JudgedRows,
    ranked: Sequence[str],
    max_signals: int = MOST_SIGNALS,
) -> Dependences:
    """How the hot probability depends on the signals that matter most, in their order.

    Parameters
    ----------
    bundle : Bundle
        The model.
    matrix : float64 array of shape (rows, features)
        Features of the rows of the test period.
    rows : JudgedRows
        Outcomes of the same rows within the hot horizon.
    ranked : sequence of str
        Signals, strongest first. Each is shown by its feature that moves the probability most.
    max_signals : int
        At most this many signals are shown, from 1 on.
    """
    if len(matrix) == 0:
        return ()
    probability = bundle.hot.probability(matrix, threads=1)
    _, contributions = contributions_of(bundle.hot.predictor, matrix[:1_000])
    mean_contribution = np.abs(contributions).mean(axis=0)
    columns = columns_by_signal(bundle.spec)
    curves = []
    for name in ranked[:max_signals]:
        column = max(columns[name], key=lambda index: mean_contribution[index])
        feature = bundle.spec.features[column]
        bins = tuple(_bins(feature, matrix[:, column], rows, probability))
        curves.append(Dependence(signal(feature), description(feature), shape_of(bins), bins))
    return tuple(curves)


def shape_of(bins: Sequence[Bin]) -> Shape:
    """Shape of the promise over bins in the order of their values.

    Parameters
    ----------
    bins : sequence of Bin
        Those without a value have no say.
    """
    if any(one.level is not None for one in bins):
        return "levels"
    outcomes = [one.outcome for one in bins if one.low is not None]
    promised = np.array([one.promised for one in outcomes], np.float64)
    if len(promised) < 2:
        return "flat"
    mean = np.average(promised, weights=[one.rows for one in outcomes])
    steps = np.diff(promised)
    steps = np.sign(steps[np.abs(steps) >= _FLAT * mean])
    turns = steps[np.append(True, np.diff(steps) != 0)] if len(steps) else steps
    match turns.tolist():
        case []:
            return "flat"
        case [direction]:
            return "rises" if direction > 0 else "falls"
        case [first, _]:
            return "peaks" if first > 0 else "dips"
        case _:
            return "uneven"


def _bins(
    feature: Feature, values: Float64, rows: JudgedRows, probability: Float64
) -> Iterator[Bin]:
    unknown = np.isnan(values)
    match feature:
        case AttributeCategory(_, levels) | LatestValue(_, _, levels):
            counts = np.bincount(values[~unknown].astype(np.int64), minlength=len(levels) + 1)
            codes = np.argsort(-counts, kind="stable")
            largest = [code for code in codes.tolist() if code < len(levels)][:MOST_SHOWN_LEVELS]
            for code in largest:
                if counts[code]:
                    in_bin = values == code
                    yield Bin(None, None, levels[code], _among(in_bin, rows, probability))
            # What the spec does not name, and what is too rare to stand alone: another one.
            other_levels = ~unknown & ~np.isin(values, largest)
            if other_levels.any():
                yield Bin(None, None, "", _among(other_levels, rows, probability))
        case _:
            known_values = values[~unknown]
            edges = (
                np.unique(np.quantile(known_values, np.arange(1, SIGNAL_BINS) / SIGNAL_BINS))
                if len(known_values)
                else known_values
            )
            bin_of_row = np.searchsorted(edges, values)
            for index in range(len(edges) + 1):
                in_bin = ~unknown & (bin_of_row == index)
                if in_bin.any():
                    ends = float(values[in_bin].min()), float(values[in_bin].max())
                    yield Bin(*ends, None, _among(in_bin, rows, probability))
    if unknown.any():
        yield Bin(None, None, None, _among(unknown, rows, probability))


def _among(mask: Bool, rows: JudgedRows, probability: Float64) -> Outcome:
    return outcome_of(rows.among(mask), probability[mask])
