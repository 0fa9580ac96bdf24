"""An advantage that months disagree on is not sure, and one they agree on hardly less so."""

import numpy as np
import pytest

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from models.calibration import sigmoid
from training.statistics.between_months import with_months
from training.statistics.paired import AUC, LOG_LOSS, Difference, Metric, paired_difference

MEAN_SLOPE = 0.15


def looks(
    seed: int, months: int, rows: int, deviation: float
) -> tuple[Bool, Int64, Float64, Float64, Int64]:
    """A signal that bears in some months more than in others; the second model lacks it."""
    random = np.random.default_rng(seed)
    month = np.sort(random.integers(months, size=rows))
    known, signal = random.normal(-2.2, 1, rows), random.normal(0, 1, rows)
    slope = MEAN_SLOPE + random.normal(0, deviation, months)
    converted = random.random(rows) < sigmoid(known + slope[month] * signal)
    first, second = sigmoid(known + MEAN_SLOPE * signal), sigmoid(known)
    as_of = (15 + 30 * month) * MICROSECONDS_PER_DAY
    return converted, np.arange(rows), first, second, as_of


def differences(
    metric: Metric, seed: int, months: int, rows: int, deviation: float
) -> tuple[Difference, Difference]:
    converted, lead, first, second, as_of = looks(seed, months, rows, deviation)
    by_leads = paired_difference(metric, converted, lead, first, second, seed=1, replicates=60)
    assert by_leads is not None
    return by_leads, with_months(by_leads, metric, converted, lead, first, second, as_of)


@pytest.mark.long
@pytest.mark.parametrize("metric", [AUC, LOG_LOSS], ids=lambda metric: metric.name)
@pytest.mark.parametrize(
    ("deviation", "least", "most"), [(0.0, 0.93, 1.0), (0.3, 0.78, 1.0)], ids=["alike", "unlike"]
)
def test_the_interval_holds_the_advantage_over_many_months(
    metric: Metric, deviation: float, least: float, most: float
) -> None:
    """Of 80 intervals; leads alone hold it in about half where months differ so much."""
    converted, _, first, second, _ = looks(0, 2_000, 1_000_000, deviation)
    sign = 1 if metric.higher_is_better else -1
    everyone = np.ones(len(converted))
    truth = sign * float(
        metric.prepare(converted, first)(everyone) - metric.prepare(converted, second)(everyone)
    )
    pairs = [differences(metric, seed, 8, 5_000, deviation) for seed in range(1, 81)]
    held_by_leads, held = (
        np.mean([one.low <= truth <= one.high for one in column])
        for column in zip(*pairs, strict=True)
    )
    assert least <= held <= most
    assert held_by_leads < 0.75 or deviation == 0
    widths = [(wide.high - wide.low) / (plain.high - plain.low) for plain, wide in pairs]
    assert min(widths) >= 1
    assert np.median(widths) < 1.35 or deviation > 0


def test_the_advantage_stays_and_the_interval_is_stretched_about_it() -> None:
    plain, wide = differences(LOG_LOSS, 3, 6, 3_000, 0.3)
    assert (wide.advantage, wide.wins) == (plain.advantage, plain.wins)
    assert wide.low < plain.low < plain.advantage < plain.high < wide.high
    stretches = [
        (getattr(wide, end) - plain.advantage) / (getattr(plain, end) - plain.advantage)
        for end in ("low", "high")
    ]
    assert stretches[0] == pytest.approx(stretches[1])


def test_one_month_says_little_of_others() -> None:
    plain, wide = differences(LOG_LOSS, 3, 1, 3_000, 0.0)
    assert (wide.high - wide.low) > 1.5 * (plain.high - plain.low)


def test_equal_predictors_stay_equal_and_without_buyers_nothing_is_widened() -> None:
    converted, lead, first, second, as_of = looks(1, 4, 500, 0.2)
    equal = paired_difference(LOG_LOSS, converted, lead, first, first, seed=1)
    assert equal is not None
    assert with_months(equal, LOG_LOSS, converted, lead, first, first, as_of) == equal
    nobody = np.zeros(500, np.bool_)
    plain = paired_difference(LOG_LOSS, nobody, lead, first, second, seed=1)
    assert plain is not None
    assert with_months(plain, LOG_LOSS, nobody, lead, first, second, as_of) == plain
