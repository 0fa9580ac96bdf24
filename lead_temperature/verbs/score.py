"""Score many leads at once.

Tests: tests/lead_temperature/test_command.py.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lead_temperature.inputs import BundleOption, configuration, instant, reading
from lead_temperature.ledger_names import lead_names
from lead_temperature.output import err, say

if TYPE_CHECKING:
    from features.tables import Tables
    from models.bundle import Bundle
    from serving.bulk.scores import ScoredBlock

app = typer.Typer()


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
    order: Annotated[
        Literal["hot", "warm"] | None,
        typer.Option(
            help="Write the most promising leads first, by this probability, each with its rank, "
            "whatever the bands bear."
        ),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="LEAD_TEMPERATURE_LEDGER",
            help="Keep every score in a ledger: a SQLite file, or a URL; see `docs/ledger.md`.",
        ),
    ] = None,
    ledger_owner: Annotated[
        str | None,
        typer.Option(
            envvar="LEAD_TEMPERATURE_LEDGER_OWNER", help="Attribute that says who has a lead."
        ),
    ] = None,
    ledger_channel: Annotated[
        str | None,
        typer.Option(
            envvar="LEAD_TEMPERATURE_LEDGER_CHANNEL",
            help="Attribute that says where a lead came from.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Score nothing if any row or value is rejected.")
    ] = False,
) -> None:
    """Score many leads at once, by the same code as the server."""
    _require_agreement(spine, as_of, previous, engine, order, ledger)
    settings = None if config is None else configuration(config)
    from features.export.inspection import broken_rules
    from features.scale.scoring_notes import scoring_notes
    from features.spine import open_leads_at
    from features.tables import keep_rejects
    from lead_temperature.tables.export import show_rejects
    from models.bundle import load_bundle
    from serving.bulk.previous import previous_bands
    from serving.bulk.scores import (
        band_counts_text,
        in_order,
        require_scores_suffix,
        score_blocks,
        score_on_spark,
        write_blocks,
    )
    from serving.bulk.selection import ScoringFiles, asked_about, read_for_scoring, read_spine

    if engine == "local":
        require_scores_suffix(output)
    loaded = load_bundle(bundle)
    mapping = None if settings is None else settings.export
    files = ScoringFiles(mapping, leads, interactions, attributes)
    moment = instant(as_of, "--as-of")
    with reading() as read:
        refusal_days = loaded.card.served.after_refusal_days
        scored = asked_about(spine, moment, refusal_days)
        tables = read_for_scoring(loaded.spec, files, read, scored, refusal_days)
    rejects = output.with_name(f"{output.stem}.rejects.csv")
    show_rejects(err, broken_rules(tables.rejects))
    if keep_rejects(tables.rejects, rejects):
        say(f"What was left out, each with its rule: {rejects}", to=err)
        if strict:
            raise ValueError("Nothing was scored: with --strict every row must be good.")
    selection = read_spine(spine, tables) if spine else open_leads_at(moment, tables)
    notes = scoring_notes(loaded.spec, tables, selection.spine, loaded.card.served.judged_days)
    notes += loaded.card.served.notes
    bands = ""
    if engine == "spark":
        err.print(f"scoring {len(selection.spine):,} rows on Spark")  # its own bar comes below
        rows = score_on_spark(bundle, tables, selection.spine, output)
    else:
        with (
            err.status(f"scoring {len(selection.spine):,} rows"),
            keeping(ledger, loaded, ledger_owner, ledger_channel) as keep,
        ):
            bands_before = previous_bands(previous, tables, selection.spine) if previous else None
            blocks = score_blocks(loaded, tables, selection.spine, previous=bands_before, keep=keep)
            if order is not None:
                blocks = in_order(blocks, order)
            file = write_blocks(blocks, output)
        notes += file.notes
        rows, bands = file.rows, f": {band_counts_text(file.bands)}"
    if settings is not None:
        notes += _kept(settings.registry_folder, tables)
    say(*selection.notes, *notes, to=err, style="yellow")
    kind = "folder " if engine == "spark" else ""
    say(f"Wrote {rows:,} scores of {loaded.version} to {kind}{output}{bands}.")


@contextmanager
def keeping(
    location: str | None, bundle: "Bundle", owner: str | None, channel: str | None
) -> "Iterator[Callable[[ScoredBlock], None]]":
    """Function that keeps blocks of scores in a ledger; without one it does nothing.

    Parameters
    ----------
    location : str or None
        The ledger.
    bundle : Bundle
        The model that scores.
    owner, channel : str or None
        Attributes that say who has a lead and where it came from.
    """
    if location is None:
        yield lambda block: None
        return
    from ledger.store import open_ledger
    from serving.bulk.recorded import answers_of_block

    received_at, name_of = instant(None, "now"), lead_names(os.environ)
    with closing(open_ledger(location)) as ledger:
        yield lambda block: ledger.append(
            answers_of_block(bundle, block, received_at, name_of, owner, channel)
        )


def _require_agreement(
    spine: Path | None,
    as_of: str | None,
    previous: Path | None,
    engine: str,
    order: str | None,
    ledger: str | None,
) -> None:
    """Refuse options that exclude each other."""
    if spine is not None and as_of is not None:
        raise ValueError("--spine and --as-of exclude each other: a spine has its own instants.")
    if previous is not None and engine == "spark":
        raise ValueError("--previous is for the local engine: score without --engine spark.")
    if order is not None and engine == "spark":
        raise ValueError("--order is for the local engine: score without --engine spark.")
    if ledger is not None and engine == "spark":
        raise ValueError("--ledger is for the local engine: score without --engine spark.")


def _kept(registry_folder: Path, tables: "Tables") -> tuple[str, ...]:
    """Keep digests of what stands in open leads; why they could not be kept, if so."""
    from features.export.first_seen import FIRST_SEEN, keep_first_seen, read_first_seen, seen_in

    folder = registry_folder / FIRST_SEEN
    try:
        keep_first_seen(folder, seen_in(tables, read_first_seen(folder)))
    except (OSError, ValueError) as error:
        return (f"What stands in open leads could not be kept in {folder}: {error}",)
    return ()
