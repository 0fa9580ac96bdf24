"""Rows to learn from and to judge on: looks of an export with labels, splits and features."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.arrays import Bool, Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.language.catalogue import customised_spec, features_of_file, standard_spec
from features.language.spec import Spec, feature_from_json
from features.progress import Progress
from features.scale.batch import point_in_time_features
from features.spine import Spine, microseconds
from features.tables import Tables
from models.bundle import HORIZONS
from training.config import DatasetSettings
from training.dataset.examples import Examples
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import Split, judged_from, require_conversions, split_of
from training.dataset.thinning import Thinning, thinning_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Looks with their features and outcomes.

    Parameters
    ----------
    spine : Spine
        The looks.
    spec : Spec
        Features of the matrix, column by column.
    matrix : float64 array of shape (rows, features)
        Features of each row.
    labels : mapping of "hot", "warm" to Labels
        Outcomes of the same looks.
    thinning : Thinning
        Which of the looks stand for others.
    """

    spine: Spine
    spec: Spec
    matrix: Float64
    labels: Mapping[str, Labels]
    thinning: Thinning

    def looks(self, horizon: str, chosen: Bool) -> Examples:
        """Those up to some instant, with what came of them within a horizon."""
        converted = self.labels[horizon].converted
        return Examples(
            matrix=self.matrix[chosen],
            converted=converted[chosen],
            lead=self.spine.lead[chosen],
            weight=self.thinning.weight(chosen),
        )


@dataclass(frozen=True, slots=True)
class TrainingFrame(Rows):
    """Rows to learn from and to judge on.

    Parameters
    ----------
    splits : mapping of "hot", "warm" to Split
        Periods of the looks by horizon.
    age_days : float64 array of shape (rows,)
        Age of the lead at each row.
    """

    splits: Mapping[str, Split]
    age_days: Float64


def training_frame(
    tables: Tables, settings: DatasetSettings, report_progress: Progress
) -> TrainingFrame:
    """Snapshots of an export with labels, splits and features."""
    spine = snapshots(tables, settings.snapshots)
    days = settings.horizon_days
    found = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    test_from = judged_from(settings, spine, tables.data_end)
    splits = {name: split_of(tables, spine, found[name], settings, test_from) for name in HORIZONS}
    for name in HORIZONS:
        require_conversions(splits[name], found[name], spine.lead)
    # What the catalogue sees ends before the first row that calibrates, in either horizon.
    spec = spec_of(tables, settings, min(split.calibrate_from for split in splits.values()))
    done = 0

    def report_rows(rows: int) -> None:
        nonlocal done
        done += rows
        report_progress("features", done, len(spine))

    matrix = point_in_time_features(tables, spine, spec, report_rows)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    thinning = thinning_of(tables, spine, settings.snapshots.thin)
    return TrainingFrame(spine, spec, matrix, found, thinning, splits, age_days)


def spec_of(tables: Tables, settings: DatasetSettings, until: int) -> Spec:
    """Spec of the standard features, as the configuration adds to it and drops from it.

    Parameters
    ----------
    tables : Tables
        The export.
    settings : DatasetSettings
        What the rows of a training are made by.
    until : int
        Microseconds; what was known at or after it is not looked at.

    Raises
    ------
    ValueError
        A feature that is added is no feature, or one that is dropped is not there.
    """
    chosen = settings.features
    standard = standard_spec(tables, until, owner=chosen.owner, timezone=settings.timezone or "UTC")
    added = [feature_from_json(item) for item in chosen.add]
    if chosen.file is not None:
        added += features_of_file(settings.base / chosen.file)
    return customised_spec(standard, added, chosen.drop)
