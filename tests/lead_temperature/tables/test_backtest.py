"""What `backtest` prints: every figure at every day, under whose figure it is."""

import io
from datetime import UTC, datetime

from rich.console import Console

from lead_temperature.tables.backtest import show_backtest
from training.search.backtest import Backtest, FigureSeries

DAYS = tuple(
    int(datetime(2025, month, 1, tzinfo=UTC).timestamp() * 1e6) for month in (3, 6, 9)
)  # fmt: skip


def test_figures_stand_under_their_day_with_mean_spread_and_trend() -> None:
    series = (
        FigureSeries("hot", "AUC", (0.7, None, 0.8), 0.75, 0.05, 0.1),
        FigureSeries("hot", "log loss", (0.1, None, None), 0.1, None, None),
        FigureSeries("warm", "AUC", (0.6, 0.6, 0.6), 0.6, 0.0, -0.002),
    )
    console = Console(width=100, file=io.StringIO())
    show_backtest(console, Backtest(origins=DAYS, evaluations=(), series=series))
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["figure", "03-01", "06-01", "09-01", "mean", "spread", "trend"] in rows
    assert ["AUC", "0.700", "–", "0.800", "0.750", "0.050", "+0.100"] in rows
    assert ["log", "loss", "0.100", "–", "–", "0.100", "–", "–"] in rows
    assert ["AUC", "0.600", "0.600", "0.600", "0.600", "0.000", "-0.002"] in rows
    assert rows.count(["hot"]) == rows.count(["warm"]) == 1
