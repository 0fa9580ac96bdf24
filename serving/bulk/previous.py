"""The band that each lead had in an earlier run of bulk scores.

A lead near a cut-off would change its band again and again. `Bands.assign` therefore keeps a lead
in its band until it falls clearly below the cut-off, and `previous_bands` finds that band in an
earlier file of scores.
"""

from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.scale.instants import instants_of
from features.spine import Spine
from features.tables import Tables, without_formulas
from models.bands import LEVELS
from models.course.looks import Band

BANDS = tuple(str(level) for level in LEVELS)


def previous_bands(path: Path, tables: Tables, spine: Spine) -> list[Band | None]:
    """Band of each row's lead in an earlier file of scores.

    Parameters
    ----------
    path : pathlib.Path
        A file that `serving.bulk.scores.write_scores` wrote; the columns ``lead_id``, ``as_of`` and
        ``band`` are read. Leads that the spine does not name are ignored.
    tables : Tables
        The tables to whose leads the spine refers.
    spine : Spine
        The rows that will be scored.

    Returns
    -------
    list of "hot", "warm", "cold" or None
        For each row of the spine: the lead's latest band before the row's own instant.

    Raises
    ------
    FileNotFoundError, ValueError
        As in `features.scale.instants.instants_of`; or a band is none of the three.
    """
    earlier = instants_of(path, "band")
    band = earlier.texts["band"]
    unknown = np.flatnonzero(pc.invert(pc.is_in(band, value_set=pa.array(BANDS))))
    if len(unknown):
        raise ValueError(
            f"{path}: row {unknown[0] + 1} has the band {band[int(unknown[0])].as_py()!r}, a band "
            f"is one of {', '.join(BANDS)} ({len(unknown)} such rows)."
        )
    ids = tables.leads["lead_id"]
    if path.suffix != ".parquet":
        ids = without_formulas(ids)  # as a CSV file holds them
    lead = pc.fill_null(pc.index_in(earlier.lead_id, value_set=ids.combine_chunks()), -1).to_numpy()
    bands: list[Band | None] = [None] * len(spine)
    # One pass in the order of leads and time. At the same instant rows of the spine come first, so
    # that a score never follows a band of its own instant.
    leads = np.concatenate([spine.lead, lead])
    instants = np.concatenate([spine.as_of, earlier.as_of])
    is_earlier = np.arange(len(leads)) >= len(spine)
    latest: tuple[int, Band | None] = (-1, None)
    for row in np.lexsort((is_earlier, instants, leads)).tolist():
        if is_earlier[row]:
            latest = (int(leads[row]), cast("Band", band[row - len(spine)].as_py()))
        elif latest[0] == leads[row]:
            bands[row] = latest[1]
    return bands
