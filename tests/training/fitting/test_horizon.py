"""A horizon is learned twice: what serves knows everything, and promises what was held out bore."""

import lightgbm as lgb
import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import Spine
from models.calibration import sigmoid
from models.horizon import Estimate
from models.predictors.predictor import margin_of
from models.predictors.scorecard import Scorecard
from training.config import ModelSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.fitting.booster import fit_booster
from training.fitting.horizon import FittedHorizon, calibration_for_refit, fit_horizon
from training.fitting.predictor import shift_to, shifted_by

LEADS, DAYS = 6_000, 14
SETTINGS = ModelSettings(trees=30, least_rows=20, threads=1)


def looks(seed: int = 1):
    """A matrix, outcomes and a split: fit, a gap, calibrate, a gap, test."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(LEADS, 3))
    converted = random.random(LEADS) < sigmoid(1.5 * matrix[:, 0] - 1.5)
    day = np.arange(LEADS) * 400 // LEADS
    spine = Spine(np.arange(LEADS), day * MICROSECONDS_PER_DAY)
    ends = day + DAYS
    split = Split(
        fit=ends < 150,
        calibrate=(day >= 150) & (ends < 300),
        test=(day >= 300) & (ends < 400),
        refit=ends < 300,
        fit_eligible=np.ones(LEADS, bool),
        refit_eligible=np.ones(LEADS, bool),
        calibrate_from=150 * MICROSECONDS_PER_DAY,
        test_from=300 * MICROSECONDS_PER_DAY,
    )
    return matrix, converted, spine, split


def learned(matrix, converted, spine, split, seen=None) -> FittedHorizon:
    def fitted(rows, like):
        if seen is not None:
            seen.append((rows.copy(), like))
        return fit_booster(matrix[rows], converted[rows], (), SETTINGS)

    labels = Labels(DAYS, converted, np.ones(LEADS, np.bool_))
    return fit_horizon(fitted, (), matrix, spine, labels, split, SETTINGS, "beta")


def test_what_serves_has_learned_from_everything_known_before_the_test() -> None:
    matrix, converted, spine, split = looks()
    seen: list = []
    found = learned(matrix, converted, spine, split, seen)
    (first, none), (second, like) = seen
    np.testing.assert_array_equal(first, split.fit)
    np.testing.assert_array_equal(second, split.refit)
    assert none is None
    assert isinstance(like, lgb.Booster)
    assert found.horizon.evidence.conversions == converted[split.refit].sum()


def test_the_latest_looks_are_promised_what_the_second_fit_expects_of_them() -> None:
    matrix, converted, spine, split = looks()
    found = learned(matrix, converted, spine, split)
    gap = (spine.as_of < split.test_from) & ~split.refit & (spine.as_of >= split.calibrate_from)
    second = fit_booster(matrix[split.refit], converted[split.refit], (), SETTINGS)
    expected = sigmoid(margin_of(second, matrix[gap])).mean()
    assert found.horizon.probability(matrix[gap]).mean() == pytest.approx(expected, rel=1e-6)


def test_held_out_margins_know_neither_the_calibrating_outcomes_nor_the_test() -> None:
    matrix, converted, spine, split = looks()
    found = learned(matrix, converted, spine, split)
    assert np.isnan(found.held_out[spine.as_of >= split.test_from]).all()
    turned = np.where(split.calibrate, ~converted, converted)
    other = learned(matrix, turned, spine, split)
    moved = found.held_out - found.drift.at(spine.as_of)
    before = spine.as_of < split.test_from
    np.testing.assert_array_equal(
        moved[before], (other.held_out - other.drift.at(spine.as_of))[before]
    )


def test_outcomes_of_the_test_change_nothing() -> None:
    matrix, converted, spine, split = looks()
    turned = np.where(spine.as_of >= split.test_from, ~converted, converted)
    one, other = (learned(matrix, how, spine, split).horizon for how in (converted, turned))
    np.testing.assert_array_equal(one.probability(matrix), other.probability(matrix))


def test_a_second_fit_that_is_the_first_is_not_moved() -> None:
    _, converted, spine, split = looks()
    margin = np.random.default_rng(3).normal(size=LEADS)
    labels = Labels(DAYS, converted, np.ones(LEADS, np.bool_))
    assert calibration_for_refit(margin, margin, spine, labels, split, "isotonic").shift == 0.0


def test_a_level_that_rose_after_the_first_fit_is_promised() -> None:
    matrix, converted, spine, split = looks()
    margin = 1.5 * matrix[:, 0] - 1.5
    labels = Labels(DAYS, converted, np.ones(LEADS, np.bool_))
    found = calibration_for_refit(margin, margin + 2.0, spine, labels, split, "beta")
    gap = (spine.as_of < split.test_from) & ~split.refit & (spine.as_of >= split.calibrate_from)
    promised = found.calibration.probability(margin[gap] + 2.0 + found.shift).mean()
    assert promised == pytest.approx(sigmoid(margin[gap] + 2.0).mean())


def test_every_kind_of_predictor_can_be_moved() -> None:
    matrix, converted, _, split = looks()
    booster = fit_booster(matrix[split.fit], converted[split.fit], (), SETTINGS)
    for one in (booster, Scorecard(base=-1.0, doubling=10.0, qualities=(), columns=3)):
        np.testing.assert_allclose(
            margin_of(shifted_by(one, 0.7), matrix), margin_of(one, matrix) + 0.7, atol=1e-12
        )


def test_a_mean_that_no_shift_reaches_moves_nothing() -> None:
    margin = np.array([-1.0, 0.0, 2.0])
    assert shift_to(margin, 0.25, lambda moved: np.full(len(moved), 0.25)) == 0.0
    shift = shift_to(margin, 0.25)
    assert sigmoid(margin + shift).mean() == pytest.approx(0.25)


def estimated(leads: int, base_log_odds: float) -> tuple[int, Estimate]:
    """Leads that converted where was learned, and estimates of fresh leads."""
    random = np.random.default_rng(2)
    matrix = random.normal(size=(leads, 2))
    converted = random.random(leads) < sigmoid(1.2 * matrix[:, 0] + base_log_odds)
    third = np.arange(leads) * 3 // leads
    everyone = np.ones(len(third), bool)
    split = Split(third == 0, third == 1, third == 2, third < 2, everyone, everyone, 1, 2)
    settings = ModelSettings(trees=40, least_rows=20, threads=1)
    found = fit_horizon(
        lambda rows, like: fit_booster(matrix[rows], converted[rows], (), settings),
        (),
        matrix,
        Spine(np.arange(leads), third),
        Labels(14, converted, np.ones(leads, np.bool_)),
        split,
        settings,
        "beta",
    )
    return int(converted[third < 2].sum()), found.horizon.estimate(matrix[split.test])


def test_thirty_conversions_are_not_enough_evidence() -> None:
    conversions, found = estimated(900, base_log_odds=-3.6)
    assert 20 < conversions < 45
    assert found.not_enough_evidence.all()
    odds = found.high / (1 - found.high) / (found.low / (1 - found.low))
    assert odds.min() > 4


def test_thousands_of_conversions_are_enough_for_nearly_all() -> None:
    conversions, found = estimated(30_000, base_log_odds=-2.0)
    assert conversions > 3_000
    assert found.not_enough_evidence.mean() < 0.02
    assert np.median(found.high - found.low) < 0.05


def test_the_interval_narrows_as_conversions_grow() -> None:
    widths = [float(np.median(e.high / e.low)) for _, e in map(_of_size, (1_500, 6_000, 24_000))]
    assert widths[0] > 1.3 * widths[1] > 1.3 * 1.1 * widths[2]


def _of_size(leads: int) -> tuple[int, Estimate]:
    return estimated(leads, base_log_odds=-2.5)
