"""How soon new leads are contacted, and how far they get: speed, and the funnel.

Who buys at once cannot be contacted late, and who is never contacted had no time for it: counted
from the creation, a slow contact would look worse than it is. Speeds are therefore compared among
the leads that were still open on the third day, by what had happened until then, and purchases
count from there on. What remains is an association: the leads that look best may well be called
first.

References
----------
J. R. Anderson, K. C. Cain, R. D. Gelber, *Analysis of survival by tumor response*, Journal of
Clinical Oncology 1 (1983), doi:10.1200/JCO.1983.1.11.710: the landmark.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from features.language.kinds import Selection
from features.spine import ended_at, microseconds
from features.tables import Tables
from training.dataset.lives import first_by_lead, lead_index
from training.statistics.incidence import (
    Conversion,
    MedianEstimate,
    conversion,
    counted_rate,
    median_estimate,
)
from training.statistics.rates import RateEstimate
from training.team.grouping import Cohort

LANDMARK_DAYS = 3
SPEED_HOURS = (0.0, 1.0, 4.0, 24.0, 24.0 * LANDMARK_DAYS)


@dataclass(frozen=True, slots=True)
class SpeedGroup:
    """Leads that were first contacted within one span of time.

    Parameters
    ----------
    from_hours, to_hours : float or None
        Since creation, half-open; both None for leads not contacted by the landmark.
    conversion : Conversion
        From the landmark on.
    """

    from_hours: float | None
    to_hours: float | None
    conversion: Conversion


@dataclass(frozen=True, slots=True)
class Speed:
    """How soon the team contacts new leads.

    Parameters
    ----------
    landmark_days : int
        Days after creation until which contacts count and from which purchases do.
    hours : MedianEstimate or None
        To the first contact, of those contacted by the landmark.
    groups : tuple of SpeedGroup
        Fastest first.
    """

    landmark_days: int
    hours: MedianEstimate | None
    groups: tuple[SpeedGroup, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Leads that got so far.

    Parameters
    ----------
    name : str
        "leads", "contacted", "responded", "bought", or what the configuration calls it.
    leads : int
    of_all, of_previous : RateEstimate or None
        Share of the leads at the first step and at the step before; None where there are none.
    """

    name: str
    leads: int
    of_all: RateEstimate | None
    of_previous: RateEstimate | None


FUNNEL: tuple[tuple[str, Selection], ...] = (
    ("contacted", Selection(direction=("outbound",))),
    ("responded", Selection(direction=("inbound",))),
)
"""What lies between lead and purchase, unless the configuration says something else."""


def contact_speed(tables: Tables, leads: Cohort, horizon: float) -> Speed | None:
    """How soon new leads are contacted; None where no interaction is outbound."""
    chosen = selection_mask(tables, Selection(direction=("outbound",)))
    if not chosen.any():
        return None
    at = microseconds(tables.interactions["occurred_at"])[chosen]
    lead = lead_index(tables, tables.interactions["lead_id"].filter(pa.array(chosen)))
    after = at >= leads.created_at[lead]
    first = first_by_lead(lead[after], at[after], tables.leads.num_rows)
    hours = (first.astype(np.float64) - leads.created_at) / (MICROSECONDS_PER_DAY / 24)
    landmark = leads.created_at + LANDMARK_DAYS * MICROSECONDS_PER_DAY
    still_open = (ended_at(tables) > landmark) & (leads.watched > LANDMARK_DAYS)
    days, watched = leads.days - LANDMARK_DAYS, leads.watched - LANDMARK_DAYS
    spans = [(low, high, (low <= hours) & (hours < high)) for low, high in _spans()]
    soon = hours < SPEED_HOURS[-1]
    groups = [*spans, (None, None, ~soon)]
    return Speed(
        LANDMARK_DAYS,
        median_estimate(hours[still_open & soon]),
        tuple(
            SpeedGroup(
                low, high, conversion(days[still_open & mine], watched[still_open & mine], horizon)
            )
            for low, high, mine in groups
        ),
    )


def funnel(
    tables: Tables, leads: Cohort, horizon: float, steps: Sequence[tuple[str, Selection]] = FUNNEL
) -> tuple[Step, ...]:
    """How many leads reach each step, of those old enough to have reached all of them.

    A step is reached by an interaction that occurs from creation on, before the purchase and within
    the horizon, and only by leads that reached the steps before, in whatever order it happened.

    Parameters
    ----------
    tables : Tables
    leads : Cohort
    horizon : float
        Days from creation.
    steps : sequence of (str, Selection)
        Between lead and purchase.
    """
    through = leads.watched >= horizon
    until = leads.created_at + np.rint(
        np.minimum(leads.days, horizon) * MICROSECONDS_PER_DAY
    ).astype(np.int64)
    lead = lead_index(tables, tables.interactions["lead_id"])
    at = microseconds(tables.interactions["occurred_at"])
    in_time = (at >= leads.created_at[lead]) & (at < until[lead])
    counts = [("leads", int(through.sum()))]
    for name, selection in steps:
        reached = np.zeros(len(through), np.bool_)
        reached[lead[in_time & selection_mask(tables, selection)]] = True
        through = through & reached
        counts.append((name, int(through.sum())))
    counts.append(("bought", int((through & (leads.days <= horizon)).sum())))
    all_leads, before = counts[0][1], [0, *(count for _, count in counts)]
    return tuple(
        Step(name, count, counted_rate(count, all_leads), counted_rate(count, previous))
        for (name, count), previous in zip(counts, before, strict=False)
    )


def selection_mask(tables: Tables, selection: Selection) -> Bool:
    """Interactions that a selection looks at; by whom the lead is owned is not asked."""
    found = np.ones(tables.interactions.num_rows, np.bool_)
    for field, values in selection.conditions():
        column = tables.interactions[field].cast(pa.string())
        found &= pc.is_in(column, value_set=pa.array(values, pa.string())).to_numpy()
    return found


def _spans() -> list[tuple[float, float]]:
    return list(itertools.pairwise(SPEED_HOURS))
