"""A run's parameters and metrics are the numbers of the card under flat names, and no others."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cards import card_of, lifelike_card, unmeasured_card
from training.card.values import to_json
from training.versions.run_figures import LONGEST_PARAMETER, run_metrics, run_parameters

LIFELIKE = card_of(lifelike_card())


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is no object, with its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, value


def numbers_of(values: dict[str, Any]) -> list[float]:
    return sorted(float(value) for _, value in leaves(values) if type(value) in (int, float))


def test_every_number_of_horizons_bands_and_curve_is_one_metric() -> None:
    values, metrics = to_json(LIFELIKE), run_metrics(LIFELIKE)
    flags = [metrics.pop(f"{name}.better_than_all_baselines") for name in ("hot", "warm")]
    parts = {part: values[part] for part in ("horizons", "bands", "learning_curve")}
    assert sorted(metrics.values()) == numbers_of(parts)
    assert set(flags) <= {0.0, 1.0}


def test_a_metric_is_named_by_its_path() -> None:
    values, metrics = to_json(LIFELIKE), run_metrics(LIFELIKE)
    assert metrics["hot.auc"] == values["horizons"]["hot"]["auc"]
    assert metrics["bands.hot.hot_rate"] == values["bands"]["hot"]["hot_rate"]
    assert (
        metrics["warm.baselines.base_rate.log_loss"]
        == (values["horizons"]["warm"]["baselines"]["base rate"]["log_loss"])
    )


def test_what_was_not_measured_is_no_metric() -> None:
    metrics = run_metrics(card_of(unmeasured_card()))
    assert "hot.auc" in run_metrics(LIFELIKE)
    assert "hot.auc" not in metrics


@pytest.mark.parametrize("beaten", [0, 1])
def test_a_model_that_fails_to_beat_one_baseline_is_not_better_than_all(beaten: int) -> None:
    values = lifelike_card()
    hot = values["horizons"]["hot"]
    hot["better_than"] = list(hot["baselines"])[beaten:]
    assert run_metrics(card_of(values))["hot.better_than_all_baselines"] == float(beaten == 0)


def test_parameters_are_settings_libraries_looks_and_data_as_text() -> None:
    values, parameters = to_json(LIFELIKE), run_parameters(LIFELIKE)
    for name, value in values["libraries"].items():
        assert parameters[f"library.{name}"] == str(value)
    for name, value in values["snapshots"].items():
        assert parameters[f"snapshots.{name}"] == str(value)
    for name, value in values["settings"].items():
        assert parameters[name] == str(value)
    assert parameters["data_end"] == values["data_end"]


def test_a_long_parameter_is_cut_where_the_store_would_refuse_it() -> None:
    values = lifelike_card()
    values["settings"]["triggers"] = "x" * (LONGEST_PARAMETER + 1)
    assert run_parameters(card_of(values))["triggers"] == "x" * LONGEST_PARAMETER
