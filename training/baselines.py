"""What a model must beat: predictors so simple that losing to them means nothing was learned."""

import numpy as np
import numpy.typing as npt

from features.history import Float64
from features.kinds import LeadAge
from features.spec import Spec
from training.config import ModelSettings
from training.fit import fitted_horizon
from training.split import Split

Bool = npt.NDArray[np.bool_]
AGE_ONLY = Spec((LeadAge(),))


def baseline_probabilities(
    age_days: Float64, converted: Bool, days: int, split: Split, settings: ModelSettings
) -> dict[str, Float64]:
    """Probabilities of the test rows by each baseline.

    Parameters
    ----------
    age_days : float64 array of shape (rows,)
        Age of the lead at each row.
    converted : bool array of shape (rows,)
        Labels; those of the test rows are not looked at.
    days : int
        The horizon.
    split : Split
    settings : ModelSettings

    Returns
    -------
    dict of str to float64 array
        "base rate": the share that converted in the calibration period, the same for every lead.
        "age only": a booster that knows nothing but the age of the lead, calibrated like the model.
    """
    rows = int(split.test.sum())
    base_rate = float(converted[split.calibrate].mean())
    matrix = np.ascontiguousarray(age_days[:, None])
    age_only = fitted_horizon(AGE_ONLY, matrix, converted, days, split, settings)
    return {
        "base rate": np.full(rows, base_rate),
        "age only": age_only.probability(matrix[split.test], settings.threads),
    }
