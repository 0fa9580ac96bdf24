"""Calibrations keep the order of leads, know how sure they are, and travel as JSON."""

import bisect
import json
import math

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


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 1.0, 0.0), (0.8, 1.2, -0.3), (2.5, 0.1, 1.0)])
def test_beta_calibration_is_its_formula(a: float, b: float, c: float) -> None:
    found = BetaCalibration(a, b, c).log_odds(MARGIN)
    for margin, log_odds in zip(MARGIN.tolist(), found.tolist(), strict=True):
        s = 1 / (1 + math.exp(-margin))
        assert log_odds == pytest.approx(c + a * math.log(s) - b * math.log(1 - s), rel=1e-9)


def test_without_bend_or_shift_the_margin_stays_as_it_is() -> None:
    np.testing.assert_allclose(BetaCalibration(1.0, 1.0, 0.0).log_odds(MARGIN), MARGIN, atol=1e-12)


def test_the_variance_is_the_quadratic_form_of_the_slopes_of_the_curve() -> None:
    """Derivatives by ln a, ln b and c are taken by differences; each pair has its own part."""
    step = 1e-6

    def curve(ln_a: float, ln_b: float, c: float) -> np.ndarray:
        return BetaCalibration(math.exp(ln_a), math.exp(ln_b), c).log_odds(MARGIN)

    at = np.array([math.log(BETA.a), math.log(BETA.b), BETA.c])
    slopes = np.array(
        [(curve(*(at + d)) - curve(*(at - d))) / (2 * step) for d in step * np.eye(3)]
    )
    for covariance in (np.array(COVARIANCE), np.diag([0.5, 0.0, 0.0]), np.diag([0.0, 0.5, 0.0])):
        rows = tuple(map(tuple, covariance.tolist()))
        found = BetaCalibration(BETA.a, BETA.b, BETA.c, rows).variance(MARGIN)
        expected = np.einsum("in,ij,jn->n", slopes, covariance, slopes)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


def test_numbers_that_are_known_for_sure_leave_no_variance() -> None:
    assert BetaCalibration(0.8, 1.2, -0.3).variance(MARGIN).tolist() == [0.0] * len(MARGIN)
    negative = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, -1e-12))
    assert BetaCalibration(0.8, 1.2, -0.3, negative).variance(MARGIN).min() == 0.0


def test_steps_are_looked_up_as_bisection_does() -> None:
    margins = [-5.0, -1.0 - 1e-9, -1.0, 0.0, 0.5, 0.5 + 1e-9, 7.0]
    places = [bisect.bisect_right(STEPS.edges, margin) for margin in margins]
    assert places == [0, 0, 1, 1, 2, 2, 2]
    assert STEPS.log_odds(np.array(margins)).tolist() == [STEPS.levels[i] for i in places]
    assert STEPS.variance(np.array(margins)).tolist() == [STEPS.variances[i] for i in places]


@pytest.mark.parametrize("log_odds", [-40.0, -3.0, -0.1, 0.0, 0.7, 5.0])
def test_the_sigmoid_is_its_formula_and_the_probability_of_a_calibration(log_odds: float) -> None:
    expected = 1 / (1 + math.exp(-log_odds))
    assert sigmoid(np.array([log_odds]))[0] == pytest.approx(expected, rel=1e-12)
    for calibration in (BETA, STEPS):
        margin = np.array([log_odds])
        probability = sigmoid(calibration.log_odds(margin))
        assert calibration.probability(margin)[0] == probability[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": 0.0},
        {"b": 0.0},
        {"b": -1.0},
        {"a": math.inf},
        {"c": math.nan},
        {"covariance": ((0.0, 0.0), (0.0, 0.0))},
        {"covariance": ((0.1, 0.0, 0.2), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1))},
        {"covariance": ((math.inf, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1))},
    ],
)
def test_numbers_that_make_no_curve_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"a > 0 and b > 0|3 × 3 finite numbers"):
        BetaCalibration(**({"a": 1.0, "b": 1.0, "c": 0.0} | wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "magic"},
        {"edges": (0.5, 0.5)},
        {"edges": (0.5, -1.0)},
        {"edges": (0.0,)},
        {"levels": (-3.0, 0.2, -1.0)},
        {"levels": (-3.0, math.nan, 0.2)},
        {"variances": (0.5, 0.1)},
        {"variances": (0.5, -0.1, 0.3)},
        {"variances": (0.5, math.inf, 0.3)},
    ],
)
def test_numbers_that_make_no_steps_are_refused(wrong: dict) -> None:
    right = {
        "method": "venn_abers",
        "edges": (-1.0, 0.5),
        "levels": (-3.0, -3.0, 0.2),
        "variances": (0.0, 0.1, 0.3),
    }
    StepCalibration(**right)  # level steps and a variance of 0 are allowed
    with pytest.raises(ValueError, match="Steps need edges that increase"):
        StepCalibration(**(right | wrong))


def test_a_calibration_that_would_turn_the_order_around_is_refused() -> None:
    with pytest.raises(ValueError, match="a > 0 and b > 0"):
        BetaCalibration(-0.1, 1.0, 0.0)
    with pytest.raises(ValueError, match="levels that do not fall"):
        StepCalibration("isotonic", (0.0,), (1.0, -1.0), (0.1, 0.1))


def test_a_margin_on_an_edge_belongs_to_the_higher_step() -> None:
    np.testing.assert_allclose(STEPS.probability(np.array([-1.0])), sigmoid(np.array([-1.0])))
