"""Who answers the question of a horizon: a LightGBM booster, or a points card.

A closed union, and all that the rest asks of either. Both give a margin, which the calibration
turns into a probability, and both share it out among the features exactly, so that reasons add up.
A booster is kept as LightGBM's own text, a card as JSON: the file's name tells which it is.
"""

import json
from collections.abc import Mapping
from typing import TypeAlias, assert_never

import lightgbm as lgb
import numpy as np

from features.history import Float64
from features.spec import Spec
from models.scorecard import Scorecard, scorecard_from_json

Predictor: TypeAlias = lgb.Booster | Scorecard


def margin_of(predictor: Predictor, matrix: Float64, threads: int = 1) -> Float64:
    """Uncalibrated log-odds of each row of a matrix of shape (rows, features), shape (rows,)."""
    if len(matrix) == 0:
        return np.empty(0, np.float64)
    match predictor:
        case lgb.Booster():
            margins = predictor.predict(matrix, raw_score=True, num_threads=threads)
            return np.asarray(margins, np.float64)
        case Scorecard():
            return predictor.margin(matrix)
        case _:
            assert_never(predictor)


def contributions_of(predictor: Predictor, matrix: Float64) -> tuple[float, Float64]:
    """Margin of the average lead, and what each feature adds to it in each row.

    Parameters
    ----------
    predictor : lightgbm.Booster or Scorecard
    matrix : float64 array of shape (rows, features)
        One row at least.

    Returns
    -------
    tuple of float and float64 array of shape (rows, features)
        A row's contributions and the average add up to its margin.
    """
    match predictor:
        case lgb.Booster():
            raw = np.asarray(predictor.predict(matrix, pred_contrib=True, num_threads=1))
            return float(raw[0, -1]), raw[:, :-1]
        case Scorecard():
            return predictor.contributions(matrix)
        case _:
            assert_never(predictor)


def columns_of(predictor: Predictor) -> int:
    """How many features it takes."""
    match predictor:
        case lgb.Booster():
            return int(predictor.num_feature())
        case Scorecard():
            return predictor.columns
        case _:
            assert_never(predictor)


def file_of(predictor: Predictor, spec: Spec, name: str) -> tuple[str, str]:
    """Name and text of the file that holds it; `predictor_of` reads it back."""
    match predictor:
        case lgb.Booster():
            return f"{name}.txt", str(predictor.model_to_string())
        case Scorecard():
            return f"{name}.json", _json(predictor, spec)
        case _:
            assert_never(predictor)


def predictor_of(files: Mapping[str, str], spec: Spec, name: str) -> Predictor:
    """Predictor that was written as one of the files.

    Raises
    ------
    KeyError
        It is not among them.
    ValueError, lightgbm.basic.LightGBMError
        The text is not what it must be.
    """
    if f"{name}.json" in files:
        return scorecard_from_json(json.loads(files[f"{name}.json"]), spec)
    return lgb.Booster(model_str=files[f"{name}.txt"])


def _json(card: Scorecard, spec: Spec) -> str:
    data = card.to_json(spec)
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
