"""Cut-offs by how many leads can be called in a week."""

from datetime import UTC, datetime

import numpy as np
import pytest

from models.bands import staying_cutoff
from training.bands.capacity import capacity_cutoff, weekly_bounds, weekly_leads

DAY = 86_400_000_000
MONDAY = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp()) * 1_000_000


def weeks(random: np.random.Generator, count: int, leads: int) -> tuple[np.ndarray, ...]:
    """Every lead is looked at twice in each of so many complete weeks, and in parts of two more."""
    day = np.arange(-1, 7 * count + 1)
    as_of = MONDAY + DAY * np.repeat(day[day % 7 % 3 != 1], leads)
    lead = np.tile(np.arange(leads), len(as_of) // leads)
    return random.beta(1, 8, len(as_of)), lead, as_of


def test_a_week_is_from_monday_to_monday_and_complete() -> None:
    as_of = MONDAY + np.array([-1, 0, 3 * DAY, 7 * DAY - 1, 7 * DAY])
    bound, lead = np.array([0.9, 0.1, 0.5, 0.2, 0.9]), np.array([1, 1, 1, 2, 2])
    (found,) = weekly_bounds(bound, lead, as_of)
    assert found.tolist() == [0.5, 0.2]
    assert weekly_leads(bound >= 0.2, lead, as_of) == [2]
    assert weekly_bounds(bound[:0], lead[:0], as_of[:0]) == []


@pytest.mark.parametrize("hysteresis", [0.0, 0.3])
def test_no_more_leads_than_the_capacity_in_nine_of_ten_weeks(hysteresis: float) -> None:
    bound, lead, as_of = weeks(np.random.default_rng(1), 40, 300)
    cutoff, because = capacity_cutoff(bound, lead, as_of, 25, hysteresis)
    assert cutoff is not None
    kept = staying_cutoff(cutoff, hysteresis)
    counts = np.array(weekly_leads(bound >= kept, lead, as_of))
    assert np.mean(counts <= 25) >= 0.9
    assert f"in {sum(counts <= 25)} of the 40 complete weeks" in because
    lower = np.array(weekly_leads(bound >= kept - 0.02, lead, as_of))
    assert np.mean(lower <= 25) < 0.9


def test_the_capacity_suffices_in_weeks_to_come() -> None:
    random = np.random.default_rng(2)
    kept = []
    for _ in range(150):
        bound, lead, as_of = weeks(random, 12, 60)
        before = as_of < MONDAY + 77 * DAY + 1  # eleven complete weeks and the start of the next
        cutoff, _ = capacity_cutoff(bound[before], lead[before], as_of[before], 6, 0.0)
        kept.append(weekly_leads(bound >= cutoff, lead, as_of)[-1] <= 6)
    assert np.mean(kept) >= 0.86


def test_what_was_never_scarce_needs_no_cutoff() -> None:
    bound, lead, as_of = weeks(np.random.default_rng(3), 12, 20)
    assert capacity_cutoff(bound, lead, as_of, 20, 0.2)[0] == 0.0


def test_too_few_weeks_are_told() -> None:
    bound, lead, as_of = weeks(np.random.default_rng(4), 4, 50)
    cutoff, because = capacity_cutoff(bound, lead, as_of, 5, 0.0)
    assert max(weekly_leads(bound >= cutoff, lead, as_of)) <= 5
    assert "9 at least" in because
    assert capacity_cutoff(bound[:100], lead[:100], as_of[:100], 5, 0.0)[0] is None


def test_of_leads_that_are_alike_none_is_called_rather_than_too_many() -> None:
    bound, lead, as_of = weeks(np.random.default_rng(5), 12, 50)
    cutoff, _ = capacity_cutoff(np.full_like(bound, 0.4), lead, as_of, 5, 0.0)
    assert cutoff is not None
    assert cutoff > 0.4
    assert capacity_cutoff(np.ones_like(bound), lead, as_of, 5, 0.0)[0] is None
