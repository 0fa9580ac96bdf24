"""Calibration finds the truth where there is much data and stays near the identity where not."""

import numpy as np
import pytest

from models.calibration import BetaCalibration, sigmoid
from training.config import ModelSettings
from training.fit import fitted_booster, fitted_calibration


def drawn(rows: int, truth: BetaCalibration, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    margin = random.normal(-1.5, 1.5, rows)
    return margin, random.random(rows) < truth.probability(margin)


def test_with_much_data_the_calibration_is_the_truth() -> None:
    truth = BetaCalibration(0.6, 1.3, 0.4)
    margin, converted = drawn(400_000, truth)
    found = fitted_calibration(margin, converted)
    grid = np.linspace(-4, 2, 50)
    assert np.max(np.abs(found.probability(grid) - truth.probability(grid))) < 0.01


def test_without_data_the_calibration_is_the_identity() -> None:
    found = fitted_calibration(np.empty(0), np.empty(0, bool))
    assert (found.a, found.b, found.c) == (1.0, 1.0, 0.0)
    margin = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(found.probability(margin), sigmoid(margin))


def test_the_order_of_leads_is_kept() -> None:
    margin, converted = drawn(300, BetaCalibration(0.2, 2.0, -1.0))
    found = fitted_calibration(margin, converted)
    grid = np.linspace(-8, 8, 500)
    assert np.all(np.diff(found.probability(grid)) > 0)


def test_a_calibration_that_would_turn_the_order_around_is_refused() -> None:
    with pytest.raises(ValueError, match="a > 0 and b > 0"):
        BetaCalibration(-0.1, 1.0, 0.0)


def test_the_same_data_and_seed_give_the_same_booster_byte_for_byte() -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(2_000, 6))
    converted = random.random(2_000) < sigmoid(matrix[:, 0] - 2)
    settings = ModelSettings(trees=20)
    texts = [fitted_booster(matrix, converted, (), settings).model_to_string() for _ in range(2)]
    assert texts[0] == texts[1]
    other = fitted_booster(matrix, converted, (), settings.model_copy(update={"seed": 9}))
    assert other.model_to_string() != texts[0]
