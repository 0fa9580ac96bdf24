"""Exports of made-up worlds, cut at an instant: what was known then, and the looks that came later.

A model is trained on the export as it stood 90 days before the data end (`training.dataset.
as_of_cut`), and judged on every look from that instant on, whose true probabilities the world
tells. So nothing that a model is judged on, not even a feature, was there to learn from, and no
look is left out because its outcome is not known yet.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.spine import Spine, microseconds
from features.tables import Tables
from features.worlds.crm import WORLDS_OWN, Knobs, write_export
from features.worlds.registry import WORLDS, made_up_crm
from models.bands import HORIZONS
from training.config import Config, read_config
from training.dataset.as_of_cut import cut_at

Use = Literal["choosing", "judging"]
USE_OF_WORLD: Mapping[str, Use] = {
    "acting": "judging",
    "chain": "choosing",
    "excited": "choosing",
    "long_cycles": "judging",
    "persons": "judging",
    "seasons": "judging",
}
"""On which worlds choices may be made, and which only judge what was chosen."""
JUDGED_DAYS = 90
"""Days of looks after the cut."""
PILOT_SEED = 0
PILOT_LEADS, MOST_PILOT_LEADS = 2_000, 128_000
PILOT_CONVERSIONS = 100
"""A pilot draw grows until it has so many conversions: their number is then known within a fifth,
in two of three draws within a tenth."""


@dataclass(frozen=True, slots=True)
class CutExport:
    """An export as it stood at an instant, and the looks that came later.

    Parameters
    ----------
    past : Tables
        What was known at the cut; its data end there.
    full : Tables
        The whole export, for features of the later looks.
    config : Config
        Of the export.
    looks : Spine
        Looks from the cut on, by lead of `full` and time.
    truth : mapping of "hot", "warm" to float64 array of shape (looks,)
        True probability of each of them.
    """

    past: Tables
    full: Tables
    config: Config
    looks: Spine
    truth: Mapping[str, Float64]

    @property
    def conversions(self) -> int:
        """How many leads had converted at the cut."""
        return conversions_of(self.past)


def worlds() -> tuple[str, ...]:
    """Names of the worlds that can be drawn, those for choices first."""
    return tuple(world for world in USE_OF_WORLD if world in WORLDS)


def cut_export(world: str, leads: int, seed: int, knobs: Knobs = WORLDS_OWN) -> CutExport:
    """Export of a world, written and read as any other, and cut.

    Parameters
    ----------
    world : str
        One of `worlds()`.
    leads : int
        How many leads the whole export has.
    seed : int
        The same seed gives the same export.
    knobs : Knobs, optional
        What is asked of the world beside its size.
    """
    crm = made_up_crm(world, leads, seed, knobs)
    with tempfile.TemporaryDirectory() as folder:
        write_export(crm, folder, "parquet")
        config = read_config(Path(folder) / "lead_temperature.toml")
        tables = read_export(config.export)
    cut = tables.data_end - JUDGED_DAYS * MICROSECONDS_PER_DAY
    looks, truth = looks_from(tables, crm.truth, cut)
    return CutExport(cut_at(tables, cut), tables, config, looks, truth)


def looks_from(tables: Tables, truth: pa.Table, cut: int) -> tuple[Spine, dict[str, Float64]]:
    """Looks from an instant on whose truth is told, and their truth by horizon.

    Parameters
    ----------
    tables : Tables
        The whole export. Looks at leads that were rejected from it are left out.
    truth : pyarrow.Table
        ``lead_id``, ``as_of``, ``hot_probability`` and ``warm_probability``.
    cut : int
        The instant, in microseconds.
    """
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.fill_null(pc.index_in(truth["lead_id"], value_set=ids), -1).to_numpy()
    as_of = microseconds(truth["as_of"])
    rows = np.flatnonzero((as_of >= cut) & (lead >= 0))
    rows = rows[np.lexsort((as_of[rows], lead[rows]))]
    looks = Spine(lead[rows].astype(np.int64), as_of[rows])
    return looks, {name: truth[f"{name}_probability"].to_numpy()[rows] for name in HORIZONS}


def conversions_of(tables: Tables) -> int:
    """How many leads of an export have converted."""
    return int(tables.leads.num_rows - tables.leads["converted_at"].null_count)


@cache
def leads_for(world: str, conversions: int, knobs: Knobs = WORLDS_OWN) -> int:
    """How many leads a world needs for about so many conversions at the cut.

    Parameters
    ----------
    world : str
        One of `worlds()`.
    conversions : int
        How many are wanted.
    knobs : Knobs, optional
        What is asked of the world beside its size.
    """
    return max(1, round(conversions / pilot_rate(world, knobs)))


@cache
def pilot_rate(world: str, knobs: Knobs = WORLDS_OWN) -> float:
    """Conversions at the cut for each lead of a whole export, by a draw of a seed of its own.

    Parameters
    ----------
    world : str
        One of `worlds()`.
    knobs : Knobs, optional
        What is asked of the world beside its size.

    Raises
    ------
    ValueError
        Hardly anybody converts.
    """
    leads = PILOT_LEADS
    while True:
        conversions = cut_export(world, leads, PILOT_SEED, knobs).conversions
        if conversions >= PILOT_CONVERSIONS:
            return conversions / leads
        leads *= 4
        if leads > MOST_PILOT_LEADS:
            raise ValueError(
                f"Of {leads // 4:,} leads of the world {world!r} {conversions} had converted at "
                f"the cut, at least {PILOT_CONVERSIONS} are needed to know its rate."
            )
