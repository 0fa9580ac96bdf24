"""What each constant of the learning is worth: trainings with other values beside the usual ones.

A constant that was once measured is measured again here, on the worlds where choices may be made.
`CONSTANTS` says where each stands and which other values are tried; every other number of those
rooms stands in `NOT_MEASURED` with its reason, and a test holds that none is left out. A line is a
value: excess log loss over that with the usual value on the same exports, its wins, and what else
the worlds tell. A value that changes no bit on any export has "no effect here".

Runs are kept, a file for each value, so what was cut off goes on. All of it takes hours:
``python -m benchmarks.worlds_constants --constant PENALTY`` measures one.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.quality_peer_fit import timed
from benchmarks.worlds import FIRST_SEED, PIPED, ROOT, SMALL_SIZES, requested_tasks
from benchmarks.worlds_export import USE_OF_WORLD, CutExport, cut_export
from benchmarks.worlds_records import append_run, missing, pairs_of, read_runs
from benchmarks.worlds_run import Run, Task, code_fingerprint, one_process_each, run_of
from benchmarks.worlds_summary import comparison_of
from benchmarks.worlds_table import COMPARISON_HEADINGS, COMPARISON_LEGEND, comparison_cells
from features.progress import no_progress
from features.worlds.crm import WORLDS_OWN
from lead_temperature.tables.training import progress_bars
from models.bands import HORIZONS
from models.bundle import Bundle
from training.config import ModelSettings
from training.dataset.frame import training_frame
from training.fitting.bundle import fit_bundle

SETTINGS = "[model]"
"""Stands for a module where a constant is the default of a setting."""
ROOMS = ("features", "models", "training")
SEEDS = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that was measured, and what else it might be.

    Parameters
    ----------
    module : str
        Module that holds it, or `SETTINGS`.
    name : str
        Its name there.
    others : tuple of float
        Values that are tried in its place.
    """

    module: str
    name: str
    others: tuple[float, ...]

    @property
    def usual(self) -> float:
        """Its value."""
        if self.module == SETTINGS:
            return float(ModelSettings.model_fields[self.name].default)
        return float(getattr(importlib.import_module(self.module), self.name))


