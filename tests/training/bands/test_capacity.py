"""Cut-offs by how many leads can be called in a week."""

from datetime import UTC, datetime

import numpy as np
import pytest

from models.bands import staying_cutoff
from training.bands.capacity import capacity_cutoff, weekly_highest, weekly_leads

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
    (found,) = weekly_highest(bound, lead, as_of)
    assert found.tolist() == [0.5, 0.2]
    assert weekly_leads(bound >= 0.2, lead, as_of) == [2]
    assert weekly_highest(bound[:0], lead[:0], as_of[:0]) == []


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


def needed_by_loop(bound, lead, as_of, per_week: int) -> list[float]:
    """For each complete week, the bound of the first lead that is one too many, or 0."""
    weeks: dict[int, dict[int, float]] = {}
    for value, name, instant in zip(bound, lead, as_of, strict=True):
        best = weeks.setdefault((instant - MONDAY) // (7 * DAY), {})
        best[name] = max(best.get(name, 0.0), value)
    complete = range(min(weeks) + 1, max(weeks))
    ranked = [sorted(weeks.get(week, {}).values(), reverse=True) for week in complete]
    return [values[per_week] if len(values) > per_week else 0.0 for values in ranked]


@pytest.mark.parametrize("count", [3, 8, 9, 10, 19, 30])
@pytest.mark.parametrize("hysteresis", [0.0, 0.3])
def test_the_cutoff_lies_just_above_the_week_of_the_conformal_rank(count, hysteresis) -> None:
    bound, lead, as_of = weeks(np.random.default_rng(count), count, 40)
    needed = sorted(needed_by_loop(bound, lead, as_of, 4))
    assert len(needed) == count
    rank = -(-9 * (count + 1) // 10)  # ⌈0.9 (n + 1)⌉ in whole numbers
    expected = needed[min(rank, count) - 1]
    cutoff, because = capacity_cutoff(bound, lead, as_of, 4, hysteresis)
    assert cutoff is not None
    line = staying_cutoff(cutoff, hysteresis)
    assert expected < line
    assert line == pytest.approx(expected, abs=1e-12)
    assert ("9 at least" in because) == (rank > count)
    within = sum(value <= expected for value in needed)
    assert f"enough in {within} of the {count}" in because


def test_a_week_without_a_look_needs_no_cutoff() -> None:
    as_of = MONDAY + DAY * np.array([-1, 1, 2, 15, 22])
    bound, lead = np.array([0.9, 0.6, 0.5, 0.8, 0.9]), np.arange(5)
    found = [values.tolist() for values in weekly_highest(bound, lead, as_of)]
    assert found == [[0.6, 0.5], [], [0.8]]
