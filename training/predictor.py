"""Booster or points card: which of them the conversions at hand can carry.

A booster finds more than a card can hold, but only where enough leads converted; before that it
finds luck. So below a number of converting leads the points card is the model, unless the
configuration says otherwise. A card that a person has edited is taken as it is: calibrated and
judged like any other, so that what hand-made points promise is as true as what is learned.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.history import Float64, Int64
from features.spec import Spec
from models.predictor import Predictor
from training.config import ModelSettings
from training.fit import fitted_booster
from training.logistic import logistic_margin
from training.monotone import directions
from training.scorecard import learned_scorecard, read_scorecard

Bool = npt.NDArray[np.bool_]

LEAST_BOOSTER_LEADS = 150
"""Converting leads of the fitting period from which a booster is worth it. On made-up CRMs, seeds 2
to 5, its excess log loss beside the card's was 50 against 46 per cent of the base rate's with 73 to
97 such leads, 80 against 65 with 95 to 130, 36 against 35 with 154 to 180, 20 against 25 with 422
to 476."""


def fitted_predictor(
    spec: Spec,
    matrix: Float64,
    converted: Bool,
    lead: Int64,
    settings: ModelSettings,
    edited: Path | None = None,
    progress: Callable[[int], object] = lambda trees: None,
) -> Predictor:
    """Predictor of one horizon.

    Parameters
    ----------
    spec : Spec
        Its columns are those of `matrix`.
    matrix : float64 array of shape (rows, features)
        Of the fitting rows.
    converted : bool array of shape (rows,)
        With both outcomes.
    lead : int64 array of shape (rows,)
        Which rows belong together.
    settings : ModelSettings
        Its `kind` decides, unless that is "auto".
    edited : pathlib.Path, optional
        A points card to take in place of learning anything.
    progress : callable, optional
        Told after each tree.

    Raises
    ------
    FileNotFoundError, ValueError
        The edited card is not there, or is none of this spec.
    """
    if edited is not None:
        return read_scorecard(edited, spec)
    enough = len(np.unique(lead[converted])) >= LEAST_BOOSTER_LEADS
    if settings.kind == "booster" or (settings.kind == "auto" and enough):
        monotone = directions(spec, settings.monotone)
        return fitted_booster(matrix, converted, spec.categorical, settings, progress, monotone)
    every = np.ones(len(matrix), np.bool_)
    regression = logistic_margin(matrix, spec.categorical, converted, every, settings.seed)
    return learned_scorecard(spec, matrix, converted, lead, regression)
