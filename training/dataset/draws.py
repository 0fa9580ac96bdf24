"""Drawing leads by a hash of their names: in no order, and again the same next time."""

import hashlib

import numpy as np
import numpy.typing as npt

from features.tables import Tables
from training.dataset.persons import person_of_lead


def drawn_by_lead(tables: Tables) -> npt.NDArray[np.uint64]:
    """A number for each lead that is drawn from its `lead_id` alone, evenly over 64 bits.

    What is drawn by it is blind to what became of a lead, and the same in whatever order the leads
    are read. Leads of one person have the number of the first.
    """
    digests = [
        hashlib.blake2b(name.encode(), digest_size=8).digest()
        for name in tables.leads["lead_id"].to_pylist()
    ]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)[person_of_lead(tables)]
