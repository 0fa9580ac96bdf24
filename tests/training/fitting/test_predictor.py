"""A blend's booster learns from the shorter horizon where it can, and its level is its own."""

import numpy as np
import pytest

from features.language.kinds import Count, LeadAge, Selection
from features.language.spec import Spec
from models.calibration import sigmoid
from models.predictors.predictor import Blend, files_of, margin_of
from training.config import ModelSettings
from training.dataset.examples import Examples
from training.fitting.booster import fit_booster
from training.fitting.linear import fit_linear
from training.fitting.predictor import LEAST_BOOSTER_LEADS, fit_predictor

SPEC = Spec((LeadAge(), Count(Selection(), 7)))
SETTINGS = ModelSettings(trees=10, threads=1)
ROWS = 3_000
LEAD = np.arange(ROWS)
RANDOM = np.random.default_rng(8)
MATRIX = RANDOM.exponential(5, (ROWS, 2))
LATER = RANDOM.random(ROWS) < sigmoid(MATRIX[:, 1] - 4)
SOON = LATER & (RANDOM.random(ROWS) < 0.5)


def looks(converted: np.ndarray) -> Examples:
    return Examples(MATRIX, converted, LEAD, np.ones(ROWS))


def blend(sooner: Examples | None = None) -> Blend:
    found = fit_predictor(SPEC, looks(LATER), SETTINGS, shorter_horizon_rows=sooner)
    assert isinstance(found, Blend)
    return found


def test_its_booster_is_fitted_on_the_shorter_horizon_and_its_linear_model_on_its_own() -> None:
    found = blend(looks(SOON))
    expected = fit_booster(MATRIX, SOON, (), SETTINGS)
    assert found.booster.model_to_string() == expected.model_to_string()
    assert found.linear.terms == blend().linear.terms


def test_a_shorter_horizon_in_which_too_few_leads_converted_is_not_learned_from() -> None:
    few = SOON & (np.cumsum(SOON) < LEAST_BOOSTER_LEADS)
    found = blend(looks(few))
    assert found.booster.model_to_string() == blend().booster.model_to_string()


def test_looks_that_others_stand_for_are_not_learned_from_but_set_the_level() -> None:
    weight = np.tile([2.0, 0.0], ROWS // 2)
    kept = weight > 0
    found = fit_predictor(SPEC, Examples(MATRIX, LATER, LEAD, weight), SETTINGS)
    other = fit_predictor(SPEC, Examples(MATRIX, LATER | ~kept, LEAD, weight), SETTINGS)
    assert found.booster.model_to_string() == other.booster.model_to_string()
    assert found.linear.terms == other.linear.terms
    assert sigmoid(margin_of(other, MATRIX)).mean() == pytest.approx((LATER | ~kept).mean())


def test_a_look_that_stands_for_two_counts_as_two() -> None:
    weight = 1.0 + (LEAD % 3 == 0)
    twice = np.repeat(LEAD, weight.astype(int))
    one = fit_linear(MATRIX, LATER, (), 1, weight=weight)
    two = fit_linear(MATRIX[twice], LATER[twice], (), 1)
    assert one.margin(MATRIX) == pytest.approx(two.margin(MATRIX), abs=0.005)
    assert one.margin(MATRIX) != pytest.approx(blend().linear.margin(MATRIX), abs=0.005)


@pytest.mark.parametrize("sooner", [None, looks(SOON)])
def test_its_mean_probability_is_the_share_that_converted_within_its_own_horizon(sooner) -> None:
    probability = sigmoid(margin_of(blend(sooner), MATRIX))
    assert probability.mean() == pytest.approx(LATER.mean(), abs=1e-9)


def test_the_same_looks_give_the_same_files_byte_for_byte() -> None:
    first, second = (files_of(blend(looks(SOON)), SPEC, "warm") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_it_never_moves_against_a_direction(direction, sign: int) -> None:
    settings = SETTINGS.model_copy(update={"monotone": {"count*": direction}})
    found = fit_predictor(SPEC, looks(LATER), settings)
    grid = np.column_stack([np.full(60, 5.0), np.linspace(0, 30, 60)])
    assert (sign * np.diff(margin_of(found, grid))).min() >= 0
