"""Verbs that ask a bundle: many scores, the report, its golden leads, or all of it over HTTP."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from lead_temperature.inputs import BundleOption, configuration, reading, tables_of
from lead_temperature.output import err, say, write

app = typer.Typer()
PageFormat: TypeAlias = Literal["html", "pdf"]


@app.command(
    epilog="Example: `lead-temperature score --bundle bundle --config crm/lead_temperature.toml "
    "--as-of 2026-01-01T00:00:00+00:00 -o scores.parquet`"
)
def score(
    bundle: BundleOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .parquet or .csv file.")],
    leads: Annotated[Path | None, typer.Option(help="Leads, .csv or .parquet.")] = None,
    interactions: Annotated[Path | None, typer.Option(help="Interactions.")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="Log of the attributes that change.")
    ] = None,
    spine: Annotated[
        Path | None, typer.Option(help="Table of lead_id and as_of: what to score, and when.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Score all open leads at this instant. [default: now]")
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Scores of an earlier run: a lead near a cut-off stays in its band."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Mapping; without it, columns have our names."),
    ] = None,
    engine: Annotated[
        Literal["local", "spark"],
        typer.Option(
            help="Where features and scores are computed. `spark` needs Java 17 and the extra "
            "`spark`, and writes a folder of Parquet parts."
        ),
    ] = "local",
    strict: Annotated[
        bool, typer.Option("--strict", help="Score nothing when a row or value is rejected.")
    ] = False,
) -> None:
    """Score many leads at once, by the same code as the server."""
    from features.inspection import broken_rules
    from features.tables import keep_rejects
    from models.bundle import load_bundle
    from training.previous import previous_bands
    from training.scoring import (
        cautions,
        in_bands,
        require_known_ending,
        score_on_spark,
        scored,
        write_scores,
    )
    from training.terminal import show_rejects
    from training.wanted import Files, read_for_scoring, spine_at, spine_from

    if spine is not None and as_of is not None:
        raise ValueError("--spine and --as-of exclude each other: a spine has its own instants.")
    if previous is not None and engine == "spark":
        raise ValueError("--previous is for the local engine: score without --engine spark.")
    if engine == "local":
        require_known_ending(output)
    loaded = load_bundle(bundle)
    files = Files(config, leads, interactions, attributes)
    with reading() as read:
        tables = read_for_scoring(loaded.spec, files, read)
    rejects = output.with_name(f"{output.stem}.rejects.csv")
    show_rejects(err, broken_rules(tables.rejects))
    if keep_rejects(tables.rejects, rejects):
        say(f"What was left out, each with its rule: {rejects}", to=err)
        if strict:
            raise ValueError("Nothing was scored: with --strict every row must be good.")
    wanted = spine_from(spine, tables) if spine else spine_at(_instant(as_of), tables)
    notes = cautions(loaded, tables, wanted.spine)
    bands = ""
    if engine == "spark":
        err.print(f"scoring {len(wanted.spine):,} rows on Spark")  # its own bar comes below
        rows = score_on_spark(bundle, tables, wanted.spine, output)
    else:
        with err.status(f"scoring {len(wanted.spine):,} rows"):
            before = previous_bands(previous, tables, wanted.spine) if previous else None
            table = scored(loaded, tables, wanted.spine, previous=before)
            notes += write_scores(table, output)
        rows, bands = table.num_rows, f": {in_bands(table)}"
    say(*wanted.notes, *notes, to=err, style="yellow")
    place = "folder " if engine == "spark" else ""
    say(f"Wrote {rows:,} scores of {loaded.version} to {place}{output}{bands}.")


@app.command(epilog="Example: `lead-temperature report --bundle bundle -o report.html`")
def report(
    bundle: BundleOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="An HTML or PDF file.")],
    lang: Annotated[
        Literal["en", "pt", "ru", "ro", "it"], typer.Option(help="Language of the report.")
    ] = "en",
    format_: Annotated[
        PageFormat | None,
        typer.Option(
            "--format",
            help="`pdf` is A4 and needs the extra `pdf`. [default: what the file's name ends in]",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A fresh export: open leads and the team's work are counted from it, and the "
            "latest backtest is taken from beside its registry.",
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Bundle of an earlier report, to tell what has changed since."),
    ] = None,
) -> None:
    """Write the managers' report: one self-contained page, or a PDF to print."""
    from models.bundle import load_bundle
    from training.report.fresh import brought_up_to_date
    from training.report.past import PAST, read_past
    from training.report.render import bundle_report

    page_format = _page_format(output, format_)
    loaded, past = load_bundle(bundle), read_past(bundle / PAST)
    if config is not None:
        settings = configuration(config)
        past = read_past(settings.registry_folder / PAST) or past
        loaded = brought_up_to_date(loaded, tables_of(settings), settings)
    before = None if previous is None else load_bundle(previous)
    page = bundle_report(loaded, lang, before, past)
    if page_format == "pdf":
        from training.report.pdf import pdf_of

        write(output, pdf_of(page))
        say(f"Wrote {output}.")
    else:
        write(output, page)
        say(f"Wrote {output}: open it in any browser.")


@app.command(epilog="Example: `lead-temperature verify --bundle bundle`")
def verify(
    bundle: BundleOption,
    rounded: Annotated[
        bool,
        typer.Option("--rounded", help="Let numbers differ by 1e-12, as between processors."),
    ] = False,
) -> None:
    """Ask a bundle its golden leads again: it must answer as where it was made."""
    from models.bundle import load_bundle
    from models.golden import GOLDEN
    from serving.golden import replayed

    loaded, golden = load_bundle(bundle), bundle / GOLDEN
    if not golden.exists():
        raise FileNotFoundError(
            f"{bundle} has no {GOLDEN}: it was trained before bundles had one. Train it again."
        )
    leads = replayed(loaded, golden.read_text(encoding="utf-8"), rounded=rounded)
    exactly = "to 12 digits" if rounded else "bit for bit"
    say(
        f"Bundle {loaded.version} answers its {leads} golden leads as where it was made, {exactly}."
    )


@app.command(epilog="Example: `lead-temperature serve --bundle bundle --port 8000`")
def serve(
    bundle: BundleOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8000,
    workers: Annotated[
        int,
        typer.Option(min=1, max=256, help="Processes that answer; another replaces one that ends."),
    ] = 1,
) -> None:
    """Serve scores over HTTP until stopped; the environment holds the settings and API keys."""
    from serving.run import run
    from serving.settings import settings_from

    run(bundle, host, port, settings_from(os.environ), workers)


def _page_format(output: Path, wanted: PageFormat | None) -> PageFormat:
    """Format of a report: the one wanted, else the one that the file's name ends in."""
    endings: dict[str, PageFormat] = {".html": "html", ".pdf": "pdf"}
    ending = endings.get(output.suffix.lower())
    found = wanted or ending
    if found is None:
        raise ValueError(f"--output must end in .html or .pdf, got '{output.name}'.")
    if ending not in (None, found):
        raise ValueError(f"--format is {found}, but --output is '{output.name}': drop --format.")
    return found


def _instant(text: str | None) -> int:
    if text is None:
        return time.time_ns() // 1_000
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"--as-of must be an ISO 8601 time such as 2026-01-01T00:00:00+00:00, got '{text}'."
        ) from error
    if found.tzinfo is None:
        raise ValueError(
            f"--as-of needs a time zone, such as {found.isoformat()}+00:00, got '{text}'."
        )
    return round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
