"""The ideal customer's portrait: which traits of new leads go with buying.

A trait is one level of an attribute that was known when the lead was created; numbers are divided
into quarters. Over the leads that were watched for the whole horizon, each trait's conversion rate
is compared with everybody's. A trait stands out when the interval of its rate excludes everybody's
rate. The intervals are wide enough to hold all together with 95 % (Bonferroni). Traits go together
with each other: this is a portrait, not a list of causes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import norm

from features.arrays import Bool
from features.tables import Tables
from training.dataset.values import EncodedValues, encode_values
from training.statistics.incidence import LEAST_LEADS
from training.statistics.intervals import wilson_interval
from training.statistics.rates import RateEstimate
from training.team.grouping import Cohort

MOST_PORTRAIT_LEVELS = 12
"""An attribute with more levels has no traits."""
QUARTERS = 4
"""A number is divided into this many ranges with about equally many leads."""


@dataclass(frozen=True, slots=True)
class LeadTrait:
    """One trait of leads, and how many of the leads that have it buy.

    Parameters
    ----------
    attribute : str
        Name of the attribute in the export.
    level : str or None
        Level of a category; None for a range of numbers, and where nothing is known.
    low, high : float or None
        Smallest and greatest number of the range; None for a category.
    leads, customers : int
        Number of leads that have the trait, and of those that bought.
    rate : RateEstimate
        Share of these leads that bought; its interval is wide enough for all traits together.
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
    """What leads that buy have in common.

    Parameters
    ----------
    leads, customers : int
        Number of leads watched for the whole horizon, and of those that bought within it.
    compared : int
        Number of traits that were compared.
    more, less : tuple of LeadTrait
        Traits of leads that surely buy more often, and less often, than everybody; the highest and
        the lowest rate first.
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
        The export without what the audit quarantines.
    leads : Cohort
        Its leads from their creation on.
    horizon : float
        Days from creation within which a purchase counts.
    owner : str, optional
        Attribute that says who works the lead.
    """
    old_enough = leads.watched >= horizon
    bought = (leads.days <= horizon)[old_enough]
    candidates: list[tuple[str, str | None, float | None, float | None, Bool]] = []
    for name, kind in tables.attribute_kinds.items():
        if name == owner:
            continue  # who sells is no trait of who buys
        if name in tables.leads.column_names and kind != "timestamp":
            levels = _levels(tables, name, kind, old_enough)
            candidates += [(name, *level) for level in levels if level[-1].sum() >= LEAST_LEADS]
    base_rate = float(bought.mean()) if len(bought) else 0.0
    # Bonferroni: all intervals hold together with 95 %.
    z = float(norm.isf(0.025 / max(1, len(candidates))))
    traits = []
    for name, word, low, high, has_trait in candidates:
        share = float(bought[has_trait].mean())
        trait_leads = int(has_trait.sum())
        traits.append(
            LeadTrait(
                attribute=name,
                level=word,
                low=low,
                high=high,
                leads=trait_leads,
                customers=int(bought[has_trait].sum()),
                rate=RateEstimate(share, *wilson_interval(share, trait_leads, z)),
            )
        )
    likelier = [trait for trait in traits if trait.rate.low > base_rate]
    less_likely = [trait for trait in traits if trait.rate.high < base_rate]
    return Portrait(
        leads=len(bought),
        customers=int(bought.sum()),
        compared=len(traits),
        more=tuple(sorted(likelier, key=lambda trait: -trait.rate.value)),
        less=tuple(sorted(less_likely, key=lambda trait: trait.rate.value)),
    )


def _levels(
    tables: Tables, name: str, kind: Literal["number", "category"], old_enough: Bool
) -> list[tuple[str | None, float | None, float | None, Bool]]:
    """Word, range and leads of each level of one attribute; none where it has too many levels."""
    if kind == "category":
        categories: EncodedValues = encode_values(
            tables.leads[name], kind, np.zeros(len(old_enough), np.int64)
        )
        if len(categories.words) > MOST_PORTRAIT_LEVELS + 1:
            return []
        codes = categories.codes[old_enough]
        words = [*categories.words[:-1], None]
        return [(word, None, None, codes == code) for code, word in enumerate(words)]
    numbers = tables.leads[name].to_numpy(zero_copy_only=False)[old_enough]
    filled = numbers[~np.isnan(numbers)]
    if len(filled) == 0:
        return []
    edges = np.unique(np.quantile(filled, np.arange(1, QUARTERS) / QUARTERS))
    quarter = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
    masks = [quarter == i for i in range(len(edges) + 1)]
    ranges = [
        (None, float(numbers[mask].min()), float(numbers[mask].max()), mask)
        for mask in masks
        if mask.any()
    ]
    return [*ranges, (None, None, None, quarter == -1)]
