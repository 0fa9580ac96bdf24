"""Values that only ended leads have are found; drift and strong honest values are not."""

import numpy as np
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from training.audit.ageing import OpenLeadsWithValue, scarcest_open_leads
from training.dataset.lives import Lives
from training.dataset.values import EncodedValues

END = 700 * DAY
YOUNG = 90


def drawn_lives(random: np.random.Generator, speed: np.ndarray | float = 1.0) -> Lives:
    """Leads that come in evenly and end after 50 days in the mean, a fifth of them bought."""
    created = np.sort(random.integers(0, END, 6_000))
    ended = created + np.rint(random.exponential(50 * DAY, 6_000) / speed).astype(np.int64)
    seen, wins = ended < END, random.random(6_000) < 0.2
    return Lives(created, np.where(seen & wins, ended, NEVER), np.where(seen, ended, NEVER), END)


def words(values: np.ndarray) -> EncodedValues:
    levels, codes = np.unique(values, return_inverse=True)
    return EncodedValues(codes.astype(np.int64), (*levels.tolist(), "no value"))


def scarcest(values: np.ndarray, lives: Lives) -> OpenLeadsWithValue:
    found = scarcest_open_leads(words(values), "category", lives, YOUNG)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_value_that_the_end_writes_is_missing_among_open_leads(share) -> None:
    random = np.random.default_rng(0)
    lives = drawn_lives(random)
    written = lives.won & (random.random(6_000) < share)
    found = scarcest(np.where(written, "client", "new"), lives)
    assert found.value == "client"
    assert found.still_open == 0
    assert found.too_few


def test_the_expected_number_is_that_of_a_plain_loop() -> None:
    random = np.random.default_rng(1)
    lives = drawn_lives(random)
    values = random.choice(["a", "b"], 6_000)
    found = scarcest(values, lives)
    ages = (END - lives.created_at) / DAY
    lifetime = np.where(lives.ended, (lives.ended_at - lives.created_at) / DAY, np.inf)
    sides = {}
    for side in ("a", "b"):
        older = lifetime[(values == side) & (ages >= YOUNG)]
        young = (values == side) & (ages < YOUNG)
        expected = sum((older > age).mean() for age in ages[young])
        sides[side] = ((lifetime[young] > ages[young]).sum(), expected)
    other = sides["b" if found.value == "a" else "a"]
    seen, expected = sides[found.value]
    assert found.still_open == seen
    assert found.expected == pytest.approx(expected * other[0] / other[1], rel=1e-9)


@pytest.mark.long
def test_honest_values_are_hardly_ever_called_and_their_deviation_is_of_unit_spread() -> None:
    """A strong honest value halves the life of its leads, and its share drifts."""
    called, deviations = 0, []
    for seed in range(120):
        random = np.random.default_rng(seed)
        drift = random.random(6_000) < np.linspace(0.2, 0.6, 6_000)
        lives = drawn_lives(random, np.where(drift, 2.0, 1.0))
        found = scarcest(np.where(drift, "fast", "slow"), lives)
        called += found.too_few
        deviations.append(found.deviation)
    assert called == 0
    # The least of two opposite deviations is about −|z| or less where placebos are wide.
    assert -1.1 < np.mean(deviations) < -0.3


def test_a_season_in_which_all_leads_end_sooner_is_no_leak() -> None:
    random = np.random.default_rng(2)
    late = np.arange(6_000) > 5_000
    lives = drawn_lives(random, np.where(late, 3.0, 1.0))
    found = scarcest(random.choice(["a", "b", "c"], 6_000), lives)
    assert not found.too_few


@pytest.mark.parametrize("days", [400, 60])
def test_a_value_that_came_up_lately_is_no_leak(days) -> None:
    """Where it is as young as the young leads there is nothing to compare it with."""
    random = np.random.default_rng(3)
    lives = drawn_lives(random)
    lately = (lives.created_at > END - days * DAY) & (random.random(6_000) < 0.5)
    values = words(np.where(lately, "campaign", "other"))
    found = scarcest_open_leads(values, "category", lives, YOUNG)
    assert found is None if days < YOUNG else not found.too_few


def test_the_bins_of_numbers_are_joined_to_fifths() -> None:
    random = np.random.default_rng(4)
    lives = drawn_lives(random)
    number = np.where(lives.won, 15 + random.integers(0, 5, 6_000), random.integers(0, 15, 6_000))
    bins = EncodedValues(number, (*(f"{n} to {n + 1}" for n in range(20)), "no value"))
    found = scarcest_open_leads(bins, "number", lives, YOUNG)
    assert found is not None
    assert found.value == "16 to 20"
    assert found.too_few


@pytest.mark.parametrize(
    ("still_open", "expected", "deviation", "too_few"),
    [
        (0, 10.0, -4.1, True),
        (0, 9.9, -4.1, False),
        (0, 10.0, -4.0, False),
        (19, 40.0, -4.1, True),
        (20, 40.0, -4.1, False),
    ],
)
def test_ten_must_be_expected_under_half_of_them_open_and_the_limit_passed(
    still_open, expected, deviation, too_few
) -> None:
    assert OpenLeadsWithValue("client", still_open, expected, deviation, -4.0).too_few is too_few


def test_without_history_or_without_a_second_value_nothing_is_said() -> None:
    nobody = np.zeros(0, np.int64)
    empty = Lives(nobody, nobody, nobody, END)
    assert scarcest_open_leads(words(np.array([], str)), "category", empty, YOUNG) is None
    lives = drawn_lives(np.random.default_rng(5))
    same = words(np.full(6_000, "a"))
    assert scarcest_open_leads(same, "category", lives, YOUNG) is None
