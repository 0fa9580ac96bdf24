"""What `check` tells of a training is what the training finds."""

import pytest

from tests.support.tables import tables_of
from training.config import Config, config_of
from training.dataset.readiness import readiness


@pytest.fixture
def config(tmp_path) -> Config:
    sections = {
        "leads": {"source": "leads.csv"},
        "horizons": {"hot_days": 5, "warm_days": 10},
        "snapshots": {"every_days": 5, "until_days": 20},
    }
    return config_of(sections, tmp_path)


def leads(days: int, converting: int):
    return [
        {
            "lead_id": str(i),
            "created_at": i / 10,
            "converted_at": i / 10 + 3 if i % converting == 0 else None,
        }
        for i in range(10 * days)
    ]


def test_a_good_export_is_ready_for_both_horizons(config) -> None:
    hot, warm = readiness(tables_of(leads(200, 5), end_day=200), config.dataset)
    assert (hot.problem, warm.problem) == (None, None)
    assert (hot.days, warm.days) == (5, 10)
    assert [period.name for period in warm.periods] == ["fit", "calibrate", "test"]
    fit, calibrate, test = warm.periods
    assert fit.last_look < calibrate.first_look < calibrate.last_look < test.first_look
    assert 0 < fit.positives < fit.looks
    assert 0 < calibrate.positives < calibrate.looks


def test_too_few_conversions_are_said_and_none_is_a_problem_with_the_periods_beside_it(
    config,
) -> None:
    few, many = (
        readiness(tables_of(leads(200, one_in), end_day=200), config.dataset)[0]
        for one_in in (250, 5)
    )
    assert (few.problem, few.only_base_rate) == (None, True)
    assert not many.only_base_rate
    none, _ = readiness(tables_of(leads(200, 10_000)[1:], end_day=200), config.dataset)
    assert none.problem.startswith("Before the test period, 0 of ")
    assert len(none.periods) == 3


def test_too_short_a_time_is_a_problem_without_periods(config) -> None:
    _, warm = readiness(tables_of(leads(18, 5), end_day=18), config.dataset)
    assert warm.problem.startswith("The export is too short for a horizon of 10 days")
    assert warm.periods == ()


def test_looks_that_are_too_young_to_tell_are_counted_for_each_horizon(config) -> None:
    rows = [{"lead_id": str(i), "created_at": float(i)} for i in range(100)]
    hot, warm = readiness(tables_of(rows, end_day=100), config.dataset)
    # Looks every 5 days up to day 20 of a lead's life: one a day begins at each of five ages.
    assert hot.immature == sum(
        1 for i in range(100) for age in (0, 5, 10, 15, 20) if 95 < i + age <= 100
    )
    assert warm.immature > hot.immature
