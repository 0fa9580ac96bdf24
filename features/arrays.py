"""The types of the arrays that pass between rooms, and the instant that never comes.

Tests: tests/features/engine/test_executor.py.
"""

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
"""True or false, one a row."""
Int32 = npt.NDArray[np.int32]
"""Codes of words: positions in a vocabulary."""
Int64 = npt.NDArray[np.int64]
"""Whole numbers: instants in microseconds, positions of leads, counts."""
Float64 = npt.NDArray[np.float64]
"""Features, margins, probabilities and weights."""

NEVER = int(np.iinfo(np.int64).max)
"""Instant, in microseconds, of what has not happened: later than every other one."""
