"""Columns that run with the clock, and instants that stop where the export ends."""

import numpy as np
import pytest
from scipy.stats import rankdata

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from training.audit.clock import (
    Correlation,
    Truncation,
    clock,
    partial_rank_correlation,
    truncation,
)
from training.dataset.lives import Lives

END = 400 * DAY


def drawn_lives(random: np.random.Generator, leads: int = 2_000) -> Lives:
    """Leads that come in evenly, end after 40 days in the mean, and convert in a quarter."""
    created = np.sort(random.integers(0, END, leads))
    ended = created + np.rint(random.exponential(40 * DAY, leads)).astype(np.int64)
    wins = random.random(leads) < 0.25
    seen = ended < END
    return Lives(created, np.where(seen & wins, ended, NEVER), np.where(seen, ended, NEVER), END)


def test_the_partial_correlation_is_that_of_what_is_left_of_the_ranks() -> None:
    random = np.random.default_rng(0)
    starts = random.integers(0, 1_000, 500)
    ends = starts + random.integers(0, 300, 500)
    values = ends + random.normal(0, 200, 500)
    ranks = [rankdata(one) for one in (values, ends, starts)]
    design = np.column_stack([np.ones(500), ranks[2]])
    left = [one - design @ np.linalg.lstsq(design, one, rcond=None)[0] for one in ranks[:2]]
    found = partial_rank_correlation(values, ends, starts)
    assert found.value == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)


def test_the_lower_bound_holds_in_999_of_1000_draws() -> None:
    """The true partial correlation is 0: the bound may lie above it twice in 1,000 draws or so."""
    random = np.random.default_rng(1)
    above = 0
    for _ in range(2_000):
        starts = random.normal(size=60)
        ends, values = starts + random.normal(size=60), starts + random.normal(size=60)
        found = partial_rank_correlation(values, ends, starts)
        above += found.low is not None and found.low > 0
    # One-sided 0.0005: 1 expected; 6 or more has a probability below 0.001.
    assert above < 6


def test_a_number_given_out_at_the_sale_is_a_clock_and_one_given_at_creation_is_none() -> None:
    lives = drawn_lives(np.random.default_rng(2))
    rank = np.where(lives.won, rankdata(np.where(lives.won, lives.converted_at, 0)), np.nan)
    won, lost = clock(rank, lives)
    assert won.is_clock
    assert not lost.is_clock
    at_creation = rankdata(lives.created_at)
    assert not any(one.is_clock for one in clock(at_creation, lives))
    noisy = at_creation + np.random.default_rng(3).normal(0, 50, len(at_creation))
    assert not any(one.is_clock for one in clock(noisy, lives))


def test_a_counter_that_grows_as_long_as_a_lead_lives_is_a_clock() -> None:
    lives = drawn_lives(np.random.default_rng(4))
    age = np.minimum(lives.ended_at, END) - lives.created_at
    counter = np.random.default_rng(5).poisson(age / DAY / 3).astype(float)
    assert clock(counter, lives)[1].is_clock


def test_without_values_or_with_one_value_there_is_no_correlation() -> None:
    lives = drawn_lives(np.random.default_rng(6))
    nothing = clock(np.full(len(lives.created_at), np.nan), lives)
    assert nothing == (Correlation(None, None, 0), Correlation(None, None, 0))
    constant = clock(np.ones(len(lives.created_at)), lives)
    assert not any(one.is_clock for one in constant)


@pytest.mark.parametrize(
    ("expected", "seen", "truncated", "ahead"),
    [(40, 3, True, False), (40, 4, False, False), (9.9, 0, False, False), (10, 0, True, False),
     (40, 21, False, True), (40, 20, False, False), (9.9, 9, False, False)],
)  # fmt: skip
def test_ten_must_be_expected_and_under_a_tenth_seen(expected, seen, truncated, ahead) -> None:
    found = Truncation(expected, seen)
    assert (found.is_truncated, found.lies_ahead) == (truncated, ahead)


def instants(lives: Lives, seed: int) -> np.ndarray:
    delay = np.random.default_rng(seed).lognormal(3.0, 1.0, len(lives.created_at))
    return lives.created_at + np.rint(delay * DAY).astype(np.int64)


def test_of_appointments_as_many_lie_ahead_as_should() -> None:
    lives = drawn_lives(np.random.default_rng(7), leads=20_000)
    found = truncation(instants(lives, 8), lives)
    # Poisson within five standard errors, and that of the older half's delays beside it.
    assert abs(found.found_beyond - found.expected) < 5 * np.sqrt(2 * found.expected)
    assert found.lies_ahead
    assert not found.is_truncated


def test_of_what_is_written_when_it_happens_none_lies_ahead() -> None:
    lives = drawn_lives(np.random.default_rng(9))
    at = instants(lives, 10)
    assert truncation(np.where(at < END, at, NEVER), lives).is_truncated


def test_a_field_that_people_stopped_filling_in_is_not_truncated() -> None:
    """Half a year before the end nobody enters appointments any more."""
    lives = drawn_lives(np.random.default_rng(11))
    at = np.where(lives.created_at < END - 180 * DAY, instants(lives, 12), NEVER)
    assert not truncation(at, lives).is_truncated


def test_instants_before_creation_say_nothing() -> None:
    lives = drawn_lives(np.random.default_rng(13))
    assert truncation(lives.created_at - DAY, lives) == Truncation(0.0, 0)
    assert truncation(np.full(len(lives.created_at), NEVER), lives) == Truncation(0.0, 0)
