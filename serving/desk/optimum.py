"""The best pairs of leads and slots, by SciPy's linear sum assignment.

Apart from `serving.desk.assignment`, so that the server, which has no SciPy, can deal out leads.

References
----------
D. F. Crouse, *On implementing 2D rectangular assignment algorithms*, IEEE Transactions on Aerospace
and Electronic Systems 52 (2016), doi:10.1109/TAES.2016.140952.

Tests: tests/serving/desk/test_assignment.py.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from features.arrays import Float64, Int64


def best_pairs(table: Float64) -> tuple[Int64, Int64]:
    """Rows and columns of a table whose values have the largest sum, each used once at most.

    Parameters
    ----------
    table : float64 array of shape (rows, columns)
        Value of each pair.

    Examples
    --------
    >>> rows, columns = best_pairs(np.array([[3.0, 2.0], [2.0, 0.0]]))
    >>> rows.tolist(), columns.tolist()
    ([0, 1], [1, 0])
    """
    rows, columns = linear_sum_assignment(table, maximize=True)
    return np.asarray(rows, np.int64), np.asarray(columns, np.int64)
