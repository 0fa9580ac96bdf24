"""Runs on disk: one line of JSON each, so that what was cut off goes on and stays comparable.

A run is found again by its task: world, size, leads, seed and knobs. Of several the latest counts,
so newer code can write to the same file; runs of other code are made again, never mixed in.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmarks.worlds_run import Run, Task

_RUN = TypeAdapter(Run)


def read_runs(file: Path) -> dict[Task, Run]:
    """Latest run of each task in a file; none where there is no file.

    Parameters
    ----------
    file : pathlib.Path
        One run a line.

    Raises
    ------
    ValueError
        A line is no run of this version.
    """
    if not file.is_file():
        return {}
    runs = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            run = _RUN.validate_json(line)
        except ValidationError as error:
            raise ValueError(
                f"{file}, line {number} is no run of this version: {error.errors()[0]['msg']}. "
                "Move the file away, or remove the line."
            ) from error
        runs[run.task] = run
    return runs


def append_run(file: Path, run: Run) -> None:
    """Add a run to a file, which is made where it is missing.

    Parameters
    ----------
    file : pathlib.Path
        One run a line.
    run : Run
        What is added.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        stream.write(_RUN.dump_json(run) + b"\n")


def missing(tasks: Iterable[Task], runs: dict[Task, Run], code: str) -> list[Task]:
    """Tasks that have no run of this code yet.

    Parameters
    ----------
    tasks : iterable of Task
        All that are asked for.
    runs : dict of Task to Run
        What is there.
    code : str
        Fingerprint of the code of today.
    """
    return [task for task in tasks if task not in runs or runs[task].code != code]


def pairs_of(runs: dict[Task, Run], rival_runs: dict[Task, Run]) -> list[tuple[Run, Run]]:
    """Runs of both sides on the same leads, by task.

    Parameters
    ----------
    runs, rival_runs : dict of Task to Run
        Runs of two files.

    Raises
    ------
    ValueError
        The same task met other looks: the world has changed, and nothing can be compared.
    """
    pairs = [(runs[task], rival_runs[task]) for task in runs if task in rival_runs]
    for first, second in pairs:
        same_looks = first.looks == second.looks and all(
            abs(first.horizon(name).true - second.horizon(name).true) < 1e-9
            for name in ("hot", "warm")
        )
        if not same_looks:
            raise ValueError(
                f"{first.task} met {first.looks:,} looks in one file and {second.looks:,} in the "
                "other, or their truth differs: the world has changed since. Run the older one "
                "again."
            )
    return pairs


def codes_of(runs: Sequence[Run]) -> list[str]:
    """Fingerprints of the code that the runs were made with, each once."""
    return sorted({run.code for run in runs})
