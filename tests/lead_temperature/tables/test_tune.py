"""What `tune` prints: both settings, and whether the best ones gain beyond chance."""

import io

import pytest
from rich.console import Console

from lead_temperature.tables.tune import show_tuned
from training.search.tune import Tuning
from training.statistics.paired import Difference


def printed(gains) -> list[list[str]]:
    console = Console(width=120, file=io.StringIO())
    present, best = {"trees": 60, "learning_rate": 0.05}, {"trees": 200, "learning_rate": 0.02}
    show_tuned(console, Tuning(12, best, present, 0.9012, 0.9234, gains))
    return [line.replace("│", "").split() for line in console.file.getvalue().splitlines()]


def test_both_settings_stand_beside_their_loss() -> None:
    rows = printed({})
    assert ["present", "60", "0.05", "0.9234"] in rows
    assert ["best", "200", "0.02", "0.9012"] in rows
    assert not any("horizon" in row for row in rows)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.003, ["better"]),
        (-0.003, -0.001, ["worse"]),
        (-0.001, 0.003, ["no", "clear", "difference"]),
    ],
)
def test_a_gain_has_its_interval_and_its_verdict(low, high, verdict) -> None:
    gain = Difference(advantage=(low + high) / 2, low=low, high=high, wins=0.5)
    row = ["hot", f"{(low + high) / 2:+.4f}", f"{low:+.4f}", "to", f"{high:+.4f}", *verdict]
    assert row in printed({"hot": gain})
