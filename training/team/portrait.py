"""The ideal customer's portrait: which qualities of new leads those who buy share.

Of the leads that are old enough, the qualities known when they were created; for each, how many of
those who bought have it, how many of all leads, and how many of the leads that have it buy. A
quality stands out when its rate surely differs from everybody's, so sure that all of them are right
together with 95 %. Numbers are told in quarters. A quality goes together with others: it is a
portrait, not a list of causes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from features.arrays import Bool
from features.tables import Tables
from training.dataset.values import Coded, coded
from training.statistics.incidence import LEAST_LEADS
from training.statistics.intervals import wilson_interval
from training.statistics.rates import RateEstimate
from training.team.grouping import Cohort

MOST_LEVELS = 12
QUARTERS = 4


@dataclass(frozen=True, slots=True)
class LeadTrait:
    """One quality of leads.

    Parameters
    ----------
    attribute : str
        The export's name.
    level : str or None
        Of a category; None where a number is meant or nothing is known.
    low, high : float or None
        Least and greatest number of the quarter.
    leads, customers : int
        Leads that have it, and those of them that bought.
    rate : RateEstimate
        Share of these leads that buys, so wide that all of the portrait holds with 95 %.
    """

    attribute: str
    level: str | None
    low: float | None
    high: float | None
    leads: int
    customers: int
    rate: RateEstimate


@dataclass(frozen=True, slots=True)
class Portrait:
    """What those who buy have in common.

    Parameters
    ----------
    leads, customers : int
        Old enough, and those of them that bought within the horizon.
    compared : int
        Qualities that were looked at.
    more, less : tuple of LeadTrait
        Surely likelier and surely less likely to buy than everybody, furthest from it first.
    """

    leads: int
    customers: int
    compared: int
    more: tuple[LeadTrait, ...]
    less: tuple[LeadTrait, ...]


def portrait(tables: Tables, leads: Cohort, horizon: float, owner: str | None = None) -> Portrait:
    """Portrait of the customers of an export.

    Parameters
    ----------
    tables : Tables
        Without what the audit quarantines.
    leads : Cohort
    horizon : float
        Days from creation within which a purchase counts.
    owner : str, optional
        Attribute that says who works the lead.
    """
    old = leads.watched >= horizon
    bought = (leads.days <= horizon)[old]
    found: list[tuple[str, str | None, float | None, float | None, Bool]] = []
    for name, kind in tables.attribute_kinds.items():
        if name == owner:
            continue  # who sells is no quality of who buys
        if name in tables.leads.column_names and kind != "timestamp":
            levels = _levels(tables, name, kind, old)
            found += [(name, *level) for level in levels if level[-1].sum() >= LEAST_LEADS]
    base = float(bought.mean()) if len(bought) else 0.0
    # As many intervals as there are qualities, right together: Bonferroni.
    z = float(norm.isf(0.025 / max(1, len(found))))
    qualities = []
    for name, word, low, high, mine in found:
        share = float(bought[mine].mean())
        rate = RateEstimate(share, *wilson_interval(share, int(mine.sum()), z))
        counts = int(mine.sum()), int(bought[mine].sum())
        qualities.append(LeadTrait(name, word, low, high, *counts, rate))
    more = [one for one in qualities if one.rate.low > base]
    less = [one for one in qualities if one.rate.high < base]
    return Portrait(
        leads=len(bought),
        customers=int(bought.sum()),
        compared=len(qualities),
        more=tuple(sorted(more, key=lambda one: -one.rate.value)),
        less=tuple(sorted(less, key=lambda one: one.rate.value)),
    )


def _levels(
    tables: Tables, name: str, kind: Literal["number", "category"], old: Bool
) -> list[tuple[str | None, float | None, float | None, Bool]]:
    """Word, ends and leads of each level of one attribute; none where it has too many levels."""
    if kind == "category":
        found: Coded = coded(tables.leads[name], kind, np.zeros(len(old), np.int64))
        if len(found.words) > MOST_LEVELS + 1:
            return []
        codes = found.codes[old]
        words = [*found.words[:-1], None]
        return [(word, None, None, codes == code) for code, word in enumerate(words)]
    values = tables.leads[name].to_numpy(zero_copy_only=False)[old]
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return []
    edges = np.unique(np.quantile(known, np.arange(1, QUARTERS) / QUARTERS))
    place = np.where(np.isnan(values), -1, np.searchsorted(edges, values))
    quarters = [place == one for one in range(len(edges) + 1)]
    told = [
        (None, float(values[mine].min()), float(values[mine].max()), mine)
        for mine in quarters
        if mine.any()
    ]
    return [*told, (None, None, None, place == -1)]
