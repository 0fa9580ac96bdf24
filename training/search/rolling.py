"""The rolling origins of a training, where settings may be compared.

Settings are judged as models are, by what came after: at each origin of a training
(`training.dataset.split.rolling_origins`) a model is fitted and judged on the looks up to the next.
The latest stretch with enough outcomes only confirms what the earlier ones chose. The export is cut
where the test begins before anything is computed, so no step can use what is known only later.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from features.progress import StepProgress, no_step_progress
from features.scale.batch import point_in_time_features
from features.spine import Spine
from features.tables import Tables
from models.bands import HORIZONS
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.config import AuditSettings, DatasetSettings
from training.dataset.as_of_cut import cut_at
from training.dataset.draws import drawn_by_lead
from training.dataset.frame import Rows, spec_of
from training.dataset.lead_order import by_creation
from training.dataset.persons import first_and_last_creation, person_of_lead
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import (
    LEAST_LEARNED_LEADS,
    converting_leads,
    first_look,
    judged_from,
    rolling_origins,
    two_sides,
)
from training.dataset.thinning import thinning_of

LEAST_FOLDS = 2
"""Stretches with enough conversions that a horizon needs: one to choose by and one to confirm."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One origin of one horizon.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        Which horizon it is.
    origin : int
        Instant in microseconds.
    fit, judge : bool arrays of shape (rows,)
        Looks whose outcome was known at the origin, and looks from it up to the next origin.
    fit_eligible : bool array of shape (rows,)
        Rows of the leads that may be learned from before the origin.
    """

    horizon: str
    origin: int
    fit: Bool
    judge: Bool
    fit_eligible: Bool


@dataclass(frozen=True, slots=True)
class RollingRows(Rows):
    """Rows and folds on which settings are compared; all of it was known before the test.

    Its spec follows from what was known before the first origin.

    Parameters
    ----------
    search, confirm : tuple of Fold
        Folds that choose the settings, and the later ones that confirm the choice. A horizon with
        too few conversions for two of them has none.
    """

    search: tuple[Fold, ...]
    confirm: tuple[Fold, ...]


def rolling_rows(
    tables: Tables,
    settings: DatasetSettings,
    audit_settings: AuditSettings,
    report_progress: StepProgress = no_step_progress,
) -> RollingRows:
    """Looks, features and rolling origins of the time before the test.

    Parameters
    ----------
    tables : Tables
        The export.
    settings : DatasetSettings
        Sections of the configuration that decide which rows a training has.
    audit_settings : AuditSettings
        Settings of the leak audit; if it is enabled, what it quarantines is left out.
    report_progress : callable, optional
        Called with the number of rows whose features are done and their total.

    Raises
    ------
    ValueError
        There are too few conversions to compare settings before the test.
    """
    tables = by_creation(tables)
    test_from = judged_from(settings, snapshots(tables, settings.snapshots), tables.data_end)
    past = cut_at(tables, test_from)
    if audit_settings.enabled:
        past = without_quarantined(past, audit(past, settings, audit_settings))
    spine = snapshots(past, settings.snapshots)
    labels_by_horizon = {
        name: labels(past, spine, days) for name, days in settings.horizon_days.items()
    }
    folds = {
        name: _folds(name, past, spine, labels_by_horizon[name], test_from, settings)
        for name in HORIZONS
    }
    usable = [name for name in HORIZONS if len(folds[name]) >= LEAST_FOLDS]
    if not usable:
        raise ValueError(
            "There are too few conversions before the test to compare settings there: each of "
            f"{LEAST_FOLDS} stretches needs {LEAST_LEARNED_LEADS} leads that converted before it "
            f"and {LEAST_LEARNED_LEADS} in it. Keep the defaults, or export more."
        )
    first_origin = min(int(spine.as_of[folds[name][0].judge].min()) for name in usable)
    spec = spec_of(past, settings, first_origin)
    rows_done = 0

    def report_rows(rows: int) -> None:
        nonlocal rows_done
        rows_done += rows
        report_progress(rows_done, len(spine))

    return RollingRows(
        spine,
        spec,
        point_in_time_features(past, spine, spec, report_rows),
        labels_by_horizon,
        thinning_of(past, spine, settings.snapshots.thin),
        person_of_lead(past)[spine.lead],
        search=tuple(fold for name in usable for fold in folds[name][:-1]),
        confirm=tuple(folds[name][-1] for name in usable),
    )


def _folds(
    name: str,
    tables: Tables,
    spine: Spine,
    horizon_labels: Labels,
    test_from: int,
    settings: DatasetSettings,
) -> list[Fold]:
    """Origins of one horizon that have enough conversions on both sides."""
    longest_days = settings.horizons.warm_days
    origins = rolling_origins(first_look(spine), test_from, longest_days, settings.split)
    person, lead_draws = person_of_lead(tables)[spine.lead], drawn_by_lead(tables)
    created_at, last_created_at = first_and_last_creation(tables)
    looked_at_until = last_created_at + round(settings.snapshots.until_days * MICROSECONDS_PER_DAY)
    folds = []
    for origin, next_origin in itertools.pairwise([*origins, test_from]):
        fit = horizon_labels.known_before(spine, origin)
        judge = horizon_labels.mature & (spine.as_of >= origin) & (spine.as_of < next_origin)
        fit_eligible = np.ones(len(spine), np.bool_)
        if settings.split.leads == "apart":
            earlier, later = two_sides(created_at, looked_at_until, origin, lead_draws)
            fit_eligible = earlier[spine.lead]
            fit, judge = fit & fit_eligible, judge & later[spine.lead]
        enough_to_fit = converting_leads(horizon_labels, person, fit) >= LEAST_LEARNED_LEADS
        if enough_to_fit and converting_leads(horizon_labels, person, judge) >= LEAST_LEARNED_LEADS:
            folds.append(Fold(name, origin, fit, judge, fit_eligible))
    return folds
