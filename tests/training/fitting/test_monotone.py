"""A direction that is set holds, however noisy the data are."""

import numpy as np
import pytest

from features.language.kinds import AttributeCategory, Count, LeadAge, Selection
from features.language.spec import Spec
from training.config import ModelSettings
from training.fitting.booster import fit_booster
from training.fitting.monotone import directions

SPEC = Spec(
    (
        LeadAge(),
        Count(Selection(), 7),
        Count(Selection(), 30),
        AttributeCategory("country", ("it",)),
    ),
    {"country": "category"},
)


def test_patterns_name_features_and_the_last_one_that_fits_holds() -> None:
    found = directions(SPEC, {"count*": "increasing", "count[[]any]_30d": "decreasing"})
    assert found == (0, 1, -1, 0)


def test_a_pattern_that_fits_nothing_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"monotone: no feature is named 'lead_age_dys'.*lead_age"):
        directions(SPEC, {"lead_age_dys": "increasing"})


def test_levels_have_no_direction() -> None:
    with pytest.raises(ValueError, match=r"fits 'attribute\[country\]', whose values are levels"):
        directions(SPEC, {"*": "increasing"})


@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_the_booster_never_moves_against_a_direction(direction, sign: int) -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(size=(3_000, 3))
    converted = random.random(3_000) < 0.3 + 0.2 * np.sin(3 * matrix[:, 1])
    settings = ModelSettings(trees=40, threads=1)
    columns = directions(Spec(SPEC.features[:3]), {"count[any]_7d": direction})
    grid = np.repeat(matrix[:50], 60, axis=0)
    grid[:, 1] = np.tile(np.linspace(-3, 3, 60), 50)

    def steps(monotone: tuple[int, ...]) -> np.ndarray:
        booster = fit_booster(matrix, converted, (), settings, monotone=monotone)
        margin = booster.predict(grid, raw_score=True, num_threads=1).reshape(50, 60)
        return sign * np.diff(margin, axis=1)

    assert steps(()).min() < 0
    assert steps(columns).min() >= 0
