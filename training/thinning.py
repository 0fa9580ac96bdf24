"""Near-duplicate looks: which of them are learned from, and how many each stands for.

A lead that is looked at again before anything new became known of it looks as it did, but for its
age. Of such quiet looks in a row a booster and a linear model learn from one in so many, with the
weight of all of them. Which one, a hash of the `lead_id` says, so each of them has the same chance
and every look, whatever came of it, counts for one in expectation: what is estimated stays the
same, unlike by leaving quiet looks out or by giving them less weight, which made models worse
(`DECISIONS.md`). Baselines and points cards learn from all looks, and all are judged on.

References
----------
D. G. Horvitz, D. J. Thompson, *A generalization of sampling without replacement from a finite
universe*, Journal of the American Statistical Association 47 (1952), doi:10.2307/2280784.
"""

import numpy as np
import numpy.typing as npt

from features.batch import Spine, microseconds
from features.history import Float64
from features.tables import Tables
from training.known import drawn_by_lead, lead_index

Bool = npt.NDArray[np.bool_]


def thinned(tables: Tables, spine: Spine, most: int) -> Float64:
    """How many looks each look stands for.

    Parameters
    ----------
    tables : Tables
    spine : Spine
        In the order of the leads and, within a lead, of time.
    most : int
        Quiet looks in a row that one of them stands for; with 1 each stands for itself.

    Returns
    -------
    float64 array of shape (rows,)
        0 where another look of the same lead stands for it. They sum to the number of rows.
    """
    if len(spine) == 0:
        return np.empty(0)
    start = _starts(np.cumsum(~quiet_looks(tables, spine)))
    rank = np.arange(len(spine)) - start  # 0 for the look that begins a run, which saw news
    block = np.column_stack([start, np.where(rank == 0, -1, (rank - 1) // most)])
    first = np.flatnonzero(np.r_[True, (block[1:] != block[:-1]).any(axis=1)])
    size = np.diff(np.append(first, len(spine)))
    # A lead's blocks take turns, so that none of its looks' ages is always the one that is left.
    turn = drawn_by_lead(tables)[spine.lead[first]] + block[first, 1].astype(np.uint64)
    weight = np.zeros(len(spine))
    weight[first + (turn % size.astype(np.uint64)).astype(np.int64)] = size
    return weight


def quiet_looks(tables: Tables, spine: Spine) -> Bool:
    """Looks at which nothing was known that was not at the lead's look before.

    Parameters
    ----------
    tables : Tables
        An interaction counts from when it had both occurred and been recorded.
    spine : Spine
        In the order of the leads and, within a lead, of time.

    Returns
    -------
    bool array of shape (rows,)
    """
    events, log = tables.interactions, tables.attribute_log
    lead = np.concatenate([lead_index(tables, one["lead_id"]) for one in (events, log)])
    known_at = np.concatenate(
        [
            np.maximum(microseconds(events["occurred_at"]), microseconds(events["recorded_at"])),
            microseconds(log["recorded_at"]),
        ]
    )
    times = np.unique(np.concatenate([known_at, spine.as_of]))
    span = len(times) + 1
    keys = np.sort(lead * span + np.searchsorted(times, known_at))
    known = np.searchsorted(keys, spine.lead * span + np.searchsorted(times, spine.as_of))
    same_lead = spine.lead[1:] == spine.lead[:-1]
    return np.concatenate([[False], same_lead & (known[1:] == known[:-1])])


def _starts(run: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Place where the run of each row begins, by its number."""
    return np.searchsorted(run, run)
