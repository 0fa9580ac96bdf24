"""What follows on a band: how long until the purchase, and how many contacts it takes.

A lead counts in a band from its first look there in the test period. Contacts are outbound
interactions; where the export knows no directions, every interaction counts as one.
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
        The band.
    conversion : Conversion
        Purchases from that look on, within the warm horizon.
    contacts : MedianEstimate or None
        Contacts between that look and the purchase, over leads that were watched for the whole warm
        horizon and bought within it; None where these are too few.
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
        The export.
    spine : Spine
        The looks of the test period.
    band : str array of shape (rows,)
        Band of each look.
    horizon : float
        Days from the look within which a purchase counts.
    """
    contacts = _contacts(tables)
    converted_at = microseconds(tables.leads["converted_at"]).astype(np.float64)
    results = []
    for temperature in reversed(Temperature):
        look = _first_looks(spine, np.flatnonzero(band == temperature.value))
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
        results.append(
            Aftermath(
                name=temperature,
                conversion=conversion(days, watched, horizon),
                contacts=median_estimate(number),
            )
        )
    return tuple(results)


def _contacts(tables: Tables) -> Mapping[int, Int64]:
    """Instants of the contacts by lead, in order of time."""
    is_contact = selection_mask(tables, Selection(direction=("outbound",)))
    is_contact |= not is_contact.any()
    lead = lead_index(tables, tables.interactions["lead_id"])[is_contact]
    occurred_at = microseconds(tables.interactions["occurred_at"])[is_contact]
    order = np.lexsort((occurred_at, lead))
    unique_leads, starts = np.unique(lead[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    return {
        index: occurred_at[order[start:end]]
        for index, start, end in zip(unique_leads.tolist(), starts.tolist(), ends, strict=False)
    }


def _first_looks(spine: Spine, rows: Int64) -> Int64:
    """First row of each lead among some rows."""
    order = rows[np.lexsort((spine.as_of[rows], spine.lead[rows]))]
    return order[np.unique(spine.lead[order], return_index=True)[1]]