CONSTANTS = (
    Constant(SETTINGS, "trees", (50, 200)),
    Constant(SETTINGS, "leaves", (4, 15)),
    Constant(SETTINGS, "learning_rate", (0.035, 0.14)),
    Constant(SETTINGS, "least_rows", (10, 90)),
    Constant("training.dataset.split", "ROLLING_ORIGINS", (2, 8)),
    Constant("training.dataset.split", "LEAST_LEARNED_LEADS", (5, 20)),
    Constant("training.fitting.booster", "LEAF_PENALTY", (3.0, 30.0)),
    Constant("training.fitting.booster", "MOST_BINS", (31, 255)),
    Constant("training.fitting.booster", "MOST_COUNTED_LEVELS", (4, 36)),
    Constant("training.fitting.booster", "WIDENING", (0.0, 0.3)),
    Constant("training.fitting.linear", "PENALTY", (50.0, 450.0)),
    Constant("training.fitting.linear", "PRELIMINARY", (2.0, 18.0)),
    Constant("training.fitting.predictor", "SHARE_FOLDS", (2, 5)),
    Constant("training.calibration.curves", "ANCHORED_SD", (0.1, 0.4)),
    Constant("training.calibration.curves", "EVIDENCE_POWER", (0.0, 1.0)),
    Constant("training.calibration.drift", "SURE_LOG_LIKELIHOOD", (1.5, 6.0)),
    Constant("training.calibration.drift", "FIRST", (0.3, 3.0)),
    Constant("training.bands.cutoffs", "LOWEST_SHARE", (1 / 16, 1 / 4)),
    Constant("training.bands.cutoffs", "NEAR", (1 / 4, 1)),
    Constant("training.bands.cutoffs", "LEAST_ASSISTED_BUYERS", (2, 10)),
    Constant("training.bands.cutoffs", "MOST_ASSISTED_RATE", (0.15, 0.5)),
    Constant("training.statistics.levels", "PRIOR_MONTHS", (0.75, 3.0)),
    Constant("training.statistics.levels", "PRIOR_GROUPS", (5.0, 20.0)),
    Constant("training.statistics.levels", "SETTLED_SD", (0.025, 0.1)),
    Constant("training.statistics.levels", "LEAST_INDEPENDENT", (1.0, 4.0)),
    Constant("training.statistics.latest_weeks", "LEAST_FORETOLD", (2.5, 10.0)),
    Constant("models.evidence", "LEVEL_VARIANCE", (0.025, 0.1)),
    Constant("models.evidence", "UNSEEN_SD", (0.2, 0.8)),
    Constant("models.evidence", "MOST_UNSEEN", (2, 8)),
)
_PRECISION = "how finely something is computed: more changes no figure that is told"
_DEFINITION = "what a word means, not how well it works"
_CARD = "of the points card, which is taken by choice alone: `benchmarks.quality` judges it"
_SHOWN = "decides what is shown, not what is learned"
_CHOICE = "of curves and policies that a user chooses; the usual ones do without"
NOT_MEASURED: Mapping[str, str] = {
    "training.dataset.coverage.MOST_LOOKS": _SHOWN,
    "training.dataset.lives.SAME_MOMENT": _DEFINITION,
    "training.dataset.split.LOST": "of `[split]` that keeps leads apart, which is not usual",
    "training.dataset.values.NUMBER_BINS": _SHOWN,
    "training.fitting.linear.MOST_FIT_ROWS": "more rows than any of these exports has",
    "training.fitting.scorecard.DOUBLING": _DEFINITION,
    "training.fitting.scorecard.MOST_QUALITIES": _CARD,
    "training.fitting.scorecard.POINTS_BINS": _CARD,
    "training.calibration.choice.FOLDS": _CHOICE,
    "training.calibration.choice.SURE_STANDARD_ERRORS": _CHOICE,
    "training.calibration.curves.VENN_ABERS_SCORES": _CHOICE,
    "training.calibration.drift.BLOCKS": _PRECISION,
    "training.bands.capacity.KEPT_WEEKS": _CHOICE,
    "training.bands.cutoffs.LOWEST_RATE": _CHOICE,
    "training.bands.cutoffs.RATE_STEP": _CHOICE,
    "training.bands.cutoffs.STEPS": _PRECISION,
    "training.bands.cutoffs.DOWNWARD_STEPS": _PRECISION,
    "training.bands.cutoffs.UPWARD_STEPS": _PRECISION,
    "training.bands.cutoffs.ROUNDED": _DEFINITION,
    "training.bands.learning_curve.SUFFICIENT_HALF_WIDTH": _SHOWN,
    "training.bands.learning_curve.DRAWS": _SHOWN,
    "training.bands.learning_curve.LEAST_HOT_CONVERTED": _SHOWN,
    "training.bands.learning_curve.TOLERATED": _SHOWN,
    "training.bands.stability.RESAMPLES": "of bands beside an earlier model's: none here",
    "training.bands.stability.NOISE_TAIL": "of bands beside an earlier model's: none here",
    "training.bands.stability.NOBODY": _DEFINITION,
    "training.statistics.incidence.LEAST_LEADS": _SHOWN,
    "training.statistics.incidence.LEAST_BOUGHT": _SHOWN,
    "training.statistics.intervals.Z_95": _DEFINITION,
    "training.statistics.latest_weeks.LATEST_DAYS": _DEFINITION,
    "training.statistics.latest_weeks.DAYS_BEFORE_THEM": _DEFINITION,
    "training.statistics.levels.HELD_SHARE": _DEFINITION,
    "training.statistics.levels.SCORE_GROUPS": _DEFINITION,
    "training.statistics.paired.REPLICATES": _PRECISION,
    "training.statistics.rates.ENOUGH_PROMISED": _SHOWN,
    "training.statistics.rates.LEAST_POSITIVES": _SHOWN,
    "models.evidence.CONVERSION_SHARE": "of bundles of earlier versions",
    "models.evidence.RESIDUAL_SD": "of bundles of earlier versions",
    "models.horizon.Z_80": _DEFINITION,
    "models.horizon.LARGEST_SPREAD": _DEFINITION,
    "models.policy.CONFIDENCE": _DEFINITION,
}
"""Why a number of the same rooms needs no line, by module and name."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A constant with another value; without a constant, everything as usual.

    Parameters
    ----------
    constant : Constant or None
        Which one.
    value : float
        Its value.
    """

    constant: Constant | None = None
    value: float = 0.0

    @property
    def file_name(self) -> str:
        """Name of the file that keeps its runs."""
        return "usual" if self.constant is None else f"{self.constant.name}={self.value:g}"

    @contextmanager
    def applied(self, model: ModelSettings) -> Iterator[ModelSettings]:
        """Settings with this value; a constant of a module has it meanwhile.

        Parameters
        ----------
        model : ModelSettings
            The usual settings.
        """
        if self.constant is None:
            yield model
            return
        whole = self.constant.usual.is_integer() and float(self.value).is_integer()
        value = int(self.value) if whole else self.value
        if self.constant.module == SETTINGS:
            yield model.model_copy(update={self.constant.name: value})
            return
        importlib.import_module(self.constant.module)
        # Names are unique over all rooms: who has the name has imported this constant.
        holders = [
            module
            for module in list(sys.modules.values())
            if module.__name__.partition(".")[0] in ROOMS and hasattr(module, self.constant.name)
        ]
        usual = {module: getattr(module, self.constant.name) for module in holders}
        try:
            for module in holders:
                setattr(module, self.constant.name, value)
            yield model
        finally:
            for module in holders:
                setattr(module, self.constant.name, usual[module])


