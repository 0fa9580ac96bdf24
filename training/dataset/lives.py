"""When the leads of an export began, ended and converted."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import NEVER, Bool, Int64
from features.tables import Tables

SAME_MOMENT = 1_000_000
"""Systems write one decision as several records within a second (microseconds)."""


@dataclass(frozen=True, slots=True)
class Lives:
    """When each lead began and ended.

    Parameters
    ----------
    created_at, converted_at, ended_at : int64 arrays of shape (leads,)
        Microseconds; `NEVER` where it has not happened. A lead ends when it converts or is closed.
    data_end : int
        Microseconds; nothing is known from then on.
    """

    created_at: Int64
    converted_at: Int64
    ended_at: Int64
    data_end: int

    @property
    def won(self) -> Bool:
        """Leads that converted."""
        return self.converted_at < NEVER

    @property
    def ended(self) -> Bool:
        """Leads that converted or were closed."""
        return self.ended_at < NEVER


def first_by_lead(lead: Int64, instant: Int64, leads: int) -> Int64:
    """Earliest instant of each lead; `NEVER` where it has none."""
    first = np.full(leads, NEVER, np.int64)
    np.minimum.at(first, lead, instant)
    return first


def lead_index(tables: Tables, lead_ids: pa.ChunkedArray) -> Int64:
    """Index of each row's lead; `Tables` guarantees that there is one."""
    ids = tables.leads["lead_id"].combine_chunks()
    return np.asarray(pc.index_in(lead_ids, value_set=ids).to_numpy(), np.int64)
