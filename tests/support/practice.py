"""A made-up export about selling, with the settings that count it."""

from pathlib import Path

import numpy as np

from features.tables import Tables
from tests.support.tables import tables_of
from training.config import Config, config_of
from training.team.practice import Practice, practice

NAMES = ("ads", "fair", "friends", None)


def practice_of(tables: Tables, config: Config) -> Practice:
    return practice(tables, config.practice, config.horizons.warm_days)


def made_up(leads: int = 400, seed: int = 3, **more):
    """An export in which a third buys, at any time, and one in four is closed."""
    random = np.random.default_rng(seed)
    rows, events = [], []
    for i in range(leads):
        created = float(random.uniform(0, 200))
        bought = created + float(random.exponential(30)) if random.random() < 0.4 else None
        closed = created + float(random.exponential(40)) if random.random() < 0.25 else None
        if bought is not None and (closed is not None or bought > 200):
            bought = None
        if closed is not None and closed > 200:
            closed = None
        name = NAMES[int(random.integers(0, 4))]
        rows.append(
            {
                "lead_id": f"L{i}",
                "created_at": created,
                "converted_at": bought,
                "closed_at": closed,
                "source": name,
                "owner": ("ana", "boris")[i % 2],
            }
        )
        events += [
            {
                "lead_id": f"L{i}",
                "occurred_at": created + float(random.exponential(4.0)),
                "direction": ("inbound", "outbound", None)[int(random.integers(0, 3))],
                "channel": ("phone", "web")[int(random.integers(0, 2))],
                "kind": ("call", "quote")[int(random.integers(0, 2))],
            }
            for _ in range(int(random.integers(0, 4)))
        ]
    kinds = {"source": "category", "owner": "category"}
    return tables_of(rows, events, kinds=kinds, fixed=("source", "owner"), end_day=200, **more)


def config(**report):
    return config_of({"leads": {"source": "leads.csv"}, "report": report}, Path())
