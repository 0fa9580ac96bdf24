"""What a training says in a terminal of its baselines: what the model beats, and the points card.

Only text and layout are made here; every number comes from the model's card.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.bundle import HORIZONS


def show_rivals(console: Console, card: Mapping[str, Any]) -> None:
    """Print of each horizon what predicts, what it is better than, and its points if it has any."""
    for name in HORIZONS:
        console.print(_verdict(name, card["horizons"][name]))
    for name in HORIZONS:
        if lines := card["horizons"][name]["points_card"]:
            console.print(_points(name, lines))


def baselines_weakest_first(baselines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of baselines by falling log loss."""
    return sorted(baselines, key=lambda name: -(baselines[name]["log_loss"] or 0.0))


def advantage_text(advantage: Mapping[str, float] | None) -> str:
    """By how many thousandths the model's log loss is less, and the interval of that.

    Examples
    --------
    >>> advantage_text({"advantage": 0.0123, "low": -0.001, "high": 0.02})
    '12.3 (-1.0 to 20.0)'
    """
    if advantage is None:
        return "–"
    middle, low, high = (1000 * advantage[name] for name in ("advantage", "low", "high"))
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _verdict(name: str, horizon: Mapping[str, Any]) -> Text:
    """What the model is and is not better than, by log loss on the same leads."""
    beaten_by, better_than = horizon["beaten_by"], horizon["better_than"]
    equal = [one for one in horizon["baselines"] if one not in (*beaten_by, *better_than)]
    said = Text.assemble((f"{name}: ", "bold"), f"the model is a {horizon['predictor']}")
    if beaten_by:
        said.append(f"; beaten by {', '.join(beaten_by)}", "red")
    if equal:
        said.append(f"; not better than {', '.join(equal)}, as far as can be told", "yellow")
    if better_than:
        said.append(f"; better than {', '.join(better_than)}", "green")
    return said.append(" (log loss on the same leads, 95 %).")


def _points(name: str, lines: Sequence[Mapping[str, Any]]) -> Table:
    """The card, a row for each quality."""
    table = Table(
        title=f"Points card of the {name} horizon",
        title_justify="left",
        show_lines=True,
    )
    for heading in ("quality", "points"):
        table.add_column(heading)
    for quality, bins in groupby(lines, key=lambda line: str(line["quality"])):
        told = ", ".join(f"{line['value']} {line['points']:+d}" for line in bins)
        table.add_row(escape(quality), escape(told))
    return table
