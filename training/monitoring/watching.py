"""One horizon of a ledger, watched: the alarm, what was expected of whom, and who comes now."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.spine import Spine, microseconds
from features.tables import Tables
from ledger.store import Ledger
from models.bundle import Bundle
from models.horizon import HorizonModel
from training.config import SnapshotSettings
from training.dataset.snapshots import snapshots
from training.monitoring.alarms import HALF_YEAR_WEEKS, MOST_WEEKS, Alarm, LevelSpread, alarm
from training.monitoring.answers import (
    HORIZON_NAMES,
    PROMISING,
    HorizonAnswers,
    HorizonName,
    LeftOut,
    join_answers,
)
from training.monitoring.drift import Drift, drift
from training.monitoring.progress import WEEK, BuyingPace, buying_pace, weekly_progress

LEAST_PACE_BUYERS = 50
"""Looks of the ledger that bought, below which the pace is that of the export's looks."""
DRIFT_KINDS = ("model", "channel", "owner")
"""Kinds of groups whose mix is weighed; the band follows from the probability itself."""
_LEAST_VARIANCE = 1e-4
_MARGINS = np.linspace(-12, 6, 1_801)


@dataclass(frozen=True, slots=True)
class HorizonWatch:
    """What is known of a horizon's promises before they end.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        The horizon.
    days : int
        Its length in the latest answer; 0 where there is none.
    alarm : Alarm
        Whether promises have begun to break.
    drift : Drift or None
        What other leads do to the expected figures; None before there are two half-years.
    pace_source : {"ledger", "export"}
        Whose buyers tell how soon within a horizon people buy.
    left_out : LeftOut
        Answers that say nothing.
    """

    horizon: HorizonName
    days: int
    alarm: Alarm
    drift: Drift | None
    pace_source: Literal["ledger", "export"]
    left_out: LeftOut


def watch_horizon(
    answers: HorizonAnswers,
    horizon: HorizonName,
    tables: Tables,
    looks: Spine,
    spread: LevelSpread,
    known_until: int,
) -> HorizonWatch:
    """Alarm and drift of a horizon's answers.

    Parameters
    ----------
    answers : HorizonAnswers
        Of this horizon.
    horizon : {"hot", "warm"}
        The horizon.
    tables : Tables
        The export that they are joined with.
    looks : Spine
        Looks at the export's leads as a training has them; they tell the pace of buyers as long as
        the ledger is young.
    spread : LevelSpread
        How far levels lie from 1 although nothing has changed.
    known_until : int
        Microseconds: the end of the data.
    """
    promises = answers.promises
    first = int(promises.as_of.min(initial=known_until))
    weeks = min(MOST_WEEKS, math.ceil((known_until - first) / WEEK))
    half_year_ago = known_until - HALF_YEAR_WEEKS * WEEK
    pace = buying_pace(promises.as_of, promises.converted_at, promises.days, half_year_ago)
    pace_source: Literal["ledger", "export"] = "ledger"
    if len(pace.elapsed) < LEAST_PACE_BUYERS:
        pace, pace_source = (
            _pace_of_export(tables, looks, answers.latest_days, known_until),
            "export",
        )
    person = answers.person[answers.lead >= 0]
    return HorizonWatch(
        horizon=horizon,
        days=answers.latest_days,
        alarm=alarm(weekly_progress(promises, pace, known_until, weeks), spread),
        drift=drift(
            promises.probability,
            person,
            promises.as_of > half_year_ago,
            {kind: answers.groups[kind][answers.lead >= 0] for kind in DRIFT_KINDS},
        ),
        pace_source=pace_source,
        left_out=answers.left_out,
    )


def watch_ledger(
    ledger: Ledger,
    tables: Tables,
    settings: SnapshotSettings,
    bundle: Bundle | None = None,
    hash_lead: Callable[[str], str] | None = None,
) -> tuple[HorizonWatch, ...]:
    """Both horizons, as far as a ledger speaks of them.

    Parameters
    ----------
    ledger : Ledger
        An open ledger.
    tables : Tables
        A later export; what happened after its end is not known.
    settings : SnapshotSettings
        When a training looks at leads.
    bundle : Bundle, optional
        The model that serves: it knows how far months differ and how sure its calibration is.
    hash_lead : callable, optional
        Keyed hash that the ledger holds in place of ids (`ledger.hashing`).
    """
    answers, looks = ledger.read(purposes=PROMISING), snapshots(tables, settings)
    watches = []
    for horizon in HORIZON_NAMES:
        joined = join_answers(answers, tables, horizon, hash_lead)
        spread = LevelSpread()
        if bundle is not None and len(joined.probability):
            spread = level_spread(bundle.horizon(horizon), float(joined.probability.mean()))
        watches.append(
            watch_horizon(joined, horizon, tables, looks, spread, known_until=tables.data_end)
        )
    return tuple(watches)


def level_spread(model: HorizonModel, promised: float) -> LevelSpread:
    """How far a model itself says that levels may lie from what it promises.

    Parameters
    ----------
    model : HorizonModel
        Whose calibration has a variance, and whose evidence knows how far months differ.
    promised : float
        Probability at which the calibration's variance is taken: the mean promise.
    """
    nearest = int(np.argmin(np.abs(model.calibration.probability(_MARGINS) - promised)))
    calibration = float(model.calibration.variance(_MARGINS[[nearest]])[0])
    month = model.evidence.month_variance
    usual = LevelSpread()
    return LevelSpread(
        calibration=max(calibration, _LEAST_VARIANCE),
        month=usual.month if month is None else month,
    )


def _pace_of_export(tables: Tables, looks: Spine, days: int, known_until: int) -> BuyingPace:
    converted_at = microseconds(tables.leads["converted_at"])[looks.lead]
    horizon = np.full(len(looks), days)
    return buying_pace(looks.as_of, converted_at, horizon, known_until)
