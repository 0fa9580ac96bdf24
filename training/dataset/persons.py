"""Persons: who has several leads is one in all that is split, drawn and counted.

An export may say which leads are one person's (``person`` in ``[leads.columns]``). Their outcomes
hang together, so they are no independent evidence, and what one of them tells must not be learned
from when another is judged. Without such a column every lead is a person of its own.
"""

import numpy as np
import pyarrow.compute as pc

from features.arrays import Int64
from features.spine import microseconds
from features.tables import Tables


def person_of_lead(tables: Tables) -> Int64:
    """Person of each lead, named by the row of its first lead.

    Parameters
    ----------
    tables : Tables
        Leads of the export.

    Returns
    -------
    int64 array of shape (leads,)
        The row of the person's lead that was created first (of several, the first by its id); the
        lead's own row where the person is not told or has one lead.
    """
    persons = tables.leads["person"]
    rows = np.arange(len(persons), dtype=np.int64)
    has_person = np.asarray(pc.is_valid(persons).to_numpy(), np.bool_)
    number = np.asarray(pc.fill_null(persons, -1).to_numpy(), np.int64)
    # In the order of creation, the first row with a number is the person's first lead.
    ids = np.asarray(tables.leads["lead_id"].to_pylist(), dtype=np.str_)[has_person]
    created_at = microseconds(tables.leads["created_at"])[has_person]
    by_creation = rows[has_person][np.lexsort((ids, created_at))]
    _, first, inverse = np.unique(number[by_creation], return_index=True, return_inverse=True)
    rows[by_creation] = by_creation[first][inverse]
    return rows


def first_and_last_creation(tables: Tables) -> tuple[Int64, Int64]:
    """Creation of the first and of the last lead of each lead's person, in microseconds."""
    person = person_of_lead(tables)
    created_at = microseconds(tables.leads["created_at"])
    last_created_at = created_at.copy()
    np.maximum.at(last_created_at, person, created_at)
    return created_at[person], last_created_at[person]
