"""What is judged knows nothing of the test, and what serves every outcome."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.arrays import Bool
from features.export.sources import read_export
from features.progress import no_progress
from features.worlds.chain import made_up_crm
from features.worlds.crm import Knobs, write_export
from features.worlds.registry import made_up_crm as of_world
from models.bands import HORIZONS
from models.explain import explanation
from training.config import Config, read_config
from training.dataset.frame import TrainingFrame, training_frame
from training.dataset.split import ROLLING_ORIGINS
from training.fitting.bundle import FittedBundle, _RollingFits, _Traits, fit_bundle
from training.fitting.predictor import SHARE_FOLDS

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def config_and_frame(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, TrainingFrame]:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(1_200, seed=4), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    model = config.model.model_copy(update={"trees": 5, "threads": 1, "kind": "blend"})
    frame = training_frame(read_export(config.export), config.dataset, lambda *_: None)
    return config.model_copy(update={"model": model}), frame


@pytest.fixture(scope="module")
def fitted(config_and_frame: tuple[Config, TrainingFrame]) -> FittedBundle:
    config, frame = config_and_frame
    return fit_bundle(frame, (), config.fitting, lambda *_: None, final=True)


def test_bounds_of_held_out_looks_end_where_the_test_begins(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    frame = config_and_frame[1]
    split, as_of = frame.splits["hot"], frame.spine.as_of
    rolled = (as_of >= split.calibrate_from) & (as_of < split.test_from)
    for probability in (fitted.hot_held_out, fitted.warm_held_out):
        np.testing.assert_array_equal(np.isnan(probability), ~rolled)
        assert ((probability[rolled] >= 0) & (probability[rolled] <= 1)).all()


def test_each_horizon_says_how_its_calibration_was_chosen(fitted: FittedBundle) -> None:
    assert set(fitted.calibrations) == {"hot", "warm"}
    for summary in fitted.calibrations.values():
        methods = [compared.method for compared in summary.compared]
        assert not methods or summary.curve in methods


def test_the_bands_that_serve_are_those_judged_and_tell_of_all_looks_out_of_time(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    frame, judged, served = config_and_frame[1], fitted.judged_bundle.bands, fitted.bundle.bands
    assert served.cutoffs == judged.cutoffs
    looks = {name: promise.looks for name, promise in served.promises.items()}
    split = frame.splits["warm"]
    out_of_time = split.calibrate | split.test
    assert looks["cold"] > judged.promises["cold"].looks
    assert sum(looks[name] for name in ("warm", "cold")) <= out_of_time.sum()
    for name in HORIZONS:
        if judged.cutoffs[name] is not None:
            assert served.promises[name].policy == judged.promises[name].policy


@pytest.mark.slow
def test_the_earlier_bands_are_kept_while_chance_explains_the_change(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    config, frame = config_and_frame
    judged = fitted.judged_bundle.bands
    moved = {
        name: None if cutoff is None else 1.01 * cutoff for name, cutoff in judged.cutoffs.items()
    }
    earlier = replace(judged, **moved)
    again = fit_bundle(frame, (), config.fitting, no_progress, earlier=earlier)
    kept = again.bundle.bands
    assert kept.hot == earlier.hot != judged.hot
    assert "kept from the model before" in kept.promises["hot"].explanation


def test_what_serves_has_learned_from_every_known_outcome(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    frame = config_and_frame[1]
    for name in HORIZONS:
        labels, refit = frame.labels[name], frame.splits[name].refit
        np.testing.assert_array_equal(fitted.learned[name], labels.mature)
        for bundle, rows in ((fitted.bundle, labels.mature), (fitted.judged_bundle, refit)):
            converting = len(np.unique(frame.spine.lead[rows & labels.converted]))
            assert bundle.horizon(name).evidence.conversions == converting
    assert fitted.bundle.bands.cutoffs == fitted.judged_bundle.bands.cutoffs


def without_test_period(frame: TrainingFrame) -> TrainingFrame:
    """The same frame with other outcomes and no features from the test period on."""
    tested = frame.spine.as_of >= frame.splits["hot"].test_from
    labels = {
        name: replace(outcomes, converted=outcomes.converted ^ tested)
        for name, outcomes in frame.labels.items()
    }
    return replace(frame, matrix=np.where(tested[:, None], np.nan, frame.matrix), labels=labels)


def test_outcomes_and_features_of_test_rows_change_nothing_of_what_is_judged(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    config, frame = config_and_frame
    again = fit_bundle(without_test_period(frame), (), config.fitting, no_progress)
    np.testing.assert_array_equal(again.hot_held_out, fitted.hot_held_out)
    np.testing.assert_array_equal(again.warm_held_out, fitted.warm_held_out)
    assert again.judged_bundle.bands == fitted.judged_bundle.bands
    assert again.bundle is again.judged_bundle
    tested = frame.splits["hot"].test
    scores, scores_again = (
        each.judged_bundle.scores(frame.matrix[tested]) for each in (fitted, again)
    )
    np.testing.assert_array_equal(scores.hot_probability, scores_again.hot_probability)
    np.testing.assert_array_equal(scores.warm_probability, scores_again.warm_probability)


@pytest.mark.slow
def test_each_look_is_foretold_by_the_latest_fit_before_it(
    config_and_frame: tuple[Config, TrainingFrame], fitted: FittedBundle
) -> None:
    """What becomes known from an origin on changes nothing that was said before the next one."""
    config, frame = config_and_frame
    split = frame.splits["hot"]
    origin = split.origins[2]
    labels = {
        name: replace(each, converted=each.converted ^ ~each.known_before(frame.spine, origin))
        for name, each in frame.labels.items()
    }
    refit = {name: frame.splits[name].refit for name in HORIZONS}
    traits = _Traits({"hot": 2.0, "warm": 6.0}, borrowed_share=0.5)
    found = []
    for each in (frame, replace(frame, labels=labels)):
        rolling = _RollingFits(each, config.fitting, no_progress, final=False, traits=traits)
        of_origins, _, _ = rolling.fits(refit, refit)
        found.append(rolling.out_of_time_margins(of_origins)["warm"])
    early = (frame.spine.as_of >= split.calibrate_from) & (frame.spine.as_of < split.origins[3])
    late = (frame.spine.as_of >= split.origins[3]) & (frame.spine.as_of < split.test_from)
    np.testing.assert_array_equal(found[0][early], found[1][early])
    assert np.isfinite(found[0][early]).all()
    assert (found[0][late] != found[1][late]).mean() > 0.9


@pytest.mark.slow
def test_progress_counts_the_trees_of_all_fits(
    config_and_frame: tuple[Config, TrainingFrame],
) -> None:
    config, frame = config_and_frame
    reports: list[tuple[str, int, int]] = []
    fit_bundle(frame, (), config.fitting, lambda *report: reports.append(report), final=True)
    fits = ROLLING_ORIGINS + 2 + SHARE_FOLDS
    assert [done for _, done, _ in reports] == list(range(1, 2 * 5 * fits + 1))
    assert {total for _, _, total in reports} == {2 * 5 * fits}


@pytest.mark.slow
def test_one_horizon_is_fitted_once_and_answers_both_questions(
    config_and_frame: tuple[Config, TrainingFrame],
) -> None:
    config, frame = config_and_frame
    one = replace(
        frame,
        labels=dict.fromkeys(HORIZONS, frame.labels["hot"]),
        splits=dict.fromkeys(HORIZONS, frame.splits["hot"]),
    )
    totals: set[int] = set()
    fitted = fit_bundle(
        one, (), config.fitting, lambda *report: totals.add(report[2]), final=True
    ).bundle
    assert totals == {5 * (ROLLING_ORIGINS + 2)}
    assert fitted.hot.days == fitted.warm.days
    scores = fitted.scores(frame.matrix[:500])
    np.testing.assert_array_equal(scores.hot_probability, scores.warm_probability)


def test_of_fewer_than_ten_buyers_the_base_rate_is_all_that_is_said(tmp_path: Path) -> None:
    """Nine would be far too few to learn who buys, and a refusal would say less than they do."""
    write_export(of_world("chain", 120, 2, Knobs(rate=0.05)), tmp_path, "parquet")
    config = read_config(tmp_path / "lead_temperature.toml")
    frame = training_frame(read_export(config.export), config.dataset, lambda *_: None)
    few = fit_bundle(frame, (), config.fitting, lambda *_: None, final=True)
    for name in ("hot", "warm"):
        learned = frame.labels[name].converted[few.learned[name]]
        assert learned.sum() > 0
        assert few.calibrations[name].curve == "base_rate"
        probability = few.bundle.horizon(name).probability(frame.matrix)
        assert np.ptp(probability) == 0
        leads = len(np.unique(frame.person[few.learned[name]]))
        assert probability[0] == pytest.approx((learned.mean() * leads + 0.5) / (leads + 1))
    assert few.bundle.bands.hot is None
    assert {reason.points for reason in explanation(few.bundle, frame.matrix[0]).reasons} <= {0.0}


def test_the_share_of_evidence_counts_the_buyers_that_each_fit_had_learned_from(
    config_and_frame: tuple[Config, TrainingFrame],
) -> None:
    config, frame = config_and_frame
    rolling = _RollingFits(frame, config.fitting, no_progress, final=False)
    known_rows, foretold_rows = rolling.origins[0]
    for name in HORIZONS:
        split, converted = frame.splits[name], frame.labels[name].converted

        def buyers(rows: Bool, converted: Bool = converted) -> int:
            return len(np.unique(frame.person[rows & converted]))

        everything = frame.labels[name].mature
        of_first_fit = split.calibrate & foretold_rows
        assert rolling.evidence_share(name, of_first_fit, everything) == pytest.approx(
            buyers(known_rows[name]) / buyers(everything)
        )
        assert rolling.evidence_share(name, split.test, everything) == pytest.approx(
            buyers(split.refit) / buyers(everything)
        )
        counts = of_first_fit.sum(), split.test.sum()
        mean = np.average([buyers(known_rows[name]), buyers(split.refit)], weights=counts)
        assert rolling.evidence_share(name, of_first_fit | split.test, everything) == pytest.approx(
            mean / buyers(everything)
        )
        nothing = np.zeros(len(frame.spine), np.bool_)
        assert rolling.evidence_share(name, nothing, everything) == 1.0
