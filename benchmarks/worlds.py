"""The training on made-up worlds whose truth is known, beside a fixed peer: worlds, sizes, seeds.

`make bench-worlds` runs all of it. Each run draws an export of a world, cuts it 90 days before its
end, trains on what was known then as `lead-temperature train` does, and puts what the model says of
all later looks beside their true probabilities (`benchmarks.worlds_figures`); so it does with a
fixed LightGBM peer (`benchmarks.worlds_peer`), the base rate being 1 and the truth 0. On two of the
worlds choices may be made, the others only judge: the table says which.

Runs are kept as lines of JSON. A run that is there, by the code of today, is not run again, so what
was cut off goes on, and `--compare` puts two files side by side, pair by pair.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.quality_table import quality_table
from benchmarks.worlds_export import leads_for, worlds
from benchmarks.worlds_records import append_run, codes_of, missing, pairs_of, read_runs
from benchmarks.worlds_run import Run, Task, code_fingerprint, run_all
from benchmarks.worlds_table import (
    COMPARISON_LEGEND,
    LEGEND,
    comparison_tables,
    goal_figures,
    pairs_table,
    refusal_lines,
    summary_tables,
)
from features.worlds.crm import WORLDS_OWN, Knobs
from lead_temperature.tables.training import progress_bars

ROOT = Path(__file__).resolve().parents[1]
SIZES = (30, 60, 100, 200, 400, 2_000)
SEEDS, FIRST_SEED = 5, 201
SMALL_SIZES, SMALL_SEEDS = (100, 400), 2
FILE = "worlds.jsonl"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()
PIPED = 180
"""Characters of a line where no terminal says how many it has."""


@app.command()
def main(
    world: Annotated[list[str] | None, typer.Option(help="A world; again for more. All.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Conversions; again for more.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = SEEDS,
    first_seed: Annotated[int, typer.Option(min=1, help="The first of them.")] = FIRST_SEED,
    small: Annotated[bool, typer.Option("--small", help="100 and 400 conversions, 2 seeds.")] = (
        False
    ),
    rate: Annotated[float | None, typer.Option(help="Share of buyers. The world's own.")] = None,
    delay_days: Annotated[float, typer.Option(help="Mean delay of logging.")] = 0.0,
    noise: Annotated[float, typer.Option(help="Share of interactions that mean nothing.")] = 0.0,
    duplicates: Annotated[float, typer.Option(help="Share of leads entered twice.")] = 0.0,
    days: Annotated[int, typer.Option(help="Length of the exports.")] = WORLDS_OWN.days,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    output: Annotated[Path, typer.Option(help="Folder for results.")] = ROOT / "artifacts/bench",
    compare: Annotated[
        Path | None, typer.Option(help="Runs of another code: prints the ratios.", exists=True)
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what is there, run nothing.")] = False,
) -> None:
    """Measure the training on made-up worlds beside a fixed peer and the truth."""
    names = world or list(worlds())
    if unknown := sorted(set(names) - set(worlds())):
        raise typer.BadParameter(
            f"there is no world {', '.join(unknown)}; there are {', '.join(worlds())}"
        )
    sizes = size or (SMALL_SIZES if small else SIZES)
    seed_range = range(first_seed, first_seed + (SMALL_SEEDS if small else seeds))
    knobs = Knobs(rate, delay_days, noise, duplicates, days)
    file = output / FILE
    if not show:
        run_missing(requested_tasks(names, sizes, seed_range, knobs), file, jobs)
    runs = {
        task: run
        for task, run in read_runs(file).items()
        if task.world in names
        and task.size in sizes
        and task.seed in seed_range
        and task.knobs == knobs
    }
    show_runs(runs, None if compare is None else read_runs(compare))


def requested_tasks(
    names: Sequence[str], sizes: Sequence[int], seeds: Sequence[int], knobs: Knobs
) -> list[Task]:
    """All runs that are asked for, small exports first, so that a table says something early.

    Parameters
    ----------
    names : sequence of str
        Worlds.
    sizes : sequence of int
        Conversions at the cut; pilot draws say how many leads that takes.
    seeds : sequence of int
        Seeds of the exports.
    knobs : Knobs
        What is asked of the worlds beside their size.
    """
    return [
        Task(world, size, leads_for(world, size, knobs), seed, knobs)
        for size in sorted(sizes)
        for seed in seeds
        for world in names
    ]


def run_missing(tasks: Sequence[Task], file: Path, jobs: int) -> None:
    """Run what the file does not hold yet by the code of today; each run is written as it ends.

    Parameters
    ----------
    tasks : sequence of Task
        All that are asked for.
    file : pathlib.Path
        One run a line.
    jobs : int
        Processes side by side.
    """
    to_run = missing(tasks, read_runs(file), code_fingerprint())
    with progress_bars(console) as report_progress:
        for number, run in enumerate(run_all(to_run, jobs), start=1):
            append_run(file, run)
            report_progress("runs", number, len(to_run))


def show_runs(runs: dict[Task, Run], rival_runs: dict[Task, Run] | None) -> None:
    """Print the tables.

    Parameters
    ----------
    runs : dict of Task to Run
        Ours.
    rival_runs : dict of Task to Run or None
        What ours are compared with.
    """
    if not console.is_terminal:
        console.width = PIPED
    for table in summary_tables(runs):
        console.print(table)
    console.print(LEGEND, style="dim", highlight=False)
    if figures := goal_figures(runs):
        console.print(quality_table({"": figures}))
    for line in refusal_lines(runs):
        console.print(f"Refused: {line}", style="dim", highlight=False)
    if len(codes := codes_of(list(runs.values()))) > 1:
        console.print(f"These runs are of different code: {', '.join(codes)}.", style="yellow")
    if rival_runs is not None:
        pairs = pairs_of(runs, rival_runs)
        console.print(pairs_table(pairs))
        for table in comparison_tables(pairs):
            console.print(table)
        console.print(COMPARISON_LEGEND, style="dim", highlight=False)


if __name__ == "__main__":
    app()
