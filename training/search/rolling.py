"""Rolling origins inside the fitting period: where settings may be compared.

The export is cut where calibration begins before anything is computed, so nothing at or after that
instant can be looked at, whatever is done with the rest. A setting is judged as a model is, by what
came after: it is fitted before each of several origins and judged between that one and the next.
The latest stretch is for confirming what the others chose.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from features.progress import StepProgress, no_step_progress
from features.scale.batch import point_in_time_features
from features.spine import Spine, microseconds
from features.tables import Tables
from models.bundle import HORIZONS
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.config import AuditSettings, DatasetSettings
from training.dataset.as_of_cut import cut_at
from training.dataset.draws import drawn_by_lead
from training.dataset.frame import Rows, spec_of
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import (
    LEAST_CALIBRATE_LEADS,
    LEAST_FIT_LEADS,
    converting_leads,
    judged_from,
    split_of,
    two_sides,
)
from training.dataset.thinning import thinning_of

ORIGINS = (0.5, 0.65, 0.8)
"""Shares of the fitting period; what follows on the last one confirms."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One origin of one horizon.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        Which horizon it is.
    at : int
        The origin, in microseconds.
    fit, judge : bool arrays of shape (rows,)
        Looks whose horizon had ended before the origin, and those from it up to the next one.
    fit_eligible : bool array of shape (rows,)
        Rows of the leads that may be learned from before the origin.
    """

    horizon: str
    at: int
    fit: Bool
    judge: Bool
    fit_eligible: Bool


@dataclass(frozen=True, slots=True)
class RollingRows(Rows):
    """All that settings are compared by; nothing of it was known when calibration begins.

    Its spec is of what was known before the first origin.

    Parameters
    ----------
    search, confirm : tuple of Fold
        Those that choose, and the later ones that confirm; a horizon that has too few conversions
        for all of them has none.
    """

    search: tuple[Fold, ...]
    confirm: tuple[Fold, ...]


def rolling_rows(
    tables: Tables,
    settings: DatasetSettings,
    audit_settings: AuditSettings,
    report_progress: StepProgress = no_step_progress,
) -> RollingRows:
    """Looks, features and rolling origins of a fitting period.

    Parameters
    ----------
    tables : Tables
        The export.
    settings : DatasetSettings
        What the rows of a training are made by.
    audit_settings : AuditSettings
        Whether what the audit quarantines is left out.
    report_progress : callable, optional
        Called with the number of rows whose features are done and their total.

    Raises
    ------
    ValueError
        There are too few conversions to judge settings inside of the fitting period.
    """
    until = _fitting_ends(tables, settings)
    past = cut_at(tables, until)
    if audit_settings.enabled:
        past = without_quarantined(past, audit(past, settings, audit_settings))
    spine = snapshots(past, settings.snapshots)
    found = {name: labels(past, spine, days) for name, days in settings.horizon_days.items()}
    folds = {name: _folds(name, past, spine, found[name], until, settings) for name in HORIZONS}
    usable = [name for name in HORIZONS if len(folds[name]) == len(ORIGINS)]
    if not usable:
        raise ValueError(
            "The fitting period has too few conversions to compare settings inside of it: each of "
            f"{len(ORIGINS)} stretches needs {LEAST_FIT_LEADS} leads that converted before it "
            f"and {LEAST_CALIBRATE_LEADS} in it. Keep the defaults, or export more."
        )
    first_origin = min(int(spine.as_of[folds[name][0].judge].min()) for name in usable)
    spec = spec_of(past, settings, first_origin)
    done = 0

    def finished(rows: int) -> None:
        nonlocal done
        done += rows
        report_progress(done, len(spine))

    return RollingRows(
        spine,
        spec,
        point_in_time_features(past, spine, spec, finished),
        found,
        thinning_of(past, spine, settings.snapshots.thin),
        search=tuple(fold for name in usable for fold in folds[name][:-1]),
        confirm=tuple(folds[name][-1] for name in usable),
    )


def _fitting_ends(tables: Tables, settings: DatasetSettings) -> int:
    """Instant at which the first horizon begins to calibrate."""
    spine = snapshots(tables, settings.snapshots)
    test_from = judged_from(settings, spine, tables.data_end)
    splits = (
        split_of(tables, spine, labels(tables, spine, days), settings, test_from)
        for days in settings.horizon_days.values()
    )
    return min(split.calibrate_from for split in splits)


def _folds(
    name: str, tables: Tables, spine: Spine, found: Labels, until: int, settings: DatasetSettings
) -> list[Fold]:
    """Origins of one horizon that have enough conversions on both sides."""
    gap = found.days * MICROSECONDS_PER_DAY
    first = int(spine.as_of.min())
    span = max(until - gap - first, 0)
    created_at, drawn = microseconds(tables.leads["created_at"]), drawn_by_lead(tables)
    folds = []
    for at, end in itertools.pairwise([*(first + round(s * span) for s in ORIGINS), until]):
        fit = found.known_before(spine, at)
        judge = found.mature & (spine.as_of >= at) & (spine.as_of < end)
        fit_eligible = np.ones(len(spine), np.bool_)
        if settings.split.leads == "apart":
            earlier, later = two_sides(created_at, settings.snapshots.until_days, at, drawn)
            fit_eligible = earlier[spine.lead]
            fit, judge = fit & fit_eligible, judge & later[spine.lead]
        enough = converting_leads(found, spine.lead, fit) >= LEAST_FIT_LEADS
        if enough and converting_leads(found, spine.lead, judge) >= LEAST_CALIBRATE_LEADS:
            folds.append(Fold(name, at, fit, judge, fit_eligible))
    return folds
