"""A blend's booster learns from the shorter horizon where it can, and its level is its own."""

import numpy as np
import pytest

from features.kinds import Count, LeadAge, Selection
from features.spec import Spec
from models.calibration import sigmoid
from models.predictor import Blend, files_of, margin_of
from training.config import ModelSettings
from training.fit import fitted_booster
from training.predictor import LEAST_BOOSTER_LEADS, Looks, fitted_predictor

SPEC = Spec((LeadAge(), Count(Selection(), 7)))
SETTINGS = ModelSettings(trees=10, threads=1)
ROWS = 3_000
LEAD = np.arange(ROWS)
RANDOM = np.random.default_rng(8)
MATRIX = RANDOM.exponential(5, (ROWS, 2))
LATER = RANDOM.random(ROWS) < sigmoid(MATRIX[:, 1] - 4)
SOON = LATER & (RANDOM.random(ROWS) < 0.5)


def blend(sooner: Looks | None = None) -> Blend:
    found = fitted_predictor(SPEC, MATRIX, LATER, LEAD, SETTINGS, sooner=sooner)
    assert isinstance(found, Blend)
    return found


def test_its_booster_is_fitted_on_the_shorter_horizon_and_its_linear_model_on_its_own() -> None:
    found = blend(Looks(MATRIX, SOON, LEAD))
    expected = fitted_booster(MATRIX, SOON, (), SETTINGS)
    assert found.booster.model_to_string() == expected.model_to_string()
    assert found.linear.terms == blend().linear.terms


def test_a_shorter_horizon_in_which_too_few_leads_converted_is_not_learned_from() -> None:
    few = SOON & (np.cumsum(SOON) < LEAST_BOOSTER_LEADS)
    found = blend(Looks(MATRIX, few, LEAD))
    assert found.booster.model_to_string() == blend().booster.model_to_string()


@pytest.mark.parametrize("sooner", [None, Looks(MATRIX, SOON, LEAD)])
def test_its_mean_probability_is_the_share_that_converted_within_its_own_horizon(sooner) -> None:
    probability = sigmoid(margin_of(blend(sooner), MATRIX))
    assert probability.mean() == pytest.approx(LATER.mean(), abs=1e-9)


def test_the_same_looks_give_the_same_files_byte_for_byte() -> None:
    first, second = (files_of(blend(Looks(MATRIX, SOON, LEAD)), SPEC, "warm") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_it_never_moves_against_a_direction(direction, sign: int) -> None:
    settings = SETTINGS.model_copy(update={"monotone": {"count*": direction}})
    found = fitted_predictor(SPEC, MATRIX, LATER, LEAD, settings)
    grid = np.column_stack([np.full(60, 5.0), np.linspace(0, 30, 60)])
    assert (sign * np.diff(margin_of(found, grid))).min() >= 0
