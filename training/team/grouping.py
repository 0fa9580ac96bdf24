"""Leads by what they have in common, and how many of each group buy: channel, owner, month.

Groups that fewer than `LEAST_LEADS` leads belong to are not shown one by one, because chance alone
would put them first and last; how many they are is told. Differences between groups are
associations: whoever gets the better leads has the better figures.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import microseconds
from features.tables import Tables
from training.dataset.lives import NEVER
from training.dataset.values import Coded, coded, versions
from training.statistics.incidence import LEAST_LEADS, Conversion, conversion

MOST_GROUPS = 20
MOST_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Cohort:
    """Leads from their creation on.

    Parameters
    ----------
    created_at : int64 array of shape (leads,)
        Microseconds.
    days : float64 array of shape (leads,)
        From creation to the purchase; infinite for those that have not bought.
    watched : float64 array of shape (leads,)
        Days from creation to the end of the data.
    """

    created_at: Int64
    days: Float64
    watched: Float64


@dataclass(frozen=True, slots=True)
class LeadGroup:
    """Leads of one level.

    Parameters
    ----------
    level : str or None
        None for the leads of which it is not known.
    conversion : Conversion
    """

    level: str | None
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class Grouping:
    """All leads by the levels of one attribute.

    Parameters
    ----------
    attribute : str
        The export's name of it.
    groups : tuple of LeadGroup
        Largest first.
    small_groups, small_leads : int
        Groups that are not shown, and the leads in them.
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


def attribute_levels(tables: Tables, name: str) -> Coded:
    """Level of each lead in one attribute: as created or, from the log, what was known last."""
    created_at = microseconds(tables.leads["created_at"])
    if name in tables.leads.column_names:
        return coded(tables.leads[name], tables.attribute_kinds[name], created_at)
    found = versions(tables, name, created_at)
    every = np.arange(found.leads)
    return Coded(found.known_before(every, np.full(found.leads, NEVER)), found.values.words)


def grouping(attribute: str, levels: Coded, leads: Cohort, horizon: float) -> Grouping:
    """All leads by the levels of an attribute.

    Parameters
    ----------
    attribute : str
    levels : Coded
        Of each lead.
    leads : Cohort
    horizon : float
        Days from creation within which a purchase counts.
    """
    counts = np.bincount(levels.codes, minlength=len(levels.words))
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], code))
    shown = [code for code in largest if counts[code] >= LEAST_LEADS][:MOST_GROUPS]
    return Grouping(
        attribute,
        tuple(
            LeadGroup(
                None if code == levels.missing else levels.words[code],
                _among(leads, np.flatnonzero(levels.codes == code), horizon),
            )
            for code in shown
        ),
        small_groups=len(largest) - len(shown),
        small_leads=int(counts.sum() - counts[shown].sum()),
    )


def groups_by_month(leads: Cohort, horizon: float) -> tuple[LeadGroup, ...]:
    """Leads by the month of their creation, UTC, the last `MOST_MONTHS` of them, earliest first."""
    month = leads.created_at.astype("datetime64[us]").astype("datetime64[M]")
    return tuple(
        LeadGroup(str(one), _among(leads, np.flatnonzero(month == one), horizon))
        for one in np.unique(month)[-MOST_MONTHS:]
    )


def _among(leads: Cohort, chosen: Int64, horizon: float) -> Conversion:
    return conversion(leads.days[chosen], leads.watched[chosen], horizon)
