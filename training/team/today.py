"""The leads that are open at the end of the data, by band: the work that is there today.

The leads are scored by the new bundle exactly as a bulk scoring scores them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY
from features.scale.batch import point_in_time_features
from features.spine import microseconds, open_leads_at
from features.tables import Tables
from models.bands import Temperature
from models.bundle import Bundle
from models.horizon import Scores


@dataclass(frozen=True, slots=True)
class OpenBand:
    """Open leads of one temperature.

    Parameters
    ----------
    name : Temperature
        The band.
    leads : int
        Number of open leads in it.
    hot, warm : float or None
        Mean probability of buying within the hot and within the warm horizon; None where the band
        has no leads.
    hot_expected : float
        Expected number of purchases within the hot horizon: the sum of the probabilities.
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
        Number of open leads.
    uncertain : int
        Number of open leads whose interval is too wide to act on.
    older : int
        Number of open leads that are older than any lead the model learned from.
    bands : tuple of OpenBand
        The bands, hottest first.
    """

    at: datetime
    leads: int
    uncertain: int
    older: int
    bands: tuple[OpenBand, ...]


def open_leads(bundle: Bundle, tables: Tables, until_days: float, threads: int) -> OpenLeads:
    """Open leads at the end of an export, scored as a bulk scoring scores them.

    Parameters
    ----------
    bundle : Bundle
        The model that scores them.
    tables : Tables
        The export without what the audit quarantines.
    until_days : float
        Greatest age, in days, at which the model looked at leads in training.
    threads : int
        Number of threads for the trees.
    """
    spine = open_leads_at(tables.data_end, tables).spine
    scores = bundle.scores(point_in_time_features(tables, spine, bundle.spec), threads)
    age = spine.as_of - microseconds(tables.leads["created_at"])[spine.lead]
    return OpenLeads(
        at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tables.data_end),
        leads=len(spine),
        uncertain=int(scores.not_enough_evidence.sum()),
        older=int((age > until_days * MICROSECONDS_PER_DAY).sum()),
        bands=tuple(_open_band(scores, band) for band in reversed(Temperature)),
    )


def _open_band(scores: Scores, band: Temperature) -> OpenBand:
    in_band = np.asarray(scores.band == band.value)
    return OpenBand(
        name=band,
        leads=int(in_band.sum()),
        hot=float(scores.hot_probability[in_band].mean()) if in_band.any() else None,
        warm=float(scores.warm_probability[in_band].mean()) if in_band.any() else None,
        hot_expected=float(scores.hot_probability[in_band].sum()),
    )
