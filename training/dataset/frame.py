"""Rows to learn from and to judge on: looks of an export with labels, splits and features."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.language.spec import Spec, feature_from_json
from features.progress import Progress
from features.scale.batch import point_in_time_features
from features.scale.catalogue import customised_spec, features_of_file, standard_spec
from features.spine import Spine, microseconds
from features.tables import Tables
from models.bands import HORIZONS
from training.config import DatasetSettings
from training.dataset.examples import Examples
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import Split, judged_from, require_conversions, split_of
from training.dataset.thinning import Thinning, thinning_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Looks with their features and outcomes.

    Parameters
    ----------
    spine : Spine
        Lead and instant of each look; one look is one row.
    spec : Spec
        Features of the matrix, column by column.
    matrix : float64 array of shape (rows, features)
        Features of each row.
    labels : mapping of "hot", "warm" to Labels
        Outcomes of the same looks.
    thinning : Thinning
        Which of the looks stand for others.
    person : int64 array of shape (rows,)
        Person whose lead is looked at (`training.dataset.persons`); evidence is counted in persons.
    """

    spine: Spine
    spec: Spec
    matrix: Float64
    labels: Mapping[str, Labels]
    thinning: Thinning
    person: Int64

    @property
    def persons(self) -> Spine:
        """The same looks as looks at persons, for whatever takes looks of one for much alike."""
        return Spine(self.person, self.spine.as_of)

    def looks(self, horizon: str, rows: Bool) -> Examples:
        """Those up to some instant, with what came of them within a horizon."""
        converted = self.labels[horizon].converted
        return Examples(
            matrix=self.matrix[rows],
            converted=converted[rows],
            lead=self.person[rows],
            weight=self.thinning.weight(rows),
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
    person = person_of_lead(tables)[spine.lead]
    days = settings.horizon_days
    outcomes = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    test_from = judged_from(settings, spine, tables.data_end)
    splits = {
        name: split_of(tables, spine, outcomes[name], settings, test_from) for name in HORIZONS
    }
    for name in HORIZONS:
        require_conversions(splits[name], outcomes[name], person)
    # What the catalogue sees ends where the test begins. It sees no outcomes, and a column of words
    # that were unknown at an earlier origin is empty for all that its fit learns from.
    spec = spec_of(tables, settings, test_from)
    finished_rows = 0

    def report_rows(rows: int) -> None:
        nonlocal finished_rows
        finished_rows += rows
        report_progress("features", finished_rows, len(spine))

    matrix = point_in_time_features(tables, spine, spec, report_rows)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    thinning = thinning_of(tables, spine, settings.snapshots.thin)
    return TrainingFrame(spine, spec, matrix, outcomes, thinning, person, splits, age_days)


def spec_of(tables: Tables, settings: DatasetSettings, vocabulary_until: int) -> Spec:
    """Spec of the standard features, as the configuration adds to it and drops from it.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    settings : DatasetSettings
        Sections that decide the rows: horizons, snapshots, split and features.
    vocabulary_until : int
        Microseconds; what was known at or after it is not looked at.

    Raises
    ------
    ValueError
        A feature that is added is no feature, or one that is dropped is not there.
    """
    feature_settings = settings.features
    standard = standard_spec(
        tables, vocabulary_until, owner=feature_settings.owner, timezone=settings.timezone or "UTC"
    )
    added = [feature_from_json(item) for item in feature_settings.add]
    if feature_settings.file is not None:
        added += features_of_file(settings.base / feature_settings.file)
    return customised_spec(standard, added, feature_settings.drop)
