"""A blend borrows from the shorter horizon what is worth it, and its level is its own."""

import numpy as np
import pytest

from features.language.kinds import Count, LeadAge, Selection
from features.language.spec import Spec
from models.calibration import sigmoid
from models.predictors.predictor import Blend, files_of, margin_of
from training.config import ModelSettings
from training.dataset.examples import Examples
from training.fitting.linear import fit_linear
from training.fitting.predictor import (
    USUAL_SHARE,
    Borrowed,
    borrowed_share,
    fit_booster_alone,
    fit_predictor,
    shift_to,
)

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


def blend(borrowed: Borrowed | None = None) -> Blend:
    found = fit_predictor(SPEC, looks(LATER), SETTINGS, borrowed=borrowed)
    assert isinstance(found, Blend)
    return found


SOONER = fit_booster_alone(SPEC, looks(SOON), SETTINGS)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_its_booster_is_the_mean_of_the_shorter_horizons_and_its_own(share: float) -> None:
    found, own = blend(Borrowed(SOONER, share)), blend()
    expected = share * margin_of(SOONER, MATRIX) + (1 - share) * margin_of(own.booster, MATRIX)
    np.testing.assert_allclose(margin_of(found.booster, MATRIX), expected, atol=1e-12)
    assert found.linear.terms == own.linear.terms


def test_ten_conversions_make_a_blend_near_the_base_rate() -> None:
    few = LATER & (np.cumsum(LATER) <= 10)
    found = fit_predictor(SPEC, looks(few), SETTINGS)
    assert isinstance(found, Blend)
    probability = sigmoid(margin_of(found, MATRIX))
    assert probability.mean() == pytest.approx(few.mean(), rel=1e-6)
    assert np.quantile(probability, 0.99) < 10 * few.mean()


def test_looks_that_are_alike_are_believed_less() -> None:
    fifth = Examples(MATRIX, LATER, LEAD, np.ones(ROWS)).among(np.arange(ROWS) < ROWS // 5)
    alike = fifth.among(np.repeat(np.arange(ROWS // 5), 5))
    believed, doubted = (
        fit_predictor(SPEC, Examples(alike.matrix, alike.converted, lead, alike.weight), SETTINGS)
        for lead in (np.arange(len(alike.lead)), alike.lead)
    )
    spread = [margin_of(one, MATRIX).std() for one in (believed, doubted)]
    assert spread[1] < 0.95 * spread[0]


def outcomes(second: np.ndarray, seed: int) -> tuple[Examples, Examples]:
    """Who buys soon follows the first column, who buys later the second that is given."""
    random = np.random.default_rng(seed)
    soon = random.random(ROWS) < sigmoid(MATRIX[:, 1] - 5)
    later = random.random(ROWS) < sigmoid(second - 5)
    return looks(soon), looks(later)


def test_much_is_borrowed_where_the_horizons_agree_and_little_where_they_do_not() -> None:
    agree, apart = (
        [
            borrowed_share(SPEC, *outcomes(MATRIX[:, column], seed), (1.0, 1.0), SETTINGS)
            for seed in (1, 2, 3)
        ]
        for column in (1, 0)
    )
    assert max(apart) < 0.2
    assert min(agree) > 0.3


def test_nothing_to_choose_by_gives_the_usual_share() -> None:
    soon, _ = outcomes(MATRIX[:, 1], 1)
    assert (
        borrowed_share(SPEC, soon, looks(np.zeros(ROWS, bool)), (1.0, 1.0), SETTINGS) == USUAL_SHARE
    )


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


@pytest.mark.parametrize("borrowed", [None, Borrowed(SOONER, 0.4)])
def test_its_mean_probability_is_the_share_that_converted_within_its_own_horizon(borrowed) -> None:
    probability = sigmoid(margin_of(blend(borrowed), MATRIX))
    assert probability.mean() == pytest.approx(LATER.mean(), abs=1e-9)


def test_the_same_looks_give_the_same_files_byte_for_byte() -> None:
    first, second = (files_of(blend(Borrowed(SOONER, 0.4)), SPEC, "warm") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_it_never_moves_against_a_direction(direction, sign: int) -> None:
    settings = SETTINGS.model_copy(update={"monotone": {"count*": direction}})
    found = fit_predictor(SPEC, looks(LATER), settings)
    grid = np.column_stack([np.full(60, 5.0), np.linspace(0, 30, 60)])
    assert (sign * np.diff(margin_of(found, grid))).min() >= 0


def test_a_mean_that_no_shift_reaches_moves_nothing() -> None:
    margin = np.array([-1.0, 0.0, 2.0])
    assert shift_to(margin, 0.25, lambda moved: np.full(len(moved), 0.25)) == 0.0
    shift = shift_to(margin, 0.25)
    assert sigmoid(margin + shift).mean() == pytest.approx(0.25)
