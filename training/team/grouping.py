"""Leads in groups, by channel, owner or month of creation, and how many of each group buy.

Groups of fewer than `LEAST_LEADS` leads are counted but not shown one by one, because chance alone
would put them first and last. Differences between groups are associations: whoever gets the better
leads has the better figures.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import NEVER, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import microseconds
from features.tables import Tables
from training.dataset.values import EncodedValues, attribute_versions, encode_values
from training.statistics.incidence import LEAST_LEADS, Conversion, conversion

MOST_GROUPS = 20
"""At most this many groups of one attribute are shown."""
MOST_MONTHS = 24
"""At most this many months are shown, the latest ones."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Leads from their creation on.

    Parameters
    ----------
    created_at : int64 array of shape (leads,)
        Instant of creation, in microseconds.
    days : float64 array of shape (leads,)
        Days from creation to the purchase; infinite for leads that have not bought.
    watched : float64 array of shape (leads,)
        Days from creation to the end of the data.
    """

    created_at: Int64
    days: Float64
    watched: Float64


@dataclass(frozen=True, slots=True)
class LeadGroup:
    """Conversion of the leads that have one level of an attribute, or were created in one month.

    Parameters
    ----------
    level : str or None
        The level or the month; None for leads of which it is not known.
    conversion : Conversion
        Purchases from creation on.
    """

    level: str | None
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class Grouping:
    """All leads by the levels of one attribute.

    Parameters
    ----------
    attribute : str
        Name of the attribute in the export.
    groups : tuple of LeadGroup
        The groups that are shown, largest first.
    small_groups, small_leads : int
        Number of groups that are not shown, and of leads in them.
    """

    attribute: str
    groups: tuple[LeadGroup, ...]
    small_groups: int
    small_leads: int


def cohort(tables: Tables) -> Cohort:
    """All leads of an export from their creation on."""
    created_at = microseconds(tables.leads["created_at"])
    converted_at = microseconds(tables.leads["converted_at"])
    days = (converted_at.astype(np.float64) - created_at) / MICROSECONDS_PER_DAY
    watched = (tables.data_end - created_at) / MICROSECONDS_PER_DAY
    return Cohort(created_at, np.where(converted_at == NEVER, np.inf, days), watched)


def attribute_levels(tables: Tables, name: str) -> EncodedValues:
    """Level of each lead in one attribute: from the leads' table or, from the log, the latest."""
    created_at = microseconds(tables.leads["created_at"])
    if name in tables.leads.column_names:
        return encode_values(tables.leads[name], tables.attribute_kinds[name], created_at)
    history = attribute_versions(tables, name, created_at)
    all_leads = np.arange(history.leads)
    latest = history.known_before(all_leads, np.full(history.leads, NEVER))
    return EncodedValues(latest, history.values.words)


def grouping(attribute: str, levels: EncodedValues, leads: Cohort, horizon: float) -> Grouping:
    """All leads by the levels of an attribute.

    Parameters
    ----------
    attribute : str
        Name of the attribute in the export.
    levels : EncodedValues
        Level of each lead.
    leads : Cohort
        The same leads from their creation on.
    horizon : float
        Days from creation within which a purchase counts.
    """
    counts = np.bincount(levels.codes, minlength=len(levels.words))
    by_size = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], code))
    displayed = [code for code in by_size if counts[code] >= LEAST_LEADS][:MOST_GROUPS]
    return Grouping(
        attribute,
        tuple(
            LeadGroup(
                None if code == levels.missing else levels.words[code],
                _conversion_of(leads, np.flatnonzero(levels.codes == code), horizon),
            )
            for code in displayed
        ),
        small_groups=len(by_size) - len(displayed),
        small_leads=int(counts.sum() - counts[displayed].sum()),
    )


def groups_by_month(leads: Cohort, horizon: float) -> tuple[LeadGroup, ...]:
    """Leads by the month of their creation, UTC: the latest `MOST_MONTHS`, earliest first."""
    created = leads.created_at.astype("datetime64[us]").astype("datetime64[M]")
    return tuple(
        LeadGroup(str(month), _conversion_of(leads, np.flatnonzero(created == month), horizon))
        for month in np.unique(created)[-MOST_MONTHS:]
    )


def _conversion_of(leads: Cohort, rows: Int64, horizon: float) -> Conversion:
    return conversion(leads.days[rows], leads.watched[rows], horizon)
