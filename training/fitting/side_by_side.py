"""Independent fits side by side, with the same results as one after the other.

A booster of one thread computes the same bits wherever it runs, and LightGBM holds no lock of
Python's while it grows a tree. So as many fits run at once as there are cores for their threads.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    fit: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> list[Result]:
    """Results of a fit for each item, in the order of the items.

    Parameters
    ----------
    fit : callable
        Gives the result of an item; what it fails with is raised.
    items : iterable
        What to fit.
    threads : int
        Threads that each fit uses itself.

    Examples
    --------
    >>> side_by_side(lambda number: number**2, [1, 2, 3], threads=1)
    [1, 4, 9]
    """
    at_once = max(1, len(os.sched_getaffinity(0)) // threads)
    # A limit on the algebra's threads is the whole process's, one on OpenMP's each thread's own.
    executor = ThreadPoolExecutor(at_once, initializer=threadpool_limits, initargs=(1,))
    with threadpool_limits(1):
        try:
            return list(executor.map(fit, items))
        finally:
            executor.shutdown(cancel_futures=True)
