"""The parameters and metrics of a run in the registry, taken from a model's card.

The card is nested; a run has flat names, by which MLflow sorts, plots and compares many trainings.
Every single number of the card becomes a metric. Lists, such as the groups of leads, stay in the
card.
"""

import re
from collections.abc import Iterator, Mapping

from features.json_values import JsonObject
from models.bands import HORIZONS
from training.card.schema import ModelCard
from training.card.values import to_json

LONGEST_PARAMETER = 6000
"""Characters of a parameter that a run keeps; the rest is cut off."""


def run_parameters(card: ModelCard) -> dict[str, str]:
    """Settings, library versions, looks and data that a model was trained with, as text."""
    values = to_json(card)
    parameters = {
        **values["settings"],
        **{f"library.{name}": value for name, value in values["libraries"].items()},
        **{f"snapshots.{name}": value for name, value in values["snapshots"].items()},
        "data_end": values["data_end"],
        "data_fingerprint": values["data_fingerprint"] or "",
    }
    return {name: str(value)[:LONGEST_PARAMETER] for name, value in parameters.items()}


def run_metrics(card: ModelCard) -> dict[str, float]:
    """Every single figure of a card; figures that were not measured are left out.

    A metric is named by its path in the card's JSON, such as "hot.auc" or "bands.hot.hot_rate".
    """
    values = to_json(card)
    metrics = {
        **dict(_numbers("", values["horizons"])),
        **dict(_numbers("bands.", values["bands"])),
        **dict(_numbers("learning_curve.", values["learning_curve"])),
    }
    for name in HORIZONS:
        horizon = card.horizons[name]
        ahead_of_all = set(horizon.baselines) <= set(horizon.better_than)
        metrics[f"{name}.better_than_all_baselines"] = float(ahead_of_all)
    return metrics


def _numbers(prefix: str, values: JsonObject) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        key = prefix + re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        if isinstance(value, Mapping):
            yield from _numbers(f"{key}.", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, float(value)
