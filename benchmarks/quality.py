"""What the project promises of its models, measured: one table, with goals, missed ones too.

`make bench-quality` runs everything: leads whose true probabilities are known, two real logs, and
peers on the same rows and features. An option runs a section alone. Nothing is tuned here: the
models are those that `lead-temperature train` makes by its defaults. The figures also go, section
by section, into `quality.json` in the output folder, so that what was measured stays when
another section is run on another day.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.quality_logs import bank_figures, loan_figures
from benchmarks.quality_peers import peer_figures
from benchmarks.quality_table import Figure, show_quality
from benchmarks.quality_truth import truth_figures
from features.progress import Progress
from lead_temperature.tables.training import progress_bars

ROOT = Path(__file__).resolve().parents[1]

SECTIONS = ("truth", "loans", "bank", "peers")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()
PIPED = 120
"""Characters of a line where no terminal says how many it has."""


@app.command()
def main(
    truth: Annotated[bool, typer.Option("--truth", help="Made-up leads with a truth.")] = False,
    loans: Annotated[bool, typer.Option("--loans", help="The loan log.")] = False,
    bank: Annotated[bool, typer.Option("--bank", help="The telephone calls.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="AutoGluon and FLAML.")] = False,
    small: Annotated[bool, typer.Option("--small", help="Fewer leads, seeds, models.")] = False,
    peer_minutes: Annotated[float, typer.Option(help="What a peer may take, on each set.")] = 10.0,
    data: Annotated[Path, typer.Option(help="Folder of the real sets.")] = ROOT / "../shared/data",
    output: Annotated[Path, typer.Option(help="Folder for results.")] = ROOT / "artifacts/bench",
) -> None:
    """Measure the quality of models; all sections unless some are named."""
    wanted = dict(zip(SECTIONS, (truth, loans, bank, peers), strict=True))
    chosen = [name for name, named in wanted.items() if named or not any(wanted.values())]
    found: dict[str, list[Figure]] = {}
    with progress_bars(console) as report_progress:
        for name in chosen:
            figures = measured(name, data, output.resolve(), small, peer_minutes, report_progress)
            found[f"--{name}"] = figures
            keep(output / "quality.json", name, figures)
    if not console.is_terminal:
        console.width = PIPED
    show_quality(console, found)


def measured(
    section: str, data: Path, output: Path, small: bool, minutes: float, report_progress: Progress
) -> list[Figure]:
    """Figures of one section."""

    def named(stage: str, done: int, total: int) -> None:
        report_progress(f"{section}: {stage}", done, total)

    match section:
        case "truth":
            return truth_figures(small, named)
        case "loans":
            return loan_figures(data, named)
        case "bank":
            return bank_figures(data, small, named)
        case _:
            return peer_figures(data, output, small, minutes, named)


def keep(file: Path, section: str, figures: list[Figure]) -> None:
    """Put a section's figures into the file; those of other sections stay."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {}
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
    kept[section] = [figure.to_json() for figure in figures]
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app()
