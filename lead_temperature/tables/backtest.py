"""What `backtest` prints: every figure of every model that was trained in the past."""

from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from features.spine import iso
from training.search.backtest import Backtest


def show_backtest(console: Console, backtest: Backtest) -> None:
    """Print every figure at every origin, with its mean, spread and trend."""
    title = "Trained at each day, judged by what came after it"
    # Without rules between the columns, so that five origins have room in 80 characters.
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("figure", no_wrap=True)
    days = [iso(at)[:10].replace("-", "\n", 1) for at in backtest.origins]
    for heading in (*days, "mean", "spread", "trend"):
        table.add_column(heading, justify="right", no_wrap=True)
    for subject, group in groupby(backtest.series, key=lambda series: series.about):
        table.add_row(f"[bold]{subject}[/]")
        for series in group:
            values = (*series.values, series.mean, series.spread)
            trend = "–" if series.trend is None else f"{series.trend:+.3f}"
            table.add_row(series.name, *(_figure(value) for value in values), trend)
    console.print(table, crop=False)
    console.print(
        "Spread: standard deviation over the days. Trend: change from the first day to the last "
        "along the least-squares line.",
        highlight=False,
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
