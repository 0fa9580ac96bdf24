"""Which signals matter: what the model loses on the test period when it cannot see one.

All features of a signal are shuffled together between rows, so that the model cannot read the same
thing in another window; how much the log loss rises says how much it relied on the signal. This is
association in the data at hand, never a cause.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss

from features.history import Float64
from models.bundle import Bundle
from models.explain import columns_by_signal, signal_points

Bool = npt.NDArray[np.bool_]
MOST_ROWS = 5_000
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


def importance(
    bundle: Bundle,
    matrix: Float64,
    converted: Bool,
    seed: int,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[Importance]:
    """Importance of each signal for the hot horizon, strongest first.

    Parameters
    ----------
    bundle : Bundle
    matrix : float64 array of shape (rows, features)
        Test rows; of many, `MOST_ROWS` are drawn.
    converted : bool array of shape (rows,)
    seed : int
    progress : callable, optional
        Told how many signals are done, of how many.

    References
    ----------
    L. Breiman, *Random forests*, Machine Learning 45 (2001), doi:10.1023/A:1010933404324.
    """
    random = np.random.default_rng(seed)
    if len(matrix) > MOST_ROWS:
        drawn = random.choice(len(matrix), MOST_ROWS, replace=False)
        matrix, converted = matrix[drawn], converted[drawn]
    if len(matrix) == 0:
        return []
    columns = columns_by_signal(bundle.spec)
    points = signal_points(bundle, matrix[:1_000])
    unchanged = _loss(bundle, matrix, converted)
    found = []
    for done, (name, mine) in enumerate(columns.items(), start=1):
        rises = []
        for _ in range(REPEATS):
            shuffled = matrix.copy()
            shuffled[:, mine] = matrix[random.permutation(len(matrix))][:, mine]
            rises.append(_loss(bundle, shuffled, converted) - unchanged)
        mean_points = float(np.abs(points[name]).mean())
        found.append(Importance(name, float(np.mean(rises)), float(np.std(rises)), mean_points))
        progress(done, len(columns))
    return sorted(found, key=lambda one: (-one.log_loss_increase, one.signal))


def _loss(bundle: Bundle, matrix: Float64, converted: Bool) -> float:
    probability = bundle.hot.probability(matrix, threads=2)
    return float(log_loss(converted, probability, labels=[False, True]))
