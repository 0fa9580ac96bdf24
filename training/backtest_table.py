"""What a backtest says in a terminal: every figure at every origin."""

from rich.console import Console
from rich.table import Table

from training.backtest import Backtest
from training.pipeline import iso


def show_backtest(console: Console, found: Backtest) -> None:
    """Every figure at every origin, with its mean, spread and trend."""
    table = Table(
        title="Trained at each origin, judged by what came after it", title_justify="left"
    )
    for heading in ("", "figure"):
        table.add_column(heading, no_wrap=True)
    for heading in (*(iso(at)[:10] for at in found.origins), "mean", "spread", "trend"):
        table.add_column(heading, justify="right")
    about = ""
    for series in found.series:
        if series.about != about:
            table.add_section()
        first = "" if series.about == about else series.about
        values = (*series.values, series.mean, series.spread)
        trend = "–" if series.trend is None else f"{series.trend:+.3f}"
        table.add_row(first, series.name, *(_figure(value) for value in values), trend)
        about = series.about
    console.print(table)
    console.print(
        "Spread is the standard deviation over the origins, trend the change from the first to the "
        "last along the line of least squares.",
        highlight=False,
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
