"""What it costs to read an export by our rules, beside readers that have none.

`python -m benchmarks.reading` draws a made-up CRM under `artifacts/bench/reading` and reads its
interactions (CSV, some 16 a lead) with pyarrow, DuckDB's `read_csv` and Polars, each told every
column's type, and by `read_export`, which finds the types, judges every value and keeps what it
rejects. Then it scores the open leads by the command, with today's code and, where `--before` names
a checkout with an environment of its own, with that one's. Every reader is a process of its own and
reports the processor time of all its threads, for the work alone; `score` counts from start to end,
imports included. Readers take turns for `--repeat` rounds, of which the cheapest counts. Compare
ratios, not seconds: a busy machine makes all of them dearer.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]

LEADS = 20_000
TIMES = ("occurred_at", "recorded_at")
MEASURES = ("duration_seconds", "value")
WORDS = ("lead_id", "channel", "kind", "direction", "outcome", "agent")
COLUMNS = ("lead_id", *TIMES, *WORDS[1:], *MEASURES)
END = "2026-01-01T00:00:00+00:00"
OURS = "ours"
MOST_TIMES_THE_FASTEST = 2.0
MOST_OF_BEFORE = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    leads: Annotated[int, typer.Option(min=1_000, help="Of the made-up CRM.")] = LEADS,
    repeat: Annotated[int, typer.Option(min=1, help="Rounds, of which the cheapest counts.")] = 3,
    before: Annotated[
        Path | None, typer.Option(help="Checkout with a .venv whose `score` is compared.")
    ] = None,
    only: Annotated[str, typer.Option(hidden=True, help="Reader, in a process of its own.")] = "",
) -> None:
    """Make what is missing, let everybody read, and say what it took."""
    folder = ROOT / "artifacts" / "bench" / "reading" / str(leads)
    if only:
        print(json.dumps(measured(READERS[only], folder)))
        return
    if not (folder / "lead_temperature.toml").exists():
        make_export(folder, leads)
    bundle = folder.parent / "bundle"
    if not bundle.exists():
        make_bundle(bundle)
    rounds = [{name: _read_apart(leads, name) for name in READERS} for _ in range(repeat)]
    show_readers({name: min(one[name] for one in rounds) for name in READERS})
    checkouts = {"today": ROOT} | ({} if before is None else {"before": before.resolve()})
    scored = [
        {name: seconds_of_score(checkout, bundle, folder) for name, checkout in checkouts.items()}
        for _ in range(repeat + 1)  # the first compiles Python's modules
    ]
    show_scores({name: min(one[name] for one in scored) for name in checkouts})


def make_export(folder: Path, leads: int) -> None:
    """Draw the made-up CRM."""
    from features.worlds.chain import made_up_crm
    from features.worlds.crm import write_export

    write_export(made_up_crm(leads, seed=1), folder, "csv")


def make_bundle(folder: Path) -> None:
    """Train a small model on a CRM of its own."""
    from features.export.sources import read_export
    from models.bundle import save_bundle
    from training.config import read_config
    from training.pipeline import trained_bundle

    learned_from = folder.with_name("learned_from")
    make_export(learned_from, 1_800)
    config = read_config(learned_from / "lead_temperature.toml")
    save_bundle(trained_bundle(read_export(config.export), config), folder)


def read_with_pyarrow(folder: Path) -> int:
    """Rows of the interactions, with types given."""
    import pyarrow as pa
    import pyarrow.csv

    types = dict.fromkeys(WORDS, pa.string()) | dict.fromkeys(MEASURES, pa.float64())
    types |= dict.fromkeys(TIMES, pa.timestamp("us", "UTC"))
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    return int(pa.csv.read_csv(_interactions(folder), convert_options=options).num_rows)


def read_with_duckdb(folder: Path) -> int:
    """Rows of the interactions, with types given, as a table of Arrow."""
    import duckdb

    types = dict.fromkeys(WORDS, "VARCHAR") | dict.fromkeys(MEASURES, "DOUBLE")
    types |= dict.fromkeys(TIMES, "TIMESTAMPTZ")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        columns = {name: types[name] for name in COLUMNS}
        rows = connection.read_csv(str(_interactions(folder)), header=True, columns=columns)
        return int(rows.to_arrow_table().num_rows)


def read_with_polars(folder: Path) -> int:
    """Rows of the interactions, with types given."""
    import polars as pl

    types = dict.fromkeys((*WORDS, *TIMES), pl.String) | dict.fromkeys(MEASURES, pl.Float64)
    rows = pl.scan_csv(_interactions(folder), schema_overrides=types)
    moment = pl.col(*TIMES).str.to_datetime("%Y-%m-%d %H:%M:%S%#z", time_unit="us")
    return rows.with_columns(moment).collect().height


def read_by_rules(folder: Path) -> int:
    """Rows of the interactions by our rules; leads and log are read before the time is taken."""
    from features.export.sources import read_export
    from training.config import read_config

    config = read_config(folder / "lead_temperature.toml")
    return int(read_export(config.export, _from_interactions_on).interactions.num_rows)


class _Clock:
    """Processor time at which the work that is measured begins."""

    began = 0.0


def _from_interactions_on(table: str, rows: int) -> None:
    if table == "interactions" and rows == 0:
        _Clock.began = time.process_time()


READERS: Mapping[str, Callable[[Path], int]] = {
    "pyarrow": read_with_pyarrow,
    "duckdb": read_with_duckdb,
    "polars": read_with_polars,
    OURS: read_by_rules,
}


def measured(reader: Callable[[Path], int], folder: Path) -> float:
    """Microseconds of processor time for each interaction, once all is loaded."""
    from models.no_laboratory import forgo_laboratory

    forgo_laboratory()
    reader(folder)  # imports, and the file in the system's memory
    _Clock.began = time.process_time()
    rows = reader(folder)
    return 1e6 * (time.process_time() - _Clock.began) / rows


def seconds_of_score(checkout: Path, bundle: Path, folder: Path) -> float:
    """Processor time of the command, from its start to its end."""
    program, config = checkout / ".venv/bin/lead-temperature", folder / "lead_temperature.toml"
    command: list[str | Path] = [program, "score", "--bundle", bundle, "--config", config]
    options: list[str | Path] = ["--as-of", END, "--output", folder / "scores.parquet"]
    compiled = {"PYTHONPYCACHEPREFIX": str(folder.parent / "compiled" / checkout.name)}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    used = _used_by_children()
    subprocess.run(
        [*command, *options],
        check=True,
        capture_output=True,
        env=environment | compiled,
        cwd=checkout,
    )
    return _used_by_children() - used


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show_readers(microseconds: Mapping[str, float]) -> None:
    """Print what a row costs each reader, and ours beside the fastest."""
    fastest = min(value for name, value in microseconds.items() if name != OURS)
    for name, value in microseconds.items():
        goal = f"   goal at most {MOST_TIMES_THE_FASTEST:g}" if name == OURS else ""
        print(f"{name:<10}{value:>8.2f} µs a row{value / fastest:>8.2f} × the fastest{goal}")


def show_scores(seconds: Mapping[str, float]) -> None:
    """Print what `score` costs, and the share of what it cost before."""
    for name, value in seconds.items():
        share = f"{value / seconds['before']:>8.2f} of before" if "before" in seconds else ""
        goal = f"   goal at most {MOST_OF_BEFORE:g}" if share and name == "today" else ""
        print(f"score {name:<8}{value:>6.2f} s{share}{goal}")


def _read_apart(leads: int, name: str) -> float:
    """Microseconds a row of a reader in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reading", "--leads", str(leads), "--only", name]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return float(run.stdout)


def _interactions(folder: Path) -> Path:
    return folder / "interactions.csv"


if __name__ == "__main__":
    app()
