"""What stands under ``[bands]``, and what a mistake there is answered with."""

from pathlib import Path
from typing import Any

import pytest

from models.policy import Capacity, Economics, FixedCutoff, GuaranteedRate, HighestLift
from training.config import BandSettings, SnapshotSettings, config_of

LEADS = {"leads": {"source": "leads.csv"}}


def bands(**values: Any) -> BandSettings:
    return config_of(LEADS | {"bands": values}, Path()).bands


def test_each_band_takes_a_policy_of_its_own() -> None:
    assert bands(hot={"per_week": 40}, warm={"rate": 0.2}) == BandSettings(
        hot=Capacity(40), warm=GuaranteedRate(0.2, 0.9)
    )
    assert bands(hot={"sale_value": 900, "call_cost": 60}).hot == Economics(900, 60)
    assert bands(hot=0.3, warm=0.2).hot == FixedCutoff(0.3)


def test_without_a_word_the_highest_multiple_of_the_base_rate_is_promised() -> None:
    assert bands() == BandSettings(hot=HighestLift(0.25), warm=HighestLift(0.25), hysteresis=0.2)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"hot": {"rate": 30}}, r"bands\W+hot.*rate must lie between 0 and 1, got 30"),
        ({"hot": {"per_weak": 40}}, r"bands\W+hot.*one of .*per_week = 40.*got .*per_weak"),
        ({"warm": "often"}, r"bands\W+warm.*must be a cut-off.*got 'often'"),
        ({"hot": 0.2, "warm": 0.6}, "warm=0.6, hot=0.2"),
        ({"hysteresis": 1}, "hysteresis"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_law(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        bands(**values)


@pytest.mark.parametrize(
    ("horizons", "days"),
    [
        ({}, (14, 90)),
        ({"hot_days": 30}, (30, 90)),
        ({"hot_days": 120}, (120, 120)),
        ({"hot_days": 14, "warm_days": 14}, (14, 14)),
    ],
)
def test_without_a_longer_horizon_there_is_one(
    horizons: dict[str, int], days: tuple[int, int]
) -> None:
    found = config_of(LEADS | {"horizons": horizons}, Path()).horizons
    assert (found.hot_days, found.warm_days) == days


def test_the_longer_horizon_is_not_the_shorter_one() -> None:
    with pytest.raises(ValueError, match="no more than warm_days, got 91 and 90"):
        config_of(LEADS | {"horizons": {"hot_days": 91, "warm_days": 90}}, Path())


def test_the_time_after_a_refusal_is_told_to_the_reader_of_the_export() -> None:
    config = config_of(LEADS | {"snapshots": {"after_refusal_days": 90}}, Path())
    assert config.snapshots.after_refusal_days == config.export.after_refusal_days == 90.0
    assert config_of(LEADS, Path()).export.after_refusal_days is None


def test_a_time_after_a_refusal_makes_another_recipe_and_none_leaves_it_as_it_was() -> None:
    assert repr(SnapshotSettings()) == (
        "SnapshotSettings(first_days=0.0, every_days=7.0, until_days=180.0, triggers=(), thin=2)"
    )
    assert "after_refusal_days=90.0" in repr(SnapshotSettings(after_refusal_days=90))


@pytest.mark.parametrize("days", [0, -1, 3651, float("nan")])
def test_a_time_after_a_refusal_is_some_days(days: float) -> None:
    with pytest.raises(ValueError, match="after_refusal_days"):
        config_of(LEADS | {"snapshots": {"after_refusal_days": days}}, Path())
