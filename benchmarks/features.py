"""How fast features are computed, beside the best that others were brought to, on the same data.

`python -m benchmarks.features` makes an export of 5 million interactions under `artifacts/bench`
and lets every engine compute the same 66 features of 1.6 million looks, each in a process of its
own. It prints the processor time and the memory that each took, checks that all results are equal,
and says which of the project's goals are met. `--small` does so with 200,000 interactions,
`--size 30m` streams 5 and 30 million from Parquet to Parquet, `--online` asks for one lead.

Processor time (user and system, all threads) is that of the work, without the start of Python and
the imports: on a busy machine it is what can be compared. Memory is the process's peak.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]

SIZES = {"small": (8_000, 200_000), "5m": (200_000, 5_000_000), "30m": (1_000_000, 30_000_000)}
"""Leads and interactions."""
GOALS = {"bare DuckDB": 1 / 6, "DuckDB best": 2.0, "Polars best": 1.4, "pandas usual": 8.0}
"""How many times our processor time each must take, at least."""
BOTH_ORDERS = ("ours", "ours streamed", "bare DuckDB", "DuckDB best", "Polars best")
PANDAS_SHARE = 10
"""The usual pandas way runs on every tenth lead: all of them would need some 20 GB."""
MOST_GIB = 3.0
ONLINE_GOALS_MS = {20: 0.3, 200: 0.6, 5_000: 3.0}
FORECAST = 90

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of an engine took."""

    seconds: float
    gib: float


@app.command()
def main(
    small: Annotated[bool, typer.Option("--small", help="200,000 interactions.")] = False,
    size: Annotated[str, typer.Option(help="Stream 5m and this many: 30m.")] = "",
    online: Annotated[bool, typer.Option("--online", help="One lead, as a server asks.")] = False,
    repeat: Annotated[int, typer.Option(help="Runs of each engine; the cheapest counts.")] = 1,
    data: Annotated[Path, typer.Option(help="Folder for the data.")] = ROOT / "artifacts/bench",
) -> None:
    """Compare what features cost; exit 1 when two engines disagree."""
    if online:
        _print_online(data)
    elif size:
        if size not in SIZES:
            raise typer.BadParameter(f"--size must be one of {', '.join(SIZES)}, got '{size}'.")
        _print_sizes(data, size)
    else:
        _print_comparison(data / ("small" if small else "5m"), repeat)


def _print_comparison(export: Path, repeat: int) -> None:
    """Every engine on the same export, as it comes and in order of lead and time."""
    _made(export)
    small = export.name == "small"
    share = 1 if small else PANDAS_SHARE
    runs = [(name, order) for order in ("unsorted", "sorted") for name in BOTH_ORDERS]
    runs[len(BOTH_ORDERS) : len(BOTH_ORDERS)] = [
        ("DuckDB obvious", "unsorted"),
        ("pandas usual", "unsorted" if small else "sample"),
    ]
    table = Table("engine", "files", "CPU-s", "GiB", "× ours", "goal", "result")
    costs: dict[tuple[str, str], Cost] = {}
    results: list[str] = []
    for name, order in runs:
        answer = export / f"{name} {order}.npz"
        found = min((_cost(name, export / order, answer) for _ in range(repeat)), key=_seconds)
        times = share if name == "pandas usual" else 1
        seconds = found.seconds * times
        files = f"sample × {times}" if times > 1 else order
        costs[name, order] = found
        base = costs["ours", "sorted" if order == "sorted" else "unsorted"].seconds
        ratio, goal = seconds / base, None if small else GOALS.get(name)
        verdict = "" if goal is None else f"≥ {goal:.2f} {'ok' if ratio >= goal else 'missed'}"
        expected = export / "ours unsorted.npz"
        # In a process of its own: a child's peak memory begins with what its parent has.
        equal = "" if name == "bare DuckDB" else _child("compare", answer, expected)
        results.append(equal)
        table.add_row(
            name, files, f"{seconds:.1f}", f"{found.gib:.2f}", f"{ratio:.2f}", verdict, equal
        )
    console.print(table)
    console.print(
        "× ours: processor time of the engine over ours on the same files. Bare DuckDB scans, "
        "joins and counts; the goal is that ours takes at most six times that."
    )
    if any(result.startswith("differs") for result in results):
        raise typer.Exit(1)


