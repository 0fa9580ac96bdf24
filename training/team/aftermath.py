"""What follows on a band: how long until the purchase, and how many contacts it takes.

A lead counts in a band from its first look there in the test period. Contacts are those that we
make; a CRM that does not tell directions counts every interaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from features.arrays import Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.language.kinds import Selection
from features.spine import Spine, microseconds
from features.tables import Tables
from models.bands import Temperature
from training.dataset.lives import lead_index
from training.statistics.incidence import Conversion, MedianEstimate, conversion, median_estimate
from training.team.contact import selection_mask


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What followed on the first look at leads in one band.

    Parameters
    ----------
    name : Temperature
    conversion : Conversion
        From that look on, within the warm horizon.
    contacts : MedianEstimate or None
        Contacts between that look and the purchase, of the old enough that bought within the warm
        horizon; None where these are too few.
    """

    name: Temperature
    conversion: Conversion
    contacts: MedianEstimate | None


Aftermaths: TypeAlias = tuple[Aftermath, ...]


def aftermaths(
    tables: Tables, spine: Spine, band: npt.NDArray[np.str_], horizon: float
) -> Aftermaths:
    """What followed on each band, hottest first.

    Parameters
    ----------
    tables : Tables
    spine : Spine
        The looks of the test period.
    band : str array of shape (rows,)
        Of the same looks.
    horizon : float
        Days.
    """
    contacts = _contacts(tables)
    converted_at = microseconds(tables.leads["converted_at"]).astype(np.float64)
    found = []
    for one in reversed(Temperature):
        look = _first_looks(spine, np.flatnonzero(band == one.value))
        lead, since = spine.lead[look], spine.as_of[look]
        days = (converted_at[lead] - since) / MICROSECONDS_PER_DAY
        watched = (tables.data_end - since) / MICROSECONDS_PER_DAY
        days = np.where(days <= watched, days, np.inf)
        bought = np.flatnonzero((days <= horizon) & (watched >= horizon))
        counts = [
            np.diff(np.searchsorted(contacts[lead[i]], [since[i], converted_at[lead[i]]]))[0]
            for i in bought.tolist()
            if lead[i] in contacts
        ]
        counts += [0] * (len(bought) - len(counts))
        number: Float64 = np.array(counts, np.float64)
        found.append(Aftermath(one, conversion(days, watched, horizon), median_estimate(number)))
    return tuple(found)


def _contacts(tables: Tables) -> Mapping[int, Int64]:
    """Instants of our contacts by lead, each in order."""
    ours = selection_mask(tables, Selection(direction=("outbound",)))
    ours |= not ours.any()
    lead = lead_index(tables, tables.interactions["lead_id"])[ours]
    at = microseconds(tables.interactions["occurred_at"])[ours]
    order = np.lexsort((at, lead))
    leads, starts = np.unique(lead[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    return {
        one: at[order[start:end]]
        for one, start, end in zip(leads.tolist(), starts.tolist(), ends, strict=False)
    }


def _first_looks(spine: Spine, rows: Int64) -> Int64:
    """First row of each lead among some rows."""
    order = rows[np.lexsort((spine.as_of[rows], spine.lead[rows]))]
    return order[np.unique(spine.lead[order], return_index=True)[1]]
