"""Calibrations keep the order of leads, know how sure they are, and travel as JSON."""

import json

import numpy as np
import pytest

from models.calibration import (
    BetaCalibration,
    StepCalibration,
    calibration_from_json,
    sigmoid,
)

COVARIANCE = ((0.04, 0.01, 0.0), (0.01, 0.09, -0.02), (0.0, -0.02, 0.25))
BETA = BetaCalibration(0.8, 1.2, -0.3, COVARIANCE)
STEPS = StepCalibration("isotonic", (-1.0, 0.5), (-3.0, -1.0, 0.2), (0.5, 0.1, 0.3))
MARGIN = np.linspace(-6, 4, 41)


@pytest.mark.parametrize("before", [BETA, STEPS, BetaCalibration(1.0, 1.0, 0.0)])
def test_a_calibration_survives_json(before) -> None:
    after = calibration_from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert after.probability(MARGIN).tobytes() == before.probability(MARGIN).tobytes()


@pytest.mark.parametrize("calibration", [BETA, STEPS])
def test_a_row_alone_has_the_bits_it_has_among_others(calibration) -> None:
    for part in ("probability", "variance"):
        together = getattr(calibration, part)(MARGIN)
        alone = [getattr(calibration, part)(MARGIN[i : i + 1])[0] for i in range(len(MARGIN))]
        assert together.tolist() == alone


def test_a_calibration_of_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="no calibration 'magic'"):
        calibration_from_json({"method": "magic"})


def test_the_variance_is_that_of_curves_drawn_from_the_posterior() -> None:
    random = np.random.default_rng(1)
    small = np.array(COVARIANCE) / 100
    tight = BetaCalibration(0.8, 1.2, -0.3, tuple(map(tuple, small.tolist())))
    drawn = random.multivariate_normal([np.log(0.8), np.log(1.2), -0.3], small, 4_000)
    curves = [BetaCalibration(np.exp(a), np.exp(b), c).log_odds(MARGIN) for a, b, c in drawn]
    np.testing.assert_allclose(tight.variance(MARGIN), np.var(curves, axis=0), rtol=0.1)


def test_a_calibration_that_would_turn_the_order_around_is_refused() -> None:
    with pytest.raises(ValueError, match="a > 0 and b > 0"):
        BetaCalibration(-0.1, 1.0, 0.0)
    with pytest.raises(ValueError, match="levels that do not fall"):
        StepCalibration("isotonic", (0.0,), (1.0, -1.0), (0.1, 0.1))


def test_a_margin_on_an_edge_belongs_to_the_higher_step() -> None:
    np.testing.assert_allclose(STEPS.probability(np.array([-1.0])), sigmoid(np.array([-1.0])))
