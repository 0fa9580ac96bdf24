"""The training on made-up worlds whose truth is known, beside a fixed peer: worlds, sizes, seeds.

`make bench-worlds` runs all of it. Each run draws an export of a world, cuts it 90 days before its
end, trains on what was known then as `lead-temperature train` does, and puts what the model says of
all later looks beside their true probabilities (`benchmarks.worlds_figures`); so it does with a
fixed LightGBM peer (`benchmarks.worlds_peer`), the base rate being 1 and the truth 0. On two of the
worlds choices may be made, the others only judge: the table says which.

Runs are kept as lines of JSON. A run that is there, by the code of today, is not run again, so what
was cut off goes on, and `--compare` puts two files side by side, pair by pair.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.quality_table import quality_table
from benchmarks.worlds_export import leads_for, worlds
from benchmarks.worlds_records import append_run, codes_of, missing, pairs_of, read_runs
from benchmarks.worlds_run import Run, Task, code_fingerprint, run_all
from benchmarks.worlds_table import (
    comparison_table,
    goal_figures,
    pairs_table,
    refusal_lines,
    summary_table,
)
from lead_temperature.tables.training import progress_bars

ROOT = Path(__file__).resolve().parents[1]
SIZES = (30, 60, 100, 200, 400, 2_000)
SEEDS, FIRST_SEED = 5, 201
SMALL_SIZES, SMALL_SEEDS = (100, 400), 2
FILE = "worlds.jsonl"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()
PIPED = 160
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
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    output: Annotated[Path, typer.Option(help="Folder for results.")] = ROOT / "artifacts/bench",
    compare: Annotated[
        Path | None, typer.Option(help="Runs of another code: prints the ratios.", exists=True)
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show what is there, run nothing.")] = False,
) -> None:
    """Measure the training on made-up worlds beside a fixed peer and the truth."""
    chosen_worlds = world or list(worlds())
    if unknown := sorted(set(chosen_worlds) - set(worlds())):
        raise typer.BadParameter(
            f"there is no world {', '.join(unknown)}; there are {', '.join(worlds())}"
        )
    sizes = size or (SMALL_SIZES if small else SIZES)
    count = SMALL_SEEDS if small else seeds
    file = output / FILE
    requested = {
        (name, conversions, seed)
        for name in chosen_worlds
        for conversions in sizes
        for seed in range(first_seed, first_seed + count)
    }
    if not show:
        run_missing(sorted(requested), file, jobs)
    runs = {
        task: run
        for task, run in read_runs(file).items()
        if (task.world, task.size, task.seed) in requested
    }
    show_runs(runs, None if compare is None else read_runs(compare))


def run_missing(requested: list[tuple[str, int, int]], file: Path, jobs: int) -> None:
    """Run what the file does not hold yet by the code of today; each run is written as it ends.

    Parameters
    ----------
    asked : list of (str, int, int)
        World, conversions and seed of each run.
    file : pathlib.Path
        One run a line.
    jobs : int
        Processes side by side.
    """
    # Small exports first, of every seed: the table says something early.
    in_order = sorted(requested, key=lambda one: (one[1], one[2], one[0]))
    with progress_bars(console) as report_progress:
        tasks = []
        for number, (world, size, seed) in enumerate(in_order, start=1):
            tasks.append(Task(world, size, leads_for(world, size), seed))
            report_progress("pilot draws", number, len(in_order))
        tasks = missing(tasks, read_runs(file), code_fingerprint())
        for number, run in enumerate(run_all(tasks, jobs), start=1):
            append_run(file, run)
            report_progress("runs", number, len(tasks))


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
    console.print(summary_table(runs))
    if figures := goal_figures(runs):
        console.print(quality_table({"": figures}))
    for line in refusal_lines(runs):
        console.print(f"Refused: {line}", style="dim", highlight=False)
    if len(codes := codes_of(list(runs.values()))) > 1:
        console.print(f"These runs are of different code: {', '.join(codes)}.", style="yellow")
    if rival_runs is not None:
        pairs = pairs_of(runs, rival_runs)
        console.print(pairs_table(pairs))
        console.print(comparison_table(pairs))


if __name__ == "__main__":
    app()
