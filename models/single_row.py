"""A booster asked about one row at a time, by LightGBM's own function for that.

`Booster.predict` prepares itself anew for every call, which takes longer than the trees. LightGBM's
C interface has a function that is prepared once and answers with the same bits; its Python package
does not offer it, so it is called here, and nowhere else.
"""

import ctypes
import weakref
from typing import Any

import lightgbm as lgb
import numpy as np

from features.history import Float64

_FLOAT64 = 1
_MARGIN, _CONTRIBUTIONS = 1, 3


class SingleRow:
    """A booster that answers about one row.

    Parameters
    ----------
    booster : lightgbm.Booster
        Is not changed from now on.

    Raises
    ------
    lightgbm.basic.LightGBMError
        The booster cannot predict.

    References
    ----------
    `LGBM_BoosterPredictForMatSingleRowFast`, https://lightgbm.readthedocs.io/en/stable/C-API.html.
    """

    __slots__ = ("__weakref__", "_booster", "_columns", "_contributions", "_margin")

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster  # what was prepared points to it
        self._columns = int(booster.num_feature())
        self._margin = self._prepared(_MARGIN)
        self._contributions = self._prepared(_CONTRIBUTIONS)

    def margin(self, row: Float64) -> float:
        """Margin of a row of shape (1, features)."""
        return float(self._asked(self._margin, row, 1)[0])

    def contributions(self, row: Float64) -> Float64:
        """What each feature adds to the margin of a row, then the average."""
        return self._asked(self._contributions, row, self._columns + 1)

    def _asked(self, prepared: ctypes.c_void_p, row: Float64, answers: int) -> Float64:
        if row.shape != (1, self._columns) or row.dtype != np.float64:
            raise ValueError(
                f"A row of {self._columns} float64 is needed, got {row.dtype} of {row.shape}."
            )
        row, answer, length = np.ascontiguousarray(row), np.empty(answers), ctypes.c_int64()
        _require(
            _library().LGBM_BoosterPredictForMatSingleRowFast(
                prepared,
                ctypes.c_void_p(row.ctypes.data),
                ctypes.byref(length),
                ctypes.c_void_p(answer.ctypes.data),
            )
        )
        return answer

    def _prepared(self, what: int) -> ctypes.c_void_p:
        prepared, library = ctypes.c_void_p(), _library()
        _require(
            library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,
                ctypes.c_int(what),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(self._columns),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(prepared),
            )
        )
        weakref.finalize(self, library.LGBM_FastConfigFree, prepared)
        return prepared


def _library() -> Any:
    return lgb.basic._LIB


def _require(status: int) -> None:
    lgb.basic._safe_call(status)
