"""What spoils real exports and means nothing: late entries, noise, leads entered twice.

These are knobs of every world (`features.worlds.crm.Knobs`), so they are put on an export after the
world has made it up (`as_world`). The truth stays that of an observer whom they do not touch. At 0
a knob changes nothing, and draws nothing.
"""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Int64
from features.engine.history import is_known, when_known
from features.worlds.crm import (
    DAY,
    ENDS_AT,
    WORLDS_OWN,
    Knobs,
    MadeUpCrm,
    World,
    require_size,
)
from features.worlds.drawing import as_instants, lead_ids

Draw: TypeAlias = Callable[[np.random.Generator, int, Knobs], MadeUpCrm]


def as_world(draw: Draw) -> World:
    """Make a world of a function that draws a CRM without nuisances.

    Parameters
    ----------
    draw : callable
        Draws a CRM from random numbers, the number of leads and the knobs, of which it honours the
        rate and the length.

    Examples
    --------
    >>> from features.worlds.chain import made_up_crm
    >>> made_up_crm(leads=100, seed=1).leads.num_rows
    100
    """

    @wraps(draw, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
    def made_up_crm(leads: int, seed: int, knobs: Knobs = WORLDS_OWN) -> MadeUpCrm:
        require_size(leads, seed)
        return with_nuisances(draw(np.random.default_rng(seed), leads, knobs), seed, knobs)

    return made_up_crm


def with_nuisances(crm: MadeUpCrm, seed: int, knobs: Knobs) -> MadeUpCrm:
    """Put noise, duplicates and delay, in this order, on an export.

    Parameters
    ----------
    crm : MadeUpCrm
        An export without them.
    seed : int
        Seed of the random numbers, not negative; the world's own may be used again.
    knobs : Knobs
        How much of each; `rate` and `days` are the world's own affair and are not read here.

    Returns
    -------
    MadeUpCrm
        The same object where all three are 0.
    """
    rng = np.random.default_rng([seed, 1])
    if knobs.noise > 0:
        crm = _with_noise(rng, crm, knobs.noise)
    if knobs.duplicates > 0:
        crm = _with_duplicates(rng, crm, knobs.duplicates)
    if knobs.delay_days > 0:
        crm = _with_delay(rng, crm, knobs.delay_days)
    return crm


def _with_noise(rng: np.random.Generator, crm: MadeUpCrm, noise: float) -> MadeUpCrm:
    """Add interactions at a constant rate while leads are open, and swap declared attributes.

    A meaningless interaction is a copy of a random one, moved to a random instant of a random open
    lead; all leads get them at the same rate per day, so neither their number nor their kind tells
    anything.
    """
    leads = crm.leads
    created_at = _seconds(leads["created_at"])
    ends = np.array([_seconds(leads[name]) for name in ("converted_at", "closed_at")])
    ended_at = np.where(ends == 0, ENDS_AT, ends).min(axis=0)  # a closed lead may still convert
    lead_days = np.cumsum(ended_at - created_at)
    honest = crm.interactions.num_rows
    extra = rng.poisson(honest * noise / (1 - noise))
    instant = rng.integers(lead_days[-1], size=extra)
    lead = np.searchsorted(lead_days, instant, side="right")
    occurred_at = ended_at[lead] - (lead_days[lead] - instant)
    copies = crm.interactions.take(pa.array(rng.integers(max(honest, 1), size=extra)))
    for name, column in (
        ("lead_id", leads["lead_id"].combine_chunks().take(pa.array(lead))),
        ("occurred_at", as_instants(occurred_at)),
        ("recorded_at", as_instants(occurred_at)),
    ):
        copies = copies.set_column(copies.column_names.index(name), name, column)
    for name in tomllib.loads(crm.config.format(ext="csv"))["leads"]["fixed_at_creation"]:
        swapped = np.flatnonzero(rng.random(leads.num_rows) < noise)
        row = np.arange(leads.num_rows)
        row[swapped] = rng.integers(leads.num_rows, size=len(swapped))
        leads = leads.set_column(
            leads.column_names.index(name), name, leads[name].take(pa.array(row))
        )
    interactions = pa.concat_tables([crm.interactions, copies]).combine_chunks()
    return replace(crm, leads=leads, interactions=_in_order(interactions))


def _with_duplicates(rng: np.random.Generator, crm: MadeUpCrm, duplicates: float) -> MadeUpCrm:
    """Enter some leads twice; the interactions are then written under either entry."""
    leads = crm.leads.num_rows
    entries = 1 + (rng.random(leads) < duplicates).astype(np.int64)
    of_lead = np.repeat(np.arange(leads), entries)  # row of the new table -> row of the old
    first = np.cumsum(entries) - entries
    ids = lead_ids(len(of_lead))
    table = crm.leads.take(pa.array(of_lead)).set_column(0, "lead_id", ids)
    logs: dict[str, pa.Table] = {}
    for name in ("interactions", "attributes"):
        log = getattr(crm, name)
        lead = _row_of(crm.leads, log["lead_id"])
        entry = first[lead] + rng.integers(entries[lead])
        logs[name] = log.set_column(
            log.column_names.index("lead_id"), "lead_id", ids.take(pa.array(entry))
        )
    lead = _row_of(crm.leads, crm.truth["lead_id"])
    look = np.repeat(np.arange(len(lead)), entries[lead])
    entry = first[lead[look]] + np.r_[0, np.diff(look) == 0][: len(look)]
    truth = crm.truth.take(pa.array(look)).set_column(0, "lead_id", ids.take(pa.array(entry)))
    return replace(
        crm,
        leads=table,
        interactions=_in_order(logs["interactions"]),
        attributes=logs["attributes"],
        truth=truth,
    )


def _with_delay(rng: np.random.Generator, crm: MadeUpCrm, mean_days: float) -> MadeUpCrm:
    """Record later whatever was not recorded ahead, and lose what is not recorded by the end."""
    occurred_at = _seconds(crm.interactions["occurred_at"])
    recorded_at = _seconds(crm.interactions["recorded_at"])
    delay = _delays(rng, len(occurred_at), mean_days)
    recorded_at = np.where(recorded_at < occurred_at, recorded_at, recorded_at + delay)
    interactions = _recorded(crm.interactions, recorded_at).filter(
        pa.array(is_known(when_known(occurred_at, recorded_at), ENDS_AT))
    )
    recorded_at = _seconds(crm.attributes["recorded_at"])
    recorded_at += _delays(rng, len(recorded_at), mean_days)
    log = _recorded(crm.attributes, recorded_at).filter(pa.array(is_known(recorded_at, ENDS_AT)))
    by_time = [("recorded_at", "ascending"), ("lead_id", "ascending")]
    return replace(crm, interactions=interactions, attributes=log.sort_by(by_time))


def _delays(rng: np.random.Generator, entries: int, mean_days: float) -> Int64:
    return rng.exponential(mean_days * DAY, entries).astype(np.int64)


def _recorded(table: pa.Table, recorded_at: Int64) -> pa.Table:
    column = table.column_names.index("recorded_at")
    return table.set_column(column, "recorded_at", as_instants(recorded_at))


def _in_order(interactions: pa.Table) -> pa.Table:
    return interactions.sort_by([("lead_id", "ascending"), ("occurred_at", "ascending")])


def _row_of(leads: pa.Table, lead_id: pa.ChunkedArray) -> Int64:
    """Row of the lead of each name."""
    row: Int64 = pc.index_in(lead_id, value_set=leads["lead_id"]).to_numpy().astype(np.int64)
    return row


def _seconds(column: pa.ChunkedArray) -> Int64:
    """Whole seconds since the epoch; a null is 0."""
    seconds: Int64 = column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000
    return seconds
