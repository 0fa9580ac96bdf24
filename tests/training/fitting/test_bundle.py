"""A bundle is fitted without the test rows, and its warm booster by hot outcomes known by then."""

from dataclasses import replace

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import Config, read_config
from training.dataset.frame import TrainingFrame, training_frame
from training.fitting.bundle import FittedBundle, fit_bundle, shorter_horizon_rows

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def config_and_frame(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, TrainingFrame]:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(2_000, seed=4), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    model = config.model.model_copy(update={"trees": 5, "threads": 1, "kind": "blend"})
    frame = training_frame(read_export(config.export), config.dataset, lambda *_: None)
    return config.model_copy(update={"model": model}), frame


@pytest.fixture(scope="module")
def fitted(config_and_frame: tuple[Config, TrainingFrame]) -> FittedBundle:
    config, frame = config_and_frame
    return fit_bundle(frame, (), config.fitting, lambda *_: None)


def test_bounds_of_held_out_looks_end_where_the_test_begins(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    frame = config_and_frame[1]
    tested = frame.spine.as_of >= frame.splits["hot"].test_from
    for low in (fitted.hot_held_out, fitted.warm_held_out):
        np.testing.assert_array_equal(np.isnan(low), tested)
        assert ((low[~tested] >= 0) & (low[~tested] <= 1)).all()


def test_each_horizon_says_how_its_calibration_was_chosen(fitted: FittedBundle) -> None:
    assert set(fitted.calibrations) == {"hot", "warm"}
    for summary in fitted.calibrations.values():
        methods = [compared.method for compared in summary.compared]
        assert not methods or summary.curve in methods


def test_outcomes_and_features_of_test_rows_change_nothing(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    config, frame = config_and_frame
    tested = frame.spine.as_of >= frame.splits["hot"].test_from
    matrix = np.where(tested[:, None], np.nan, frame.matrix)
    labels = {
        name: replace(outcomes, converted=outcomes.converted ^ tested)
        for name, outcomes in frame.labels.items()
    }
    changed = replace(frame, matrix=matrix, labels=labels)
    again = fit_bundle(changed, (), config.fitting, lambda *_: None)
    np.testing.assert_array_equal(again.hot_held_out, fitted.hot_held_out)
    np.testing.assert_array_equal(again.warm_held_out, fitted.warm_held_out)
    assert again.bundle.bands == fitted.bundle.bands
    scores, scores_again = (b.bundle.scores(frame.matrix[tested]) for b in (fitted, again))
    np.testing.assert_array_equal(scores.warm_probability, scores_again.warm_probability)


def test_progress_counts_the_trees_of_both_fits(
    config_and_frame: tuple[Config, TrainingFrame],
) -> None:
    config, frame = config_and_frame
    reports: list[tuple[str, int, int]] = []
    fit_bundle(frame, (), config.fitting, lambda *report: reports.append(report))
    for name in ("hot", "warm"):
        counts = [done for stage, done, _ in reports if stage == f"trees of the {name} horizon"]
        assert counts == list(range(1, 11))


@pytest.mark.parametrize("final", [True, False])
def test_the_warm_booster_sees_hot_outcomes_that_were_known_by_then(
    config_and_frame: tuple[Config, TrainingFrame], final: bool
) -> None:
    frame = config_and_frame[1]
    split = frame.splits["warm"]
    known_until = split.test_from if final else split.calibrate_from
    rows = shorter_horizon_rows(frame, final)
    assert rows.any()
    assert frame.spine.as_of[rows].max() + 14 * MICROSECONDS_PER_DAY < known_until
    # Many more than have a known warm outcome: that is why they are used.
    assert rows.sum() > (split.refit if final else split.fit).sum()