def _print_sizes(data: Path, size: str) -> None:
    """From Parquet to Parquet at two sizes: memory, and whether time grows in proportion."""
    table = Table("interactions", "files", "CPU-s", "GiB", "≤ 3 GiB", "CPU-s per million", "slope")
    first: dict[str, float] = {}
    for name in dict.fromkeys(["5m", size]):
        _made(data / name)
        millions = SIZES[name][1] / 1e6
        for order in ("unsorted", "sorted"):
            cost = _cost("ours streamed", data / name / order)
            each = cost.seconds / millions
            slope = each / first.setdefault(order, each)
            table.add_row(
                f"{millions:g} million",
                order,
                f"{cost.seconds:.1f}",
                f"{cost.gib:.2f}",
                "ok" if cost.gib <= MOST_GIB else "missed",
                f"{each:.2f}",
                f"{slope:.2f}",
            )
    console.print(table)
    console.print("slope: processor time per interaction over that at 5 million; 1 is linear.")


def _print_online(data: Path) -> None:
    """One lead at one instant by the standard features, as a server asks."""
    from benchmarks.feature_data import MEASURE, single_lead
    from benchmarks.feature_engines import read_tables
    from features.engine.executor import features_of
    from features.engine.history import single_history
    from features.engine.plan import compile_plan
    from features.scale.catalogue import standard_spec

    _made(data / "small")
    spec = standard_spec(read_tables(data / "small" / "unsorted", (MEASURE,)), np.iinfo("i8").max)
    plan = compile_plan(spec)
    table = Table("interactions", "instants", "p50 ms", "p99 ms", "goal", "reading it, ms")
    for events, goal in ONLINE_GOALS_MS.items():
        created_at, interactions, as_of = single_lead(events, FORECAST)

        read = partial(single_history, created_at, interactions, {}, {}, spec.measures)
        reading = float(np.median(_milliseconds(read)))
        history = read()
        for instants in (1, FORECAST):
            lead = np.zeros(instants, np.int64)
            times = _milliseconds(partial(features_of, plan, history, lead, as_of[:instants]))
            middle = float(np.median(times))
            table.add_row(
                f"{events:,}",
                str(instants),
                f"{middle:.3f}",
                f"{np.quantile(times, 0.99):.3f}",
                f"≤ {goal} {'ok' if middle <= goal else 'missed'}" if instants == 1 else "",
                f"{reading:.3f}" if instants == 1 else "",
            )
    console.print(f"{len(spec.features)} features of the standard catalogue")
    console.print(table)


def _milliseconds(call: Callable[[], object], seconds: float = 2.0) -> list[float]:
    """Wall times of many calls, the first few left out."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 50 or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begin))
    return times[10:]


def _made(export: Path) -> None:
    """Make the data where they are not there yet."""
    if (export / "made").exists():
        return
    with console.status(f"Making {export} …"):
        _child("make", export)
    (export / "made").touch()


def _cost(engine: str, export: Path, answer: Path | None = None) -> Cost:
    """Cost of an engine in a process of its own."""
    with console.status(f"{engine}, {export.parent.name} {export.name} …"):
        return Cost(**json.loads(_child(engine, export, *([] if answer is None else [answer]))))


def _seconds(cost: Cost) -> float:
    return cost.seconds


def _child(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "benchmarks.features", "--child", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def _work(engine: str, export: Path, answer: Path | None = None) -> None:
    """Do one engine's work in this process and print what it took, as JSON."""
    from benchmarks import feature_data, feature_engines

    if engine == "compare" and answer is not None:
        sys.stdout.write(_difference(export, answer))
        return
    if engine == "make":
        feature_data.write_export(export / "unsorted", *SIZES[export.name])
        feature_data.sorted_copy(export / "unsorted", export / "sorted")
        feature_data.every_nth_lead(export / "unsorted", export / "sample", PANDAS_SHARE)
        return
    compute = feature_engines.engine(engine)
    spec = feature_data.benchmark_spec()
    shutil.rmtree(export / "features", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = compute(export, spec)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"seconds": seconds, "gib": after.ru_maxrss / 2**20}))
    if answer is not None and engine != "bare DuckDB":
        feature_engines.write_answer(result, spec, answer, PANDAS_SHARE)
    shutil.rmtree(export / "features", ignore_errors=True)


def _difference(answer: Path, expected: Path) -> str:
    """Whether two answers are the same: to the last bit, within 1e-9, or not."""
    ours, theirs = np.load(expected), np.load(answer)
    if not np.array_equal(ours["keys"], theirs["keys"]):
        return "differs in its rows"
    exact = ours["whole"]  # counts and sums of whole numbers
    for place, name in enumerate(ours["names"]):
        tolerance = 0.0 if exact[place] else 1e-9
        same = np.isclose(
            theirs["values"][:, place],
            ours["values"][:, place],
            rtol=tolerance,
            atol=tolerance,
            equal_nan=True,
        )
        if not same.all():
            return f"differs in {np.count_nonzero(~same)} rows of {name}"
    bits = ours["values"].tobytes() == theirs["values"].tobytes()
    return f"{'same bits' if bits else 'equal'}, {len(same):,} rows"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _work(sys.argv[2], *map(Path, sys.argv[3:]))
    else:
        app()
