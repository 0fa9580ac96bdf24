"""The frame of a training: looks, features, outcomes, splits and weights of the same rows."""

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.scale.batch import point_in_time_features
from features.spine import microseconds
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import DatasetSettings, read_config
from training.dataset.frame import TrainingFrame, spec_of, training_frame


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, DatasetSettings]:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(1_200, seed=3), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    return read_export(config.export), config.dataset


@pytest.fixture(scope="module")
def reports() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def frame(
    crm: tuple[Tables, DatasetSettings], reports: list[tuple[str, int, int]]
) -> TrainingFrame:
    return training_frame(*crm, lambda *report: reports.append(report))


def test_every_part_has_the_same_rows(frame: TrainingFrame) -> None:
    rows = len(frame.spine)
    assert frame.matrix.shape == (rows, len(frame.spec.features))
    assert len(frame.age_days) == len(frame.thinning.lead) == rows
    for name, days in (("hot", 14), ("warm", 90)):
        assert frame.labels[name].days == days
        assert len(frame.labels[name].converted) == len(frame.splits[name].test) == rows


def test_the_age_of_a_lead_is_counted_from_its_creation(
    frame: TrainingFrame, crm: tuple[Tables, DatasetSettings]
) -> None:
    created_at = microseconds(crm[0].leads["created_at"])[frame.spine.lead]
    np.testing.assert_allclose(
        created_at + frame.age_days * MICROSECONDS_PER_DAY, frame.spine.as_of, atol=1_000
    )


def test_both_horizons_are_tested_from_the_same_instant(frame: TrainingFrame) -> None:
    assert frame.splits["hot"].test_from == frame.splits["warm"].test_from


def test_the_catalogue_ends_where_the_test_begins(
    frame: TrainingFrame, crm: tuple[Tables, DatasetSettings]
) -> None:
    assert frame.spec == spec_of(*crm, frame.splits["hot"].test_from)


def test_features_are_those_of_each_look(
    frame: TrainingFrame, crm: tuple[Tables, DatasetSettings]
) -> None:
    rows = np.arange(0, len(frame.spine), 97)
    spine = type(frame.spine)(frame.spine.lead[rows], frame.spine.as_of[rows])
    alone = point_in_time_features(crm[0], spine, frame.spec)
    np.testing.assert_array_equal(frame.matrix[rows], alone)


def test_progress_ends_with_all_rows(
    frame: TrainingFrame, reports: list[tuple[str, int, int]]
) -> None:
    assert reports[-1] == ("features", len(frame.spine), len(frame.spine))


def test_examples_of_a_horizon_carry_its_outcomes_and_the_weights_of_their_thinning(
    frame: TrainingFrame,
) -> None:
    rows = frame.splits["warm"].fit
    examples = frame.looks("warm", rows)
    np.testing.assert_array_equal(examples.matrix, frame.matrix[rows])
    np.testing.assert_array_equal(examples.converted, frame.labels["warm"].converted[rows])
    np.testing.assert_array_equal(examples.lead, frame.spine.lead[rows])
    assert examples.weight.sum() == rows.sum()
