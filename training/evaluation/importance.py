"""Which signals matter: what the model loses on the test period when it cannot see one.

All features of a signal are shuffled together between rows, so that the model cannot read the same
thing in another window; how much the log loss rises says how much it relied on the signal. This is
association in the data at hand, never a cause.

Tests: tests/training/evaluation/test_evidence.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import log_loss

from features.arrays import Bool, Float64
from features.language.wording import family
from features.progress import StepProgress, no_step_progress
from models.bundle import Bundle
from models.explain import columns_by_signal, signal_points

MOST_TEST_ROWS = 5_000
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Importance:
    """How much the hot probability relies on one signal.

    Parameters
    ----------
    signal : str
        In words.
    log_loss_increase, spread : float
        Mean and standard deviation, over shufflings, of the rise in log loss.
    mean_points : float
        Mean absolute percentage points by which it moves a probability.
    """

    signal: str
    log_loss_increase: float
    spread: float
    mean_points: float


@dataclass(frozen=True, slots=True)
class FamilyImportance:
    """How much the hot probability relies on one side of the lead.

    Parameters
    ----------
    family : str
        As `features.language.wording.family` has it.
    log_loss_increase, spread : float
        As in `Importance`, all features of the family shuffled together.
    """

    family: str
    log_loss_increase: float
    spread: float


def importance(
    bundle: Bundle,
    matrix: Float64,
    converted: Bool,
    seed: int,
    report_progress: StepProgress = no_step_progress,
) -> list[Importance]:
    """Importance of each signal for the hot horizon, strongest first.

    Parameters
    ----------
    bundle : Bundle
        The model.
    matrix : float64 array of shape (rows, features)
        Features of the test rows; if there are more, `MOST_TEST_ROWS` of them are drawn.
    converted : bool array of shape (rows,)
        Whether a conversion followed each row within the hot horizon.
    seed : int
        Seed of the draw and of the shuffling.
    report_progress : callable, optional
        Called with the number of signals that are done and their total.

    References
    ----------
    L. Breiman, *Random forests*, Machine Learning 45 (2001), doi:10.1023/A:1010933404324.
    """
    if len(matrix) == 0:
        return []
    random = np.random.default_rng(seed)
    matrix, converted = _sampled_rows(matrix, converted, random)
    columns = columns_by_signal(bundle.spec)
    points = signal_points(bundle, matrix[:1_000])
    rise_by_signal = rises(
        _loss_of(bundle, converted), matrix, columns, random, report_progress=report_progress
    )
    importances = [
        Importance(
            name,
            *rise_by_signal[name],
            mean_points=float(np.abs(points[name]).mean()),
        )
        for name in columns
    ]
    return sorted(importances, key=lambda one: (-one.log_loss_increase, one.signal))


def family_importance(
    bundle: Bundle, matrix: Float64, converted: Bool, seed: int
) -> list[FamilyImportance]:
    """Importance of each family of signals for the hot horizon, strongest first; see `importance`.

    Parameters
    ----------
    bundle : Bundle
        The model.
    matrix : float64 array of shape (rows, features)
        Features of the test rows; if there are more, `MOST_TEST_ROWS` of them are drawn.
    converted : bool array of shape (rows,)
        Whether a conversion followed each row within the hot horizon.
    seed : int
        Seed of the draw and of the shuffling.
    """
    if len(matrix) == 0:
        return []
    random = np.random.default_rng(seed)
    matrix, converted = _sampled_rows(matrix, converted, random)
    columns: dict[str, list[int]] = {}
    for column, feature in enumerate(bundle.spec.features):
        columns.setdefault(family(feature), []).append(column)
    rise_by_family = rises(_loss_of(bundle, converted), matrix, columns, random)
    importances = [FamilyImportance(name, *rise) for name, rise in rise_by_family.items()]
    return sorted(importances, key=lambda one: (-one.log_loss_increase, one.family))


def _sampled_rows(
    matrix: Float64, converted: Bool, random: np.random.Generator
) -> tuple[Float64, Bool]:
    if len(matrix) <= MOST_TEST_ROWS:
        return matrix, converted
    sample = random.choice(len(matrix), MOST_TEST_ROWS, replace=False)
    return matrix[sample], converted[sample]


def rises(
    loss: Callable[[Float64], float],
    matrix: Float64,
    columns: Mapping[str, Sequence[int]],
    random: np.random.Generator,
    repeats: int = REPEATS,
    report_progress: StepProgress = no_step_progress,
) -> dict[str, tuple[float, float]]:
    """Mean and spread of the rise in a loss when columns are shuffled together, by name.

    Parameters
    ----------
    loss : callable
        Loss of a matrix of the same shape as `matrix`.
    matrix : float64 array of shape (rows, features)
        Features of the test rows.
    columns : mapping of str to sequence of int
        Columns that are shuffled together, by the name of their group.
    random : numpy.random.Generator
        Draws the permutations.
    repeats : int
        How often each group is shuffled, from 1 on.
    report_progress : callable, optional
        Called with the number of column groups that are done and their total.
    """
    unshuffled_loss, rise_by_name = loss(matrix), {}
    for name, group in columns.items():
        losses = []
        for _ in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, group] = matrix[random.permutation(len(matrix))][:, group]
            losses.append(loss(shuffled) - unshuffled_loss)
        rise_by_name[name] = float(np.mean(losses)), float(np.std(losses))
        report_progress(len(rise_by_name), len(columns))
    return rise_by_name


def _loss_of(bundle: Bundle, converted: Bool) -> Callable[[Float64], float]:
    def loss(matrix: Float64) -> float:
        probability = bundle.hot.probability(matrix, threads=2)
        return float(log_loss(converted, probability, labels=[False, True]))

    return loss
