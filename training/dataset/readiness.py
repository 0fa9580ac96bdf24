"""Whether an export can be trained on, said before the training.

The looks, outcomes and periods of a training cost next to nothing compared with its features and
boosters. So `check` goes that far, and tells for each horizon what `train` would have to learn from
and to judge, or why it would refuse.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import Bool
from features.spine import Spine
from features.tables import Tables
from models.bands import HORIZONS
from training.config import DatasetSettings
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import judged_from, only_base_rate, require_conversions, split_of


@dataclass(frozen=True, slots=True)
class PeriodSize:
    """Looks that one horizon fits, calibrates or judges by.

    Parameters
    ----------
    name : {"fit", "calibrate", "test"}
        What its looks are used for.
    looks, leads, positives : int
        How many there are, of how many leads, and how many led to a conversion.
    first_look, last_look : int or None
        Instants of the earliest and the latest look in microseconds; None without looks.
    """

    name: str
    looks: int
    leads: int
    positives: int
    first_look: int | None
    last_look: int | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a training would find for one horizon.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        Which horizon it is.
    days : int
        Length of the horizon.
    periods : tuple of PeriodSize
        Empty where the export's time does not suffice for them.
    immature : int
        Looks whose horizon has not ended: whatever has happened so far, they are not used.
    problem : str or None
        Why `train` would refuse.
    only_base_rate : bool
        Whether so few leads are known to have converted that all are told the base rate.
    """

    horizon: str
    days: int
    periods: tuple[PeriodSize, ...]
    immature: int
    problem: str | None
    only_base_rate: bool = False


def readiness(tables: Tables, settings: DatasetSettings) -> tuple[Readiness, ...]:
    """What a training would find, horizon by horizon.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    settings : DatasetSettings
        Sections that decide the rows: horizons, snapshots, split and features.

    Raises
    ------
    ValueError
        No lead is open at any instant of the grid.
    """
    spine = snapshots(tables, settings.snapshots)
    days = settings.horizon_days
    test_from = judged_from(settings, spine, tables.data_end)
    return tuple(
        _readiness(name, tables, spine, labels(tables, spine, days[name]), settings, test_from)
        for name in HORIZONS
    )


def _readiness(
    name: str,
    tables: Tables,
    spine: Spine,
    outcomes: Labels,
    settings: DatasetSettings,
    test_from: int,
) -> Readiness:
    periods: tuple[PeriodSize, ...] = ()
    immature = int((~outcomes.mature).sum())
    try:
        split = split_of(tables, spine, outcomes, settings, test_from)
        periods = (
            _period("fit", spine, outcomes, split.fit),
            _period("calibrate", spine, outcomes, split.calibrate),
            _period("test", spine, outcomes, split.test),
        )
        require_conversions(split, outcomes, spine.lead)
    except ValueError as error:
        return Readiness(name, outcomes.days, periods, immature, str(error))
    return Readiness(
        name,
        outcomes.days,
        periods,
        immature,
        problem=None,
        only_base_rate=only_base_rate(split, outcomes, spine.lead),
    )


def _period(name: str, spine: Spine, outcomes: Labels, rows: Bool) -> PeriodSize:
    as_of = spine.as_of[rows]
    return PeriodSize(
        name,
        looks=len(as_of),
        leads=len(np.unique(spine.lead[rows])),
        positives=int(outcomes.converted[rows].sum()),
        first_look=int(as_of.min()) if len(as_of) else None,
        last_look=int(as_of.max()) if len(as_of) else None,
    )
