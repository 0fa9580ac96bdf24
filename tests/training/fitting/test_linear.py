"""A logistic regression is a linear model whose terms start from the average look."""

import numpy as np
import pytest

from models.calibration import sigmoid
from models.predictors.linear import Levels, Slope
from training.fitting.linear import fit_linear


def drawn(rows: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """A number that raises the odds, one that does nothing, and three levels; some unknown."""
    random = np.random.default_rng(6)
    matrix = np.column_stack(
        [random.exponential(9, rows), random.exponential(9, rows), random.integers(0, 3, rows)]
    )
    truth = np.log1p(matrix[:, 0]) - 3 + 0.8 * (matrix[:, 2] == 1)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, random.random(rows) < sigmoid(truth)


MATRIX, CONVERTED = drawn()
MODEL = fit_linear(MATRIX, CONVERTED, (2,), seed=1)


def test_the_terms_of_the_fitting_rows_add_nothing_on_average() -> None:
    assert MODEL.contributions(MATRIX).mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


def test_the_mean_probability_is_the_share_that_converted() -> None:
    assert sigmoid(MODEL.margin(MATRIX)).mean() == pytest.approx(CONVERTED.mean(), abs=1e-3)


def test_it_finds_what_matters() -> None:
    telling, idle, country = MODEL.terms
    assert isinstance(telling, Slope)
    assert isinstance(idle, Slope)
    assert isinstance(country, Levels)
    assert telling.slope > 0.1 > 2 * abs(idle.slope)
    assert country.weights[1] > max(country.weights[0], country.weights[2])


@pytest.mark.parametrize("direction", [1, -1])
def test_what_would_go_against_its_direction_has_no_slope(direction: int) -> None:
    model = fit_linear(MATRIX, CONVERTED, (2,), seed=1, monotone=(direction, 0, 0))
    (telling, *_) = model.terms
    assert isinstance(telling, Slope)
    assert (telling.slope > 0) if direction == 1 else (telling.slope == 0)


def test_the_same_rows_give_the_same_model() -> None:
    assert fit_linear(MATRIX, CONVERTED, (2,), seed=1) == MODEL


def test_a_column_of_one_value_has_no_say_when_another_value_comes() -> None:
    constant = np.full((len(MATRIX), 1), 93.994)  # whose deviation is rounding, and not 0
    assert constant.std() > 0
    matrix = np.column_stack([MATRIX, constant])
    model = fit_linear(matrix, CONVERTED, (2,), seed=1)
    fresh = matrix[:50].copy()
    fresh[:, 3] = 92.201
    assert model.margin(fresh) == pytest.approx(model.margin(matrix[:50]), abs=1e-9)


def test_beyond_what_was_seen_a_number_counts_as_the_nearest_that_was() -> None:
    seen = MATRIX[:, 0][~np.isnan(MATRIX[:, 0])]
    fresh = np.array([[1e12, 1.0, 0.0], [seen.max(), 1.0, 0.0], [-1.0, 1.0, 0.0]])
    far, most, below = MODEL.margin(fresh)
    assert far == most
    assert below == MODEL.margin(np.array([[seen.min(), 1.0, 0.0]]))[0]
