"""The leads that are open when the data end, by band: what there is to do today."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY
from features.scale.batch import point_in_time_features
from features.spine import microseconds, open_leads_at
from features.tables import Tables
from models.bands import Temperature
from models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class OpenBand:
    """Open leads of one temperature.

    Parameters
    ----------
    name : Temperature
    leads : int
    hot, warm : float or None
        Mean probability of buying within the hot and within the warm horizon; None of no leads.
    hot_expected : float
        Purchases that the probabilities add up to within the hot horizon.
    """

    name: Temperature
    leads: int
    hot: float | None
    warm: float | None
    hot_expected: float


@dataclass(frozen=True, slots=True)
class OpenLeads:
    """Open leads at the end of the data.

    Parameters
    ----------
    at : datetime.datetime
        The end of the data.
    leads : int
    uncertain : int
        Those whose interval is too wide to act on.
    older : int
        Those older than any lead that the model learned from.
    bands : tuple of OpenBand
        Hottest first.
    """

    at: datetime
    leads: int
    uncertain: int
    older: int
    bands: tuple[OpenBand, ...]


def open_leads(bundle: Bundle, tables: Tables, until_days: float, threads: int) -> OpenLeads:
    """Open leads of an export at its end, scored as a bulk scoring would.

    Parameters
    ----------
    bundle : Bundle
    tables : Tables
        Without what the audit quarantines.
    until_days : float
        Age up to which the model looked at leads.
    threads : int
    """
    spine = open_leads_at(tables.data_end, tables).spine
    scores = bundle.scores(point_in_time_features(tables, spine, bundle.spec), threads)
    age = spine.as_of - microseconds(tables.leads["created_at"])[spine.lead]
    return OpenLeads(
        at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tables.data_end),
        leads=len(spine),
        uncertain=int(scores.not_enough_evidence.sum()),
        older=int((age > until_days * MICROSECONDS_PER_DAY).sum()),
        bands=tuple(
            OpenBand(
                band,
                int(mine.sum()),
                float(scores.hot_probability[mine].mean()) if mine.any() else None,
                float(scores.warm_probability[mine].mean()) if mine.any() else None,
                float(scores.hot_probability[mine].sum()),
            )
            for band in reversed(Temperature)
            for mine in [np.asarray(scores.band == band.value)]
        ),
    )
