"""What a training says in a terminal of its baselines: what the model beats, and the points card.

Only text and layout are made here; every number comes from the model's card.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.bundle import HORIZONS
from models.predictors.scorecard import Line
from training.card.schema import ModelCard
from training.evaluation.baselines import BaselineFigures
from training.evaluation.evaluation import HorizonEvaluation
from training.statistics.paired import Difference


def show_rivals(console: Console, card: ModelCard) -> None:
    """Print of each horizon what predicts, what it is better than, and its points if it has any."""
    for name in HORIZONS:
        console.print(_verdict(name, card.horizons[name]))
    for name in HORIZONS:
        if lines := card.horizons[name].points_card:
            console.print(_points(name, lines))


def baselines_weakest_first(baselines: Mapping[str, BaselineFigures]) -> list[str]:
    """Names of baselines by falling log loss."""
    return sorted(baselines, key=lambda name: -(baselines[name].log_loss or 0.0))


def advantage_text(difference: Difference | None) -> str:
    """By how many thousandths the model's log loss is less, and the interval of that.

    Examples
    --------
    >>> advantage_text(Difference(advantage=0.0123, low=-0.001, high=0.02, wins=0.9))
    '12.3 (-1.0 to 20.0)'
    """
    if difference is None:
        return "–"
    low, high = 1000 * difference.low, 1000 * difference.high
    return f"{1000 * difference.advantage:.1f} ({low:.1f} to {high:.1f})"


def _verdict(name: str, horizon: HorizonEvaluation) -> Text:
    """What the model is and is not better than, by log loss on the same leads."""
    beaten_by, better_than = horizon.beaten_by, horizon.better_than
    equal = [rival for rival in horizon.baselines if rival not in (*beaten_by, *better_than)]
    said = Text.assemble((f"{name}: ", "bold"), f"the model is a {horizon.predictor}")
    if beaten_by:
        said.append(f"; beaten by {', '.join(beaten_by)}", "red")
    if equal:
        said.append(f"; not better than {', '.join(equal)}, as far as can be told", "yellow")
    if better_than:
        said.append(f"; better than {', '.join(better_than)}", "green")
    return said.append(" (log loss on the same leads, 95 %).")


def _points(name: str, lines: Sequence[Line]) -> Table:
    """The card, a row for each quality."""
    table = Table(
        title=f"Points card of the {name} horizon",
        title_justify="left",
        show_lines=True,
    )
    for heading in ("quality", "points"):
        table.add_column(heading)
    for quality, bins in groupby(lines, key=lambda line: line.quality):
        told = ", ".join(f"{line.value} {line.points:+d}" for line in bins)
        table.add_row(escape(quality), escape(told))
    return table
