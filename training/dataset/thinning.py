"""Near-duplicate looks: which of them are learned from, and how many each stands for.

A lead that is looked at again before anything new became known of it looks as it did, but for the
time that passed. Of such quiet looks in a row a booster and a linear model learn from one in so
many, with the weight of all of them. Which one, a hash of the `lead_id` says, so each of them has
the same chance and every look, whatever came of it, counts for one in expectation. To leave quiet
looks out, or to give them less weight, made models worse (`DECISIONS.md`). Baselines and points
cards learn from all looks, and all are judged on.

References
----------
D. G. Horvitz, D. J. Thompson, *A generalization of sampling without replacement from a finite
universe*, Journal of the American Statistical Association 47 (1952), doi:10.2307/2280784.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64
from features.engine.history import when_known
from features.spine import Spine, microseconds
from features.tables import Tables
from training.dataset.draws import drawn_by_lead
from training.dataset.lives import lead_index


@dataclass(frozen=True, slots=True)
class Thinning:
    """How looks are thinned, whichever of them are learned from.

    Parameters
    ----------
    lead : int64 array of shape (rows,)
        Lead of each row, in the order of the leads and, within a lead, of time.
    quiet : bool array of shape (rows,)
        Whether nothing new was known since the lead's look before.
    lead_hash : uint64 array of shape (rows,)
        A number for the lead of each row, evenly over 64 bits.
    largest_block : int
        Quiet looks in a row that one of them stands for; with 1 each stands for itself.
    """

    lead: Int64
    quiet: Bool
    lead_hash: npt.NDArray[np.uint64]
    largest_block: int

    def weight(self, rows: Bool) -> Float64:
        """How many of the chosen looks each of them stands for.

        Parameters
        ----------
        rows : bool array of shape (rows,)
            Looks up to some instant. Nothing later is looked at, not even whether there is a later
            look.

        Returns
        -------
        float64 array of shape (chosen rows,)
            0 where another look of the same lead stands for it. They sum to the number of rows.
        """
        lead, quiet = self.lead[rows], self.quiet[rows]
        if len(lead) == 0:
            return np.empty(0)
        quiet = quiet & np.append(False, lead[1:] == lead[:-1])
        run = np.cumsum(~quiet)
        start = np.searchsorted(run, run)
        rank = np.arange(len(lead)) - start  # 0 for the look that begins a run, which saw news
        block = np.column_stack([start, np.where(rank == 0, -1, (rank - 1) // self.largest_block)])
        first = np.flatnonzero(np.append(True, (block[1:] != block[:-1]).any(axis=1)))
        size = np.diff(np.append(first, len(lead))).astype(np.uint64)
        # A lead's blocks take turns, so that it is not always the first or the last that is left.
        turn = self.lead_hash[rows][first] + block[first, 1].astype(np.uint64)
        weight = np.zeros(len(lead))
        weight[first + (turn % size).astype(np.int64)] = size
        return weight


def thinning_of(tables: Tables, spine: Spine, largest_block: int) -> Thinning:
    """Thinning of an export's looks.

    Parameters
    ----------
    tables : Tables
        Without what the audit quarantines: nobody may learn from that it came.
    spine : Spine
        In the order of the leads and, within a lead, of time.
    largest_block : int
        Quiet looks in a row that one of them stands for.
    """
    lead_hash = drawn_by_lead(tables)[spine.lead]
    return Thinning(spine.lead, quiet_looks(tables, spine), lead_hash, largest_block)


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
            when_known(microseconds(events["occurred_at"]), microseconds(events["recorded_at"])),
            microseconds(log["recorded_at"]),
        ]
    )
    times = np.unique(np.concatenate([known_at, spine.as_of]))
    span = len(times) + 1
    keys = np.sort(lead * span + np.searchsorted(times, known_at))
    facts_known = np.searchsorted(keys, spine.lead * span + np.searchsorted(times, spine.as_of))
    unlike = np.diff(spine.lead, prepend=-1) != 0
    return np.asarray(~unlike & (np.diff(facts_known, prepend=-1) == 0), np.bool_)
