"""The level that wanders is followed; one that stands still is left alone."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from features.engine.history import MICROSECONDS_PER_DAY
from models.calibration import BetaCalibration, sigmoid
from training.calibration.curves import fit_curve
from training.calibration.drift import PACES, LevelDrift, level_drift
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


def walk_by_search(blocks, weight: float, pace: float):
    """Levels, variances and log-likelihood of a random walk; each mode by a search on a line."""
    level, variance, total, earlier = 0.0, 1.0, 0.0, blocks[0]["middle"]
    levels, variances = [], []
    for block in blocks:
        variance += pace * (block["middle"] - earlier) / MICROSECONDS_PER_DAY
        earlier, prior = block["middle"], level

        def cost(at: float, prior=prior, variance=variance, block=block) -> float:
            z = block["log_odds"] + at
            likelihood = np.sum(np.where(block["converted"], z, 0.0) - np.log1p(np.exp(z)))
            return -weight * likelihood + (at - prior) ** 2 / (2 * variance)

        level = float(minimize_scalar(cost, bracket=(prior - 1, prior + 1), tol=1e-12).x)
        p = sigmoid(block["log_odds"] + level)
        curvature = weight * np.sum(p * (1 - p)) + 1 / variance
        total -= cost(level) + 0.5 * np.log(variance * curvature)
        variance = 1 / curvature
        levels.append(level)
        variances.append(variance)
    return levels, variances, total


@pytest.mark.parametrize("looks_each", [1, 3])
def test_the_level_is_followed_block_by_block_as_it_is_described(looks_each: int) -> None:
    margin, converted, lead, as_of = (part[::10] for part in drawn(step, 4, 1))
    lead = lead // (10 * looks_each)  # neighbours in time share a lead
    known_at = horizon_end(as_of, 7)
    until = (DAYS + 7) * MICROSECONDS_PER_DAY
    found = level_drift(margin, converted, lead, as_of, known_at, until)

    standing = fit_curve("platt", margin, converted, lead)
    assert isinstance(standing, BetaCalibration)
    log_odds = standing.log_odds(margin)
    residual = converted - sigmoid(log_odds)
    by_lead = [residual[lead == name].sum() for name in set(lead.tolist())]
    weight = min(1.0, np.sum(residual**2) / np.sum(np.square(by_lead)))
    size = len(as_of) // 24
    starts = [as_of[number * size] for number in range(24)]
    blocks = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number < 23 else until
        rows = (as_of >= start) & (as_of < end)
        blocks.append(
            {
                "log_odds": log_odds[rows],
                "converted": converted[rows],
                "start": int(start),
                "middle": float(as_of[rows].mean()),
                "known": int(as_of[rows].max()) + 7 * MICROSECONDS_PER_DAY,
            }
        )
    walks = {pace: walk_by_search(blocks, weight, pace) for pace in PACES}
    pace = max(walks, key=lambda value: walks[value][2])
    levels, variances, total = walks[pace]
    foretold = []
    for block in blocks:
        known = [i for i, other in enumerate(blocks) if other["known"] <= block["start"]]
        foretold.append(levels[max(known, default=0)])
    days_left = (until - blocks[-1]["middle"]) / MICROSECONDS_PER_DAY

    assert found.since == tuple(block["start"] for block in blocks)
    assert found.a_day == pace > 0
    assert found.slope == standing.a
    assert found.gain == pytest.approx(total - walks[0.0][2], abs=1e-4)
    expected = (np.array(foretold) - levels[-1]) / standing.a
    np.testing.assert_allclose(found.margin, expected, atol=1e-5)
    assert found.variance == pytest.approx(variances[-1] + pace * days_left, abs=1e-6)


def test_a_margin_is_moved_by_the_block_that_its_look_falls_into() -> None:
    drift_of_two = LevelDrift(since=(10, 20), margin=(-1.0, 0.5), slope=2.0, variance=0.04)
    moved = drift_of_two.at(np.array([5, 10, 19, 20, 99]))
    assert moved.tolist() == [-1.0, -1.0, -1.0, 0.5, 0.5]
    summary = drift_of_two.summary()
    assert summary is not None
    assert summary.deviation == pytest.approx(0.2)
    assert (summary.least_odds, summary.most_odds) == pytest.approx((np.exp(-2), np.exp(1)))
