"""How long the managers' report of a large export takes, how much memory, and how large it is.

`python -m benchmarks.report` draws a made-up CRM of 315,000 leads with some 5 million interactions
under `artifacts/bench/report`, trains a small model on another one, and writes the report with
`--config` in a process of its own: the export is read, open leads are scored, the team's work is
counted, the page is drawn. It prints wall time by stage, processor time (which a busy machine
leaves as it is), the process's peak memory (imports included) and the size of the page beside the
goals. `--leads 20000` does so with fewer.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]

LEADS = 315_000
LEARNED_FROM = 4_000
GOALS = {"seconds": 60.0, "gib": 3.0, "megabytes": 3.0}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    leads: Annotated[int, typer.Option(min=1_000, help="Of the made-up CRM.")] = LEADS,
    only: Annotated[str, typer.Option(hidden=True, help="Stage, in a process of its own.")] = "",
) -> None:
    """Make what is missing, write the report, and say what it took."""
    folder = ROOT / "artifacts" / "bench" / "report" / str(leads)
    match only:
        case "data":
            made_export(folder, leads)
        case "model":
            made_model(folder.parent)
        case "report":
            print(json.dumps(measured(folder)))
        case _:
            if not (folder / "leads.parquet").exists():
                _run(leads, "data")
            _run(leads, "model")  # anew: what is measured is today's code
            show(json.loads(_run(leads, "report")))


def made_export(folder: Path, leads: int) -> None:
    from features.worlds.chain import made_up_crm
    from features.worlds.crm import write_export

    write_export(made_up_crm(leads, seed=1), folder, "parquet")


def made_model(folder: Path) -> None:
    from features.export.sources import read_export
    from models.bundle import save_bundle
    from training.config import read_config
    from training.pipeline import trained_bundle

    made_export(folder / "learned_from", LEARNED_FROM)
    config = read_config(folder / "learned_from" / "lead_temperature.toml")
    save_bundle(trained_bundle(read_export(config.export), config), folder / "bundle")


def measured(folder: Path) -> dict[str, float]:
    """Seconds of each stage, peak memory and size of the page."""
    from features.export.sources import read_export
    from models.bundle import load_bundle
    from training.card.fresh import with_fresh_export
    from training.config import read_config
    from training.report.render import bundle_report
    from training.team.practice import practice

    config = read_config(folder / "lead_temperature.toml")
    began, busy = time.perf_counter(), time.process_time()
    tables = read_export(config.export)
    read = time.perf_counter()
    worked = practice(tables, config.practice, config.horizons.warm_days)
    trained = load_bundle(folder.parent / "bundle")
    bundle = with_fresh_export(trained, tables, worked, config.model.threads)
    counted = time.perf_counter()
    page = bundle_report(bundle).encode()
    drawn = time.perf_counter()
    (folder / "report.html").write_bytes(page)
    return {
        "leads": tables.leads.num_rows,
        "interactions": tables.interactions.num_rows,
        "reading": read - began,
        "counting": counted - read,
        "drawing": drawn - counted,
        "seconds": drawn - began,
        "processor": time.process_time() - busy,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "megabytes": len(page) / 1e6,
    }


def show(found: dict[str, float]) -> None:
    """Print what was measured, beside the goals."""
    for name, value in found.items():
        if name in ("leads", "interactions"):
            print(f"{name:<14}{value:>14,.0f}")
            continue
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"   goal {goal:g}: {'ok' if value < goal else 'MISSED'}"
        print(f"{name:<14}{value:>14.2f}{verdict}")


def _run(leads: int, only: str) -> str:
    """Output of one stage in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.report", "--leads", str(leads), "--only", only]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    app()
