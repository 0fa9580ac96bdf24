"""What looks at refused leads win, and what they cost, on the world whose refused leads come back.

Each run draws an export of `features.worlds.persons` and trains on it twice, as it stood 90 days
before its end: once with every lead over at its closing, once with looks for some time after it.
Both are put beside the exact truth of later looks (`benchmarks.worlds_figures`), apart for leads
that are open and for those that were refused. The measure is the best single number: the mean truth
of these very looks, which nobody knows beforehand. It loses 1; the truth loses 0.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.worlds_export import JUDGED_DAYS, leads_for, looks_from
from benchmarks.worlds_figures import PredictionFigures, prediction_figures
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.scale.batch import point_in_time_features
from features.worlds.crm import MadeUpCrm, write_export
from features.worlds.persons import made_up_crm, truth_after_refusal
from training.config import read_config
from training.dataset.as_of_cut import cut_at
from training.pipeline import trained_bundle

WORLD = "persons"
AFTER_DAYS = 90.0
"""For how long refused leads are looked at, unless another time is asked for."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class RefusalFigures:
    """How good a training is on looks at leads of one kind within one horizon.

    Parameters
    ----------
    after_refusal_days : float or None
        For how long it looked at refused leads.
    refused : bool
        Whether these leads had been refused; else they were open.
    horizon : {"hot", "warm"}
        The horizon.
    looks : int
        How many looks.
    rate : float
        Mean truth of the looks.
    predictions : PredictionFigures
        What the training reaches.
    """

    after_refusal_days: float | None
    refused: bool
    horizon: str
    looks: int
    rate: float
    predictions: PredictionFigures


@app.command()
def main(
    size: Annotated[int, typer.Option(min=30, help="Conversions at the cut.")] = 400,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 5,
    first_seed: Annotated[int, typer.Option(min=1, help="The first of them.")] = 301,
    days: Annotated[
        list[float] | None, typer.Option(help="Days after a refusal; again for more. 90.")
    ] = None,
) -> None:
    """Measure what looks at refused leads win and cost, beside the truth."""
    figures = [
        one
        for seed in range(first_seed, first_seed + seeds)
        for one in refusal_figures(leads_for(WORLD, size), seed, days or [AFTER_DAYS])
    ]
    Console().print(refusal_table(figures))


def refusal_figures(leads: int, seed: int, after_days: Sequence[float]) -> list[RefusalFigures]:
    """Figures of a training without looks after a refusal, then of one for each time after it.

    Parameters
    ----------
    leads : int
        Leads of the export.
    seed : int
        The same seed gives the same export.
    after_days : sequence of float
        For how long refused leads are looked at.
    """
    crm = made_up_crm(leads, seed)
    truth = {False: crm.truth, True: truth_after_refusal(leads, seed)}
    return [one for days in (None, *after_days) for one in _figures_of(crm, truth, days)]


def _figures_of(
    crm: MadeUpCrm, truth: Mapping[bool, pa.Table], days: float | None
) -> Iterator[RefusalFigures]:
    with tempfile.TemporaryDirectory() as folder:
        write_export(crm, folder, "parquet")
        file = Path(folder) / "lead_temperature.toml"
        if days is not None:  # [snapshots] is the last section
            file.write_text(f"{file.read_text()}after_refusal_days = {days}\n")
        config = read_config(file)
        tables = read_export(config.export)
    cut = tables.data_end - JUDGED_DAYS * MICROSECONDS_PER_DAY
    bundle = trained_bundle(cut_at(tables, cut), config)
    for refused, probabilities in truth.items():
        looks, true = looks_from(tables, probabilities, cut)
        scores = bundle.scores(point_in_time_features(tables, looks, bundle.spec))
        for horizon, true_probability in true.items():
            rate = float(true_probability.mean())
            predictions = prediction_figures(scores.probability(horizon), true_probability, rate)
            yield RefusalFigures(days, refused, horizon, len(looks), rate, predictions)


def refusal_table(figures: Sequence[RefusalFigures]) -> Table:
    """Means over seeds, a line for each kind of lead, horizon and time after a refusal.

    Parameters
    ----------
    figures : sequence of RefusalFigures
        Of all seeds.
    """
    table = Table(title="Looks at refused leads, beside the truth", title_justify="left")
    for name in (
        "looks at",
        "horizon",
        "days after",
        "looks",
        "true rate",
        "excess",
        "said ÷ true",
    ):
        table.add_column(name, justify="left" if name in ("looks at", "horizon") else "right")
    keys = [(one.refused, one.horizon, one.after_refusal_days) for one in figures]
    for refused, horizon, days in sorted(set(keys), key=lambda key: (*key[:2], key[2] or 0.0)):
        group = [
            one for one, key in zip(figures, keys, strict=True) if key == (refused, horizon, days)
        ]
        means = (
            np.mean([one.rate for one in group]),
            np.mean([one.predictions.excess for one in group]),
            np.mean([one.predictions.said_over_true for one in group]),
        )
        table.add_row(
            "refused leads" if refused else "open leads",
            horizon,
            "none" if days is None else f"{days:g}",
            f"{sum(one.looks for one in group):,}",
            *(f"{mean:.3f}" for mean in means),
        )
    return table


if __name__ == "__main__":
    app()
