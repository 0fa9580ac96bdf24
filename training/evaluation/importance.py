"""Which signals matter: what the model loses on the test period when it cannot see one.

All features of a signal are shuffled together between rows, so that the model cannot read the same
thing in another window; how much the log loss rises says how much it relied on the signal. This is
association in the data at hand, never a cause.
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
    matrix : float64 array of shape (rows, features)
        Test rows; of many, `MOST_TEST_ROWS` are drawn.
    converted : bool array of shape (rows,)
    seed : int
    report_progress : callable, optional
        Called with the number of signals that are done and their total.

    References
    ----------
    L. Breiman, *Random forests*, Machine Learning 45 (2001), doi:10.1023/A:1010933404324.
    """
    if len(matrix) == 0:
        return []
    random = np.random.default_rng(seed)
    matrix, converted = _some(matrix, converted, random)
    columns = columns_by_signal(bundle.spec)
    points = signal_points(bundle, matrix[:1_000])
    found_rises = rises(
        _loss_of(bundle, converted), matrix, columns, random, report_progress=report_progress
    )
    found = [
        Importance(
            name,
            *found_rises[name],
            mean_points=float(np.abs(points[name]).mean()),
        )
        for name in columns
    ]
    return sorted(found, key=lambda one: (-one.log_loss_increase, one.signal))


def family_importance(
    bundle: Bundle, matrix: Float64, converted: Bool, seed: int
) -> list[FamilyImportance]:
    """Importance of each family of signals for the hot horizon, strongest first; see `importance`.

    Parameters
    ----------
    bundle : Bundle
    matrix : float64 array of shape (rows, features)
    converted : bool array of shape (rows,)
    seed : int
    """
    if len(matrix) == 0:
        return []
    random = np.random.default_rng(seed)
    matrix, converted = _some(matrix, converted, random)
    columns: dict[str, list[int]] = {}
    for column, feature in enumerate(bundle.spec.features):
        columns.setdefault(family(feature), []).append(column)
    found_rises = rises(_loss_of(bundle, converted), matrix, columns, random)
    found = [FamilyImportance(name, *rise) for name, rise in found_rises.items()]
    return sorted(found, key=lambda one: (-one.log_loss_increase, one.family))


def _some(matrix: Float64, converted: Bool, random: np.random.Generator) -> tuple[Float64, Bool]:
    if len(matrix) <= MOST_TEST_ROWS:
        return matrix, converted
    drawn = random.choice(len(matrix), MOST_TEST_ROWS, replace=False)
    return matrix[drawn], converted[drawn]


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
        Of a matrix of the shape of `matrix`.
    matrix : float64 array of shape (rows, features)
    columns : mapping of name to columns
    random : numpy.random.Generator
    repeats : int
        Shufflings of each.
    report_progress : callable, optional
        Called with the number of column groups that are done and their total.
    """
    unchanged, found = loss(matrix), {}
    for name, mine in columns.items():
        losses = []
        for _ in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, mine] = matrix[random.permutation(len(matrix))][:, mine]
            losses.append(loss(shuffled) - unchanged)
        found[name] = float(np.mean(losses)), float(np.std(losses))
        report_progress(len(found), len(columns))
    return found


def _loss_of(bundle: Bundle, converted: Bool) -> Callable[[Float64], float]:
    def loss(matrix: Float64) -> float:
        probability = bundle.hot.probability(matrix, threads=2)
        return float(log_loss(converted, probability, labels=[False, True]))

    return loss
