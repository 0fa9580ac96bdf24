"""A booster asked about one row at a time, by LightGBM's own function for that.

`Booster.predict` prepares itself anew for every call, which takes longer than the trees. LightGBM's
C interface has a function that is prepared once and answers with the same bits; its Python package
does not offer it, so it is called here, and nowhere else.
"""

import ctypes
import weakref

import lightgbm as lgb
import numpy as np

from features.arrays import Float64

_FLOAT64 = 1
_MARGIN = 1
_Int64, _Pointer, _reference = ctypes.c_int64, ctypes.c_void_p, ctypes.byref


class SingleRow:
    """A booster that answers about one row after the other.

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

    __slots__ = ("__weakref__", "_booster", "_columns", "_prepared")

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster  # what was prepared points to it
        self._columns = int(booster.num_feature())
        self._prepared = self._made_ready()

    def margins(self, matrix: Float64) -> Float64:
        """Margin of each row of a matrix of shape (rows, features), shape (rows,)."""
        if matrix.ndim != 2 or matrix.shape[1] != self._columns or matrix.dtype != np.float64:
            raise ValueError(
                f"Rows of {self._columns} float64 are needed, got {matrix.dtype} of {matrix.shape}."
            )
        matrix, margins, length = np.ascontiguousarray(matrix), np.empty(len(matrix)), _Int64()
        row, margin, step = matrix.ctypes.data, margins.ctypes.data, matrix.strides[0]
        predict_row = _library().LGBM_BoosterPredictForMatSingleRowFast
        for index in range(len(matrix)):
            row_pointer = _Pointer(row + index * step)
            margin_pointer = _Pointer(margin + index * margins.itemsize)
            _require(predict_row(self._prepared, row_pointer, _reference(length), margin_pointer))
        return margins

    def _made_ready(self) -> ctypes.c_void_p:
        prepared, library = ctypes.c_void_p(), _library()
        _require(
            library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,
                ctypes.c_int(_MARGIN),
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


def _library() -> ctypes.CDLL:
    library: ctypes.CDLL = lgb.basic._LIB
    return library


def _require(status: int) -> None:
    lgb.basic._safe_call(status)
