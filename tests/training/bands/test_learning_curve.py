"""How many more conversions are missing, told only where it can be told."""

import numpy as np
import pytest

from training.bands.learning_curve import SUFFICIENT_HALF_WIDTH, learning_curve
from training.statistics.rate_bounds import rate_bounds

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray, int]


def drawn(leads: int, seed: int = 1) -> Drawn:
    """Outcome, lead, whether it was hot, and conversions of an export four times as large."""
    random = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads), random.integers(1, 5, leads))
    hot = (random.random(leads) < 0.1)[lead] & (random.random(len(lead)) < 0.8)
    likely = np.where(hot, 0.4, 0.03)
    converted = random.random(leads)[lead] < likely
    return converted, lead, hot, 4 * len(np.unique(lead[converted]))


def test_the_interval_narrows_as_conversions_are_added() -> None:
    converted, lead, hot, conversions = drawn(2_000)
    found = learning_curve(converted, lead, hot, conversions, seed=1)
    widths = [point.half_width for point in found.points]
    assert widths == sorted(widths, reverse=True)
    assert found.points[-1].conversions == conversions


def test_what_is_foretold_comes_true_on_more_leads_of_the_same_kind() -> None:
    converted, lead, hot, conversions = drawn(1_500)
    found = learning_curve(converted, lead, hot, conversions, seed=1)
    assert found.more is not None
    assert found.more > 0
    assert f"about {found.more:,} more conversions" in found.sentence
    later, lead, hot, _ = drawn(round(1_500 * (1 + found.more / conversions)), seed=2)
    low, high = rate_bounds(later[hot], lead[hot], 0.975)
    assert (high - low) / 2 == pytest.approx(SUFFICIENT_HALF_WIDTH, rel=0.15)


def test_what_is_known_well_enough_needs_nothing_more() -> None:
    found = learning_curve(*drawn(12_000), seed=1)
    assert found.more == 0
    assert "more conversions" not in found.sentence


@pytest.mark.parametrize("leads", [0, 60])
def test_with_too_few_hot_conversions_nothing_is_foretold(leads: int) -> None:
    converted, lead, hot, conversions = drawn(leads)
    found = learning_curve(converted, lead, hot, conversions, seed=1)
    assert (found.points, found.more) == ((), None)
    assert "cannot be told" in found.sentence


def test_the_same_seed_gives_the_same_curve() -> None:
    found = [learning_curve(*drawn(1_500), seed=3) for _ in range(2)]
    assert found[0] == found[1]
