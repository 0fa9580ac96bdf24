"""What `train` prints of the baselines: what the model beats, and the points card.

Only text and layout are made here; every number comes from the model's card.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lead_temperature.tables.plain import plain_table
from models.bands import HORIZONS
from models.policy import within
from models.predictors.scorecard import Line
from training.card.schema import ModelCard
from training.dataset.split import LEAST_LEARNED_LEADS
from training.evaluation.baselines import BaselineFigures
from training.evaluation.evaluation import HorizonEvaluation
from training.statistics.paired import Difference


def show_rivals(console: Console, card: ModelCard) -> None:
    """Print each horizon's model below its baselines, and one verdict for each horizon."""
    for name in HORIZONS:
        console.print(_rivals(name, card.horizons[name]))
    for name in HORIZONS:
        console.print(_verdict(name, card.horizons[name]))


def show_points_cards(console: Console, card: ModelCard) -> None:
    """Print the points of each horizon that is predicted by a points card."""
    for name in HORIZONS:
        if lines := card.horizons[name].points_card:
            console.print(_points(name, lines))


def _rivals(name: str, horizon: HorizonEvaluation) -> Table:
    table = plain_table(
        f"{name}: converts {within(horizon.days)}; figures of the test period",
        ("predictor",),
        ("AUC (95 %)", "log loss", "model's gain in log loss, thousandths (95 %)"),
    )
    for baseline in baselines_weakest_first(horizon.baselines):
        figures = horizon.baselines[baseline]
        cells = (_figure(figures.auc), _figure(figures.log_loss))
        table.add_row(baseline, *cells, advantage_text(figures.log_loss_advantage))
    table.add_section()
    interval = ""
    if (rate := horizon.auc_rate) is not None:
        interval = f" ({rate.low:.3f}–{rate.high:.3f})"
    auc = f"{_figure(horizon.auc)}{interval}"
    table.add_row("model", auc, _figure(horizon.log_loss), "", style="bold")
    unseen = horizon.never_learned_from
    table.add_row("model, new leads only", _figure(unseen.auc), _figure(unseen.log_loss), "")
    return table


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
    predicts = f"a {horizon.predictor} predicts."
    if horizon.predictor == "base rate":
        predicts = (
            f"fewer than {LEAST_LEARNED_LEADS} leads are known to have bought before the test, "
            "too few to tell leads apart: all are told the base rate."
        )
    verdict = Text.assemble((f"{name}: ", "bold"), predicts)
    if beaten_by:
        verdict.append(f" Worse than {', '.join(beaten_by)}.", "red")
    if better_than:
        verdict.append(f" Better than {', '.join(better_than)}.", "green")
    if equal:
        verdict.append(f" No clear difference from {', '.join(equal)}.", "yellow")
    return verdict


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _points(name: str, lines: Sequence[Line]) -> Table:
    """The points card, a row for each quality."""
    table = Table(
        title=f"Points card of the {name} horizon",
        title_justify="left",
        show_lines=True,
    )
    for heading in ("quality", "points"):
        table.add_column(heading)
    for quality, bins in groupby(lines, key=lambda line: line.quality):
        points = ", ".join(f"{line.value} {line.points:+d}" for line in bins)
        table.add_row(escape(quality), escape(points))
    return table