USUAL = Variant()


@app.command()
def main(
    constant: Annotated[
        list[str] | None, typer.Option(help="Name of a constant; again for more. All.")
    ] = None,
    size: Annotated[list[int] | None, typer.Option(help="Conversions; again for more.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = SEEDS,
    first_seed: Annotated[int, typer.Option(min=1, help="The first of them.")] = FIRST_SEED,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    output: Annotated[Path, typer.Option(help="Folder for runs.")] = (
        ROOT / "artifacts/bench/constants"
    ),
) -> None:
    """Measure what other values of the learning's constants are worth, on the choosing worlds."""
    named = [one for one in CONSTANTS if constant is None or one.name in constant]
    if unknown := sorted(set(constant or ()) - {one.name for one in named}):
        raise typer.BadParameter(f"there is no constant {', '.join(unknown)} in CONSTANTS")
    worlds = [world for world, use in USE_OF_WORLD.items() if use == "choosing"]
    tasks = requested_tasks(
        worlds, size or SMALL_SIZES, range(first_seed, first_seed + seeds), WORLDS_OWN
    )
    variants = [USUAL, *(Variant(one, value) for one in named for value in one.others)]
    run_missing(tasks, variants, output, jobs)
    if not console.is_terminal:
        console.width = PIPED
    console.print(constants_table(tasks, variants, output))
    console.print(COMPARISON_LEGEND, style="dim", highlight=False)


def file_of(variant: Variant, folder: Path) -> Path:
    """File that keeps the runs of a variant."""
    return folder / f"{variant.file_name}.jsonl"


def run_missing(
    tasks: Sequence[Task], variants: Sequence[Variant], folder: Path, jobs: int
) -> None:
    """Run what the files do not hold yet by the code of today.

    Parameters
    ----------
    tasks : sequence of Task
        Exports.
    variants : sequence of Variant
        Trainings of each.
    folder : pathlib.Path
        Folder of the files.
    jobs : int
        Processes side by side.
    """
    to_run: dict[Task, list[Variant]] = {}
    for variant in variants:
        for task in missing(tasks, read_runs(file_of(variant, folder)), code_fingerprint()):
            to_run.setdefault(task, []).append(variant)
    with one_process_each(jobs) as pool, progress_bars(console) as report_progress:
        futures = [pool.submit(runs_of, task, asked) for task, asked in to_run.items()]
        for number, future in enumerate(as_completed(futures), start=1):
            for variant, run in future.result():
                append_run(file_of(variant, folder), run)
            report_progress("exports", number, len(futures))


def runs_of(task: Task, variants: Sequence[Variant]) -> list[tuple[Variant, Run]]:
    """Runs of one export, a training for each variant.

    Parameters
    ----------
    task : Task
        The export.
    variants : sequence of Variant
        What is trained with.
    """
    export = cut_export(task.world, task.leads, task.seed, task.knobs)
    runs = []
    for variant in variants:
        with variant.applied(export.config.model) as model:
            config = export.config.model_copy(update={"model": model})
            (bundle, refused), cost = timed(partial(fitted, replace(export, config=config)))
            runs.append((variant, run_of(task, export, bundle, refused, cost.processor_seconds)))
    return runs


def fitted(export: CutExport) -> tuple[Bundle | None, str]:
    """Bundle fitted on what was known at the cut, without audit and card, or why there is none.

    Parameters
    ----------
    export : CutExport
        Its past is learned from.
    """
    try:
        frame = training_frame(export.past, export.config.dataset, no_progress)
        return fit_bundle(frame, (), export.config.fitting, no_progress, final=True).bundle, ""
    except ValueError as error:
        return None, str(error)


def constants_table(tasks: Sequence[Task], variants: Sequence[Variant], folder: Path) -> Table:
    """Every other value beside the usual one, a line for each horizon.

    Parameters
    ----------
    tasks : sequence of Task
        Exports that are compared on.
    variants : sequence of Variant
        Those that were run.
    folder : pathlib.Path
        Folder of the files.
    """
    table = Table(title="Other values of constants beside the usual ones, on choosing worlds")
    for heading in ("constant", "value", "horizon", *COMPARISON_HEADINGS):
        table.add_column(heading)
    usual = read_runs(file_of(USUAL, folder))
    for variant in variants:
        if variant.constant is None:
            continue
        runs = {
            task: run for task, run in read_runs(file_of(variant, folder)).items() if task in tasks
        }
        pairs = pairs_of(runs, usual)
        compared, constant = comparison_of(pairs), variant.constant
        value = f"{variant.value:g} for {constant.usual:g}"
        if all(run.hot == other.hot and run.warm == other.warm for run, other in pairs):
            table.add_row(constant.name, value, "", "no effect here")
            continue
        for name in HORIZONS:
            table.add_row(*comparison_cells(constant.name, value, name, compared))
    return table


if __name__ == "__main__":
    app()
