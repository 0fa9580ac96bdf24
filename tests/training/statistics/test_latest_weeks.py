"""A change of the latest weeks is seen where it can be, and quiet months hardly ever ring."""

import math

import numpy as np
import pytest

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import iso
from models.calibration import sigmoid
from training.statistics.latest_weeks import LATEST_DAYS, LatestWeeks, latest_weeks
from training.statistics.levels import between_month_variance, month_levels, prior_variance

DAYS = 400


def looks(
    seed: int, leads: int, deviation: float, change: float
) -> tuple[Float64, Bool, Int64, Int64]:
    """Four looks a lead, whose months have levels and whose latest weeks may have another."""
    random = np.random.default_rng(seed)
    created, own = random.uniform(0, DAYS, leads), random.normal(-2.6, 1, leads)
    lead, day = (
        np.repeat(np.arange(leads), 4),
        np.repeat(created, 4) + np.tile([0, 7, 14, 21], leads),
    )
    lead, day = lead[day < DAYS], day[day < DAYS]
    level = random.normal(0, deviation, DAYS // 30 + 1)[(day / 30).astype(int)]
    latest = np.where(day > DAYS - LATEST_DAYS, change, 0.0)
    # The looks of a lead foresee the same purchase: one draw decides them.
    converted = random.random(leads)[lead] < sigmoid(own[lead] + level + latest)
    return own[lead], converted, lead, (day * MICROSECONDS_PER_DAY).astype(np.int64)


def told(seed: int, leads: int, deviation: float, change: float) -> LatestWeeks | None:
    log_odds, converted, lead, as_of = looks(seed, leads, deviation, change)
    months = month_levels(log_odds, np.zeros(len(lead)), converted, lead, as_of)
    variance = between_month_variance(months, prior_variance(int(converted.sum() / 2)))
    return latest_weeks(log_odds, converted, lead, as_of, variance)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deviation", "change", "least", "most"),
    [(0.0, 0.0, 0.0, 0.06), (0.3, 0.0, 0.0, 0.1), (0.1, -1.5, 0.9, 1.0), (0.1, 1.0, 0.9, 1.0)],
    ids=["quiet", "restless", "a fall", "a rise"],
)
def test_how_often_a_change_is_called(
    deviation: float, change: float, least: float, most: float
) -> None:
    """Of 80 exports with some 130 purchases foretold of the latest weeks."""
    found = [told(seed, 5_000, deviation, change) for seed in range(80)]
    assert least <= np.mean([one is not None and one.changed for one in found]) <= most


def test_what_is_told_is_what_was_counted() -> None:
    log_odds, converted, lead, as_of = looks(3, 5_000, 0.0, -1.5)
    found = latest_weeks(log_odds, converted, lead, as_of, 0.01)
    assert found is not None
    latest = as_of > as_of.max() - LATEST_DAYS * MICROSECONDS_PER_DAY
    assert (found.looks, found.bought) == (latest.sum(), converted[latest].sum())
    assert found.expected == pytest.approx(sigmoid(log_odds[latest]).sum(), rel=0.15)
    assert found.log_odds == pytest.approx(-1.5, abs=0.6)
    assert (found.first_look, found.last_look) == (
        iso(int(as_of[latest].min())), iso(int(as_of.max())),
    )  # fmt: skip


def test_the_months_before_give_the_level() -> None:
    """Margins that are wrong all the time are no change of the latest weeks."""
    log_odds, converted, lead, as_of = looks(5, 5_000, 0.0, 0.0)
    found = latest_weeks(log_odds + 0.6, converted, lead, as_of, 0.2)
    assert found is not None
    assert not found.changed
    assert found.expected == pytest.approx(found.bought, rel=0.3)


def test_with_too_few_purchases_nothing_is_said() -> None:
    log_odds, converted, lead, as_of = looks(1, 60, 0.0, 0.0)
    assert latest_weeks(log_odds, converted, lead, as_of, 0.01) is None
    assert latest_weeks(log_odds[:0], converted[:0], lead[:0], as_of[:0], 0.01) is None


LATEST, EARLIER, RATE, VARIANCE = 300, 800, 0.1, 0.02


@pytest.mark.parametrize("bought_earlier", [60, 80, 110])
def test_the_line_to_a_change_is_that_of_the_formula(bought_earlier: int) -> None:
    """One look a lead, all alike; a look 28 days old is one of the months before, 119 is none."""
    margin = math.log(RATE / (1 - RATE))
    days_ago = np.array(
        [0.0] * LATEST + [28.0] * (EARLIER // 2) + [118.9] * (EARLIER // 2) + [119.0] * 50
    )
    as_of = np.rint((500 - days_ago) * MICROSECONDS_PER_DAY).astype(np.int64)
    earlier_information = EARLIER * RATE * (1 - RATE)
    certainty = earlier_information + 1 / VARIANCE
    level = 1 / (1 + math.exp(-margin - (bought_earlier - EARLIER * RATE) / certainty))
    expected, information = LATEST * level, LATEST * level * (1 - level)
    error = math.sqrt(information + information * information * (VARIANCE + 1 / certainty))
    calls = {}
    for bought in range(0, LATEST, 3):
        converted = np.zeros(len(as_of), np.bool_)
        converted[:bought] = True
        converted[LATEST : LATEST + bought_earlier] = True  # all 28 days old
        converted[-50:] = True
        margins = np.full(len(as_of), margin)
        margins[-50:] = 30.0  # foretold for sure: they tell nothing of how looks vary
        found = latest_weeks(margins, converted, np.arange(len(as_of)), as_of, VARIANCE)
        assert found is not None
        assert found.expected == pytest.approx(expected, rel=1e-9)
        assert found.log_odds == pytest.approx((bought - expected) / information)
        calls[bought] = found.changed
    assert calls == {bought: abs(bought - expected) > 1.959964 * error for bought in calls}
