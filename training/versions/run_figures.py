"""What a run in the registry shows of a model's card: parameters and metrics, each with one name.

The card is nested and travels in the bundle; a run has flat names that can be sorted, plotted and
compared over many trainings. Lists, such as the groups of leads, stay in the card.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_PARAMETER = 6000
"""Letters that a run keeps of a parameter."""


def run_parameters(card: Mapping[str, Any]) -> dict[str, str]:
    """What a model was made by.

    Examples
    --------
    >>> run_parameters({"data_end": "2026-01-01", "settings": {"trees": 300}})["trees"]
    '300'
    """
    found = {
        **card.get("settings", {}),
        **{f"library.{name}": value for name, value in card.get("libraries", {}).items()},
        **{f"snapshots.{name}": value for name, value in card.get("snapshots", {}).items()},
        "data_end": card["data_end"],
        "data_fingerprint": card.get("data_fingerprint", ""),
    }
    return {name: str(value)[:LONGEST_PARAMETER] for name, value in found.items()}


def run_metrics(card: Mapping[str, Any]) -> dict[str, float]:
    """Every single figure of a card; what was not measured is left out.

    Examples
    --------
    >>> run_metrics({"horizons": {"hot": {"auc": 0.8, "baselines": {"base rate": {"auc": None}}}}})
    {'hot.auc': 0.8}
    """
    flat = {
        **dict(_numbers("", card.get("horizons", {}))),
        **dict(_numbers("bands.", card.get("bands", {}))),
        **dict(_numbers("learning_curve.", card.get("learning_curve", {}))),
    }
    for name, horizon in card.get("horizons", {}).items():
        if "better_than" in horizon:
            ahead_of_all = set(horizon["baselines"]) <= set(horizon["better_than"])
            flat[f"{name}.better_than_all_baselines"] = float(ahead_of_all)
    return flat


def _numbers(before: str, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        key = before + re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        if isinstance(value, Mapping):
            yield from _numbers(f"{key}.", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, float(value)
