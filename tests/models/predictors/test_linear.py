"""A linear model scores a lead alone as among others, and its terms are its reasons."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.language.kinds import AttributeCategory, LeadAge
from features.language.spec import Spec
from models.predictors.linear import Levels, Linear, Slope, linear_from_json

SPEC = Spec((LeadAge(), AttributeCategory("country", ("it", "pt"))), {"country": "category"})
MODEL = Linear(-2.0, (Slope(0.7, -0.3, 0.2, -9.0, 90.0), Levels((0.5, -0.4), -0.1, 0.3)))


def test_a_level_that_was_never_seen_and_a_missing_one_have_terms_of_their_own() -> None:
    found = MODEL.contributions(np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 7.0], [0.0, np.nan]]))
    assert found[:, 1].tolist() == [-0.4, -0.1, -0.1, 0.3]


def test_a_number_counts_by_its_logarithm_with_its_sign() -> None:
    found = MODEL.contributions(np.array([[np.e - 1, 0.0], [1 - np.e, 0.0], [np.nan, 0.0]]))
    assert found[:, 0] == pytest.approx([0.4, -1.0, 0.2])


@given(st.integers(0, 2**32 - 1), st.integers(1, 150))
def test_a_lead_alone_gets_the_bits_that_it_gets_among_others(seed: int, columns: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(columns, 3))
    slopes = [Slope(*row, 1.0, 40.0) for row in weights.tolist()]
    levels = [Levels((*row,), 0.1, 0.2) for row in weights[::3].tolist()]
    model = Linear(0.3, (*slopes, *levels))
    matrix = random.exponential(30, (40, len(model.terms)))
    matrix[:, columns:] = random.integers(0, 6, (40, len(levels)))
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    together = model.margin(matrix)
    assert together.tolist() == [model.margin(row[None])[0] for row in matrix]
    assert together.tolist() == model.margin(np.asfortranarray(matrix)).tolist()


def test_what_is_written_is_read_back() -> None:
    text = json.dumps(MODEL.to_json(SPEC))
    assert linear_from_json(json.loads(text), SPEC) == MODEL


def test_a_slope_without_ends_is_one_of_an_earlier_release_and_goes_on() -> None:
    data = MODEL.to_json(SPEC)
    del data["terms"]["lead_age_days"]["least"], data["terms"]["lead_age_days"]["most"]
    found = linear_from_json(json.loads(json.dumps(data)), SPEC)
    assert found.terms[0] == Slope(0.7, -0.3, 0.2)
    assert linear_from_json(found.to_json(SPEC), SPEC) == found


def test_a_least_above_the_most_is_refused() -> None:
    with pytest.raises(ValueError, match="least must not exceed its most"):
        Slope(1.0, 0.0, 0.0, 2.0, 1.0)


def test_terms_of_other_features_are_refused_by_name() -> None:
    data = MODEL.to_json(SPEC)
    data["terms"]["height"] = data["terms"].pop("lead_age_days")
    with pytest.raises(ValueError, match=r"one term for each of the 2 features.*height.*lead_age"):
        linear_from_json(data, SPEC)


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="A slope must be of finite numbers"):
        Slope(float("nan"), 0.0, 0.0)
    with pytest.raises(ValueError, match="Levels must be of finite numbers"):
        Levels((float("inf"),), 0.0, 0.0)
