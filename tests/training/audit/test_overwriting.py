"""λ is 0 for values from creation, 1 for those that the sale writes, and its interval holds it."""

import numpy as np
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from training.audit.overwriting import MissingShare, missing_share
from training.dataset.lives import Lives

END = 900 * DAY
LEADS = 8_000


def drawn(seed: int) -> tuple[np.random.Generator, np.ndarray, Lives]:
    """Leads of two kinds: the second ends sooner and converts twice as often."""
    random = np.random.default_rng(seed)
    created = np.sort(random.integers(0, END, LEADS))
    kind = random.integers(0, 2, LEADS)
    ended = created + np.rint(random.exponential(60 * DAY, LEADS) / (1 + 0.3 * kind)).astype(int)
    won = random.random(LEADS) < np.where(kind == 1, 0.4, 0.2)
    happened = ended < END
    lives = Lives(
        created, np.where(happened & won, ended, NEVER), np.where(happened, ended, NEVER), END
    )
    return random, kind, lives


def overwritten(random: np.random.Generator, lives: Lives, strength: float) -> np.ndarray:
    return (lives.won & (random.random(LEADS) < strength)).astype(float)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_what_the_sale_writes_is_missing_in_open_leads(strength) -> None:
    random, _, lives = drawn(0)
    found = missing_share(overwritten(random, lives, strength), lives, 150)
    assert found.is_that_of_overwriting
    assert found.share == pytest.approx(1.0, abs=4 * found.error)
    assert found.error < 0.3


@pytest.mark.long
def test_the_bounds_hold_zero_for_honest_values_and_one_for_overwritten_ones() -> None:
    """Each bound is passed in 5 % of draws: of 150 in 0 to 19, at four standard errors."""
    honest, written = [], []
    for seed in range(150):
        random, kind, lives = drawn(seed)
        honest.append(missing_share(kind.astype(float), lives, 150))
        written.append(missing_share(overwritten(random, lives, 0.8), lives, 150))
    assert sum(one.low > 0 for one in honest) <= 19
    assert sum(one.high < 0 for one in honest) <= 19
    assert sum(one.high < 1 for one in written) <= 19
    assert np.mean([one.share for one in written]) == pytest.approx(1.0, abs=0.15)
    standard = np.array([one.share / one.error for one in honest])
    assert abs(standard.mean()) < 4 / np.sqrt(150)
    assert 0.6 < standard.std() < 1.4


def test_drift_of_how_frequent_an_honest_value_is_moves_nothing() -> None:
    random, kind, lives = drawn(1)
    rarer = (random.random(LEADS) < np.linspace(0.1, 1.0, LEADS)) * kind
    found = missing_share(rarer.astype(float), lives, 150)
    assert abs(found.share) < 2.6 * found.error


@pytest.mark.parametrize(
    ("share", "error", "speaks"),
    [(1.0, 0.6, True), (1.0, 0.61, False), (3.0, 1.0, False), (2.6, 1.0, True), (0.0, 0.1, False)],
)
def test_the_interval_lies_above_zero_and_not_above_one_alone(share, error, speaks) -> None:
    found = MissingShare(share, error)
    assert found.is_that_of_overwriting is speaks
    assert found.high - found.low == pytest.approx(2 * 1.6448536 * error)


def test_without_history_or_with_one_value_nothing_is_said() -> None:
    nobody = np.zeros(0, np.int64)
    assert missing_share(np.zeros(0), Lives(nobody, nobody, nobody, END), 150) is None
    _, _, lives = drawn(2)
    assert missing_share(np.ones(LEADS), lives, 150) is None
    few = Lives(lives.created_at[:40], lives.converted_at[:40], lives.ended_at[:40], END)
    assert missing_share(lives.won[:40].astype(float), few, 150) is None
