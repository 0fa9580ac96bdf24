"""How fast the server answers, beside the fastest it could be and beside peers, in one run.

`make bench-serving` trains a model on a made-up CRM, asks every server for the same leads (twenty
attributes and twenty interactions each) and prints what was answered, what it cost, and which goals
are met, missed ones too. The limit is a bare endpoint of FastAPI and pydantic that reads the same
body and answers a constant. Servers are asked one after the other in every round, so that a machine
that is busy for a while is so for all; compare ratios, not requests a second.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.quality_peer_run import peers_python
from benchmarks.quality_table import quality_table
from benchmarks.serving_contestants import (
    REQUIREMENTS,
    Contestant,
    Server,
    limit,
    ours,
    peers,
    running,
    server_python,
)
from benchmarks.serving_data import prepare, write_bodies_of
from benchmarks.serving_figures import Runs, load_figures
from benchmarks.serving_load import Run, loaded, middle, require_wrk
from benchmarks.serving_rest import beside_batches_figure, bulk_figures, start_figures

ROOT = Path(__file__).resolve().parents[1]

CONNECTIONS = (1, 8, 64)
BATCH_SECONDS = 10.0
"""A batch may take longer than a load lasts."""
PIPED = 110
"""Characters of a line where no terminal says how many it has."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command()
def main(
    seconds: Annotated[float, typer.Option(min=1, help="Of each load.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, help="Loads of each server; medians count.")] = 3,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Peers too.")] = True,
    small: Annotated[bool, typer.Option("--small", help="Learn from fewer leads.")] = False,
    data: Annotated[Path, typer.Option(help="Folder for the data.")] = ROOT / "artifacts/bench",
) -> None:
    """Measure the server; all servers run at once, and one at a time is asked."""
    require_wrk()
    folder = (data / f"serving{'-small' if small else ''}").resolve()
    with console.status("training a model and making environments …"):
        prepare(folder, small)
        python = server_python(data.resolve() / "server")
        contestants = [limit(python), *ours(python, folder / "bundle")]
        if with_peers:
            home = peers_python(data.resolve() / "server-peers", REQUIREMENTS)
            contestants += peers(home, folder)
    runs = measured(contestants, folder, seconds, rounds)
    if not console.is_terminal:
        console.width = PIPED
    console.print(load_table(runs))
    with console.status("start, memory, batches, bulk …"):
        figures = load_figures(runs)
        figures += start_figures(python, contestants[1], contestants[0], folder, rounds)
        figures.append(beside_batches_figure(contestants[2], folder, seconds, rounds))
        figures += bulk_figures(folder, rounds)
    console.print(quality_table({"": figures}))


def measured(contestants: Sequence[Contestant], folder: Path, seconds: float, rounds: int) -> Runs:
    """What every contestant did under every load; those that refuse are told and left out."""
    scripts = write_bodies_of(folder)
    found: dict[tuple[str, int], list[Run]] = {}
    with ExitStack() as stack:
        servers = _started(contestants, folder, stack)
        command = contestants[1].command
        batch = Contestant("ours, batches of 1,000", command, "/v1/score/batch", "batch")
        asked = [(one, several) for one in contestants for several in CONNECTIONS] + [(batch, 1)]
        asked = [(one, several) for one, several in asked if one.process in servers]
        for number in range(rounds):
            for one, several in asked:
                server, script = servers[one.process], scripts[one.bodies]
                lasting = max(seconds, BATCH_SECONDS) if one is batch else seconds
                with console.status(f"round {number + 1} of {rounds}: {one.name}, {several} …"):
                    run = loaded(server.pid, server.address + one.path, script, several, lasting)
                found.setdefault((one.name, several), []).append(run)
    return {key: middle(several) for key, several in found.items()}


def _started(
    contestants: Sequence[Contestant], folder: Path, stack: ExitStack
) -> dict[tuple[str, ...], Server]:
    """Servers by what was started; one that does not start is told of."""
    servers: dict[tuple[str, ...], Server] = {}
    for one in contestants:
        if one.process in servers:
            continue
        log = folder / f"{one.name.replace(', ', '-').replace(' ', '-')}.log"
        try:
            with console.status(f"starting {one.name} …"):
                servers[one.process] = stack.enter_context(running(one, log))
        except RuntimeError as error:
            console.print(f"left out: {error}")
    return servers


def load_table(runs: Runs) -> Table:
    """Every load of every server; failed requests are told in place of a ratio."""
    table = Table("server")
    for heading in ("connections", "requests/s", "× limit", "CPU µs", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    before = ""
    for (name, connections), run in runs.items():
        if name != before:
            table.add_section()
        bare = runs["bare endpoint", connections]
        failed = run.failed or bare.failed
        table.add_row(
            name if name != before else "",
            str(connections),
            f"{run.per_second:,.1f}",
            f"{failed:,} failed" if failed else f"{run.per_second / bare.per_second:.3f}",
            f"{run.processor_us:,.0f}",
            f"{run.p50_ms:.2f}",
            f"{run.p99_ms:.2f}",
        )
        before = name
    return table


if __name__ == "__main__":
    app()
