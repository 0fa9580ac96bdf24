"""How soon new leads are contacted, and how far they get: contact speed, and the funnel.

A lead that buys at once cannot be contacted late, so counting from the creation would make slow
contact look different from what it is (immortal time bias). Speeds are therefore compared at a
landmark: among the leads that were still open on the third day, grouped by when they had been
contacted until then; purchases count from there on. What remains is an association: the leads that
look best may well be called first.

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
"""Age of a lead, in days, until which contacts count and from which purchases count."""
SPEED_HOURS = (0.0, 1.0, 4.0, 24.0, 24.0 * LANDMARK_DAYS)
"""Edges of the speed groups, in hours from the creation to the first contact."""


@dataclass(frozen=True, slots=True)
class SpeedGroup:
    """Leads that were first contacted within one span of time.

    Parameters
    ----------
    from_hours, to_hours : float or None
        Hours from creation to the first contact, half-open; both None for leads that were not
        contacted by the landmark.
    conversion : Conversion
        Purchases from the landmark on.
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
        Age in days until which contacts count and from which purchases count.
    hours : MedianEstimate or None
        Hours to the first contact, over leads contacted by the landmark.
    groups : tuple of SpeedGroup
        Groups by speed, fastest first; leads that were not contacted come last.
    """

    landmark_days: int
    hours: MedianEstimate | None
    groups: tuple[SpeedGroup, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Number of leads that reached one step of the funnel.

    Parameters
    ----------
    name : str
        "leads", "contacted", "responded", "bought", or a name from the configuration.
    leads : int
        Number of leads that reached the step.
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
"""Steps between lead and purchase, unless the configuration names others."""


def contact_speed(tables: Tables, leads: Cohort, horizon: float) -> Speed | None:
    """How soon new leads are contacted; None where no interaction is outbound."""
    is_contact = selection_mask(tables, Selection(direction=("outbound",)))
    if not is_contact.any():
        return None
    contacted_at = microseconds(tables.interactions["occurred_at"])[is_contact]
    lead = lead_index(tables, tables.interactions["lead_id"].filter(pa.array(is_contact)))
    since_creation = contacted_at >= leads.created_at[lead]
    first_contact = first_by_lead(
        lead[since_creation], contacted_at[since_creation], tables.leads.num_rows
    )
    hours = (first_contact.astype(np.float64) - leads.created_at) / (MICROSECONDS_PER_DAY / 24)
    landmark = leads.created_at + LANDMARK_DAYS * MICROSECONDS_PER_DAY
    still_open = (ended_at(tables) > landmark) & (leads.watched > LANDMARK_DAYS)
    days, watched = leads.days - LANDMARK_DAYS, leads.watched - LANDMARK_DAYS
    spans = [
        (low, high, (low <= hours) & (hours < high))
        for low, high in itertools.pairwise(SPEED_HOURS)
    ]
    by_landmark = hours < SPEED_HOURS[-1]
    groups = [*spans, (None, None, ~by_landmark)]
    return Speed(
        landmark_days=LANDMARK_DAYS,
        hours=median_estimate(hours[still_open & by_landmark]),
        groups=tuple(
            SpeedGroup(
                low,
                high,
                conversion(days[still_open & in_span], watched[still_open & in_span], horizon),
            )
            for low, high, in_span in groups
        ),
    )


def funnel(
    tables: Tables, leads: Cohort, horizon: float, steps: Sequence[tuple[str, Selection]] = FUNNEL
) -> tuple[Step, ...]:
    """Number of leads that reach each step, among leads that were watched for the whole horizon.

    A lead reaches a step by an interaction that occurs from creation on, before the purchase and
    within the horizon, provided that it reached the steps before. The order of the interactions
    does not matter.

    Parameters
    ----------
    tables : Tables
        The export.
    leads : Cohort
        Its leads from their creation on.
    horizon : float
        Days from creation within which interactions and purchases count.
    steps : sequence of (str, Selection)
        Name and interactions of each step between lead and purchase.
    """
    reached_all = leads.watched >= horizon
    end = leads.created_at + np.rint(np.minimum(leads.days, horizon) * MICROSECONDS_PER_DAY).astype(
        np.int64
    )
    lead = lead_index(tables, tables.interactions["lead_id"])
    occurred_at = microseconds(tables.interactions["occurred_at"])
    in_time = (occurred_at >= leads.created_at[lead]) & (occurred_at < end[lead])
    counts = [("leads", int(reached_all.sum()))]
    for name, selection in steps:
        reached = np.zeros(len(reached_all), np.bool_)
        reached[lead[in_time & selection_mask(tables, selection)]] = True
        reached_all = reached_all & reached
        counts.append((name, int(reached_all.sum())))
    counts.append(("bought", int((reached_all & (leads.days <= horizon)).sum())))
    first_count, previous_counts = counts[0][1], [0, *(count for _, count in counts)]
    return tuple(
        Step(name, count, counted_rate(count, first_count), counted_rate(count, previous))
        for (name, count), previous in zip(counts, previous_counts, strict=False)
    )


def selection_mask(tables: Tables, selection: Selection) -> Bool:
    """Which interactions meet a selection's conditions; its condition on the owner is not tested.

    Returns
    -------
    bool array of shape (interactions,)
    """
    mask = np.ones(tables.interactions.num_rows, np.bool_)
    for field, values in selection.conditions():
        column = tables.interactions[field].cast(pa.string())
        mask &= pc.is_in(column, value_set=pa.array(values, pa.string())).to_numpy()
    return mask
