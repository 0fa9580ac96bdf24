"""Wilson's interval against its definition and against published figures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.statistics.intervals import wilson_interval

Z_95 = 1.959963984540054


@given(st.integers(1, 2_000), st.data(), st.sampled_from([1.0, Z_95, 3.3]))
def test_its_ends_are_the_shares_that_lie_z_standard_errors_away(trials, data, z) -> None:
    share = data.draw(st.integers(0, trials)) / trials
    low, high = wilson_interval(share, trials, z)
    assert 0 <= low <= share <= high <= 1
    if share > 0:
        assert share - low == pytest.approx(z * math.sqrt(low * (1 - low) / trials), abs=1e-9)
    if share < 1:
        assert high - share == pytest.approx(z * math.sqrt(high * (1 - high) / trials), abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_it_equals_the_published_examples(successes, trials, low, high) -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I, the score method."""
    found = wilson_interval(successes / trials, trials)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_all_or_none_are_ends_of_their_own_intervals() -> None:
    for trials in (1, 7, 30, 1_000, 12_345):
        assert wilson_interval(0.0, trials)[0] == 0.0
        assert wilson_interval(1.0, trials)[1] == 1.0
