"""The level that wanders is followed; one that stands still is left alone."""

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from models.calibration import BetaCalibration, StepCalibration, sigmoid
from training.calibration.drift import LevelDrift, level_drift, with_added_variance
from training.dataset.snapshots import horizon_end

ROWS, DAYS = 12_000, 200


def drawn(level, seed: int = 1, looks_each: int = 1):
    """Margins, outcomes, leads and instants of looks whose level moves as `level` of days says."""
    random = np.random.default_rng(seed)
    leads = ROWS // looks_each
    as_of = np.sort(random.integers(0, DAYS * MICROSECONDS_PER_DAY, leads))
    margin = random.normal(-1.5, 1.0, leads)
    converted = random.random(leads) < sigmoid(margin + level(as_of / MICROSECONDS_PER_DAY))
    repeated = (np.repeat(one, looks_each) for one in (margin, converted, np.arange(leads), as_of))
    return tuple(repeated)


def drift(parts, days: int = 7) -> LevelDrift:
    known_at = horizon_end(parts[3], days)
    return level_drift(*parts, known_at, (DAYS + days) * MICROSECONDS_PER_DAY)


def step(day):
    return np.where(day < 120, 0.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_level_that_stands_still_is_left_alone(seed: int) -> None:
    found = drift(drawn(lambda day: np.full(len(day), -0.5), seed))
    assert found == LevelDrift()
    assert found.summary() is None
    assert not found.at(np.array([0, 5])).any()


@pytest.mark.parametrize("seed", range(5))
def test_many_looks_at_few_leads_are_no_drift(seed: int) -> None:
    assert drift(drawn(lambda day: np.zeros(len(day)), seed, looks_each=12)) == LevelDrift()


def test_a_step_is_found_and_earlier_margins_are_moved_by_it() -> None:
    found = drift(drawn(step))
    assert found.gain > 20
    before, after = found.at(np.array([60, 190]) * MICROSECONDS_PER_DAY)
    assert before == pytest.approx(-1.0, abs=0.25)
    assert after == pytest.approx(0.0, abs=0.2)
    assert 0 < found.variance < 0.1
    summary = found.summary()
    assert summary is not None
    assert summary.least_odds == pytest.approx(np.exp(-1.2), rel=0.25)
    assert 1.0 <= summary.most_odds < 1.3


def test_what_is_foretold_of_a_look_knows_no_later_outcome() -> None:
    margin, converted, lead, as_of = drawn(step)
    last = as_of > 193 * MICROSECONDS_PER_DAY
    other = np.where(last, False, converted)
    days = np.arange(10, 190, 10) * MICROSECONDS_PER_DAY
    found, theirs = drift((margin, converted, lead, as_of)), drift((margin, other, lead, as_of))
    assert theirs.at(days)[0] - found.at(days)[0] > 0.3  # the latest level is another one
    moves, their_moves = np.diff(found.at(days)), np.diff(theirs.at(days))
    np.testing.assert_allclose(moves, their_moves, atol=0.15)


def test_an_outcome_that_was_not_known_yet_is_not_used() -> None:
    quick, slow = drift(drawn(step), days=1), drift(drawn(step), days=60)
    after = np.array([150]) * MICROSECONDS_PER_DAY
    assert quick.at(after)[0] > -0.5
    assert slow.at(after)[0] < -0.6


def test_too_little_to_follow_is_left_alone() -> None:
    margin, converted, lead, as_of = (one[:8] for one in drawn(step))
    assert drift((margin, converted, lead, as_of)) == LevelDrift()
    never = np.zeros(ROWS, bool)
    margin, _, lead, as_of = drawn(step)
    assert drift((margin, never, lead, as_of)) == LevelDrift()


def test_a_level_that_is_less_sure_widens_either_kind_of_calibration() -> None:
    margin = np.array([-2.0, 0.5])
    beta = BetaCalibration(1.2, 0.9, -0.3, ((0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.2)))
    steps = StepCalibration("isotonic", (0.0,), (-1.0, 1.0), (0.1, 0.2))
    for one in (beta, steps):
        wider = with_added_variance(one, 0.25)
        np.testing.assert_allclose(wider.variance(margin), one.variance(margin) + 0.25)
        np.testing.assert_array_equal(wider.log_odds(margin), one.log_odds(margin))
