"""The day's work: a list for every salesperson.

Tests: tests/lead_temperature/test_work.py.
"""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lead_temperature.inputs import (
    CONFIG,
    BundleOption,
    ConfigOption,
    configuration,
    instant,
    reading,
    tables_of,
)
from lead_temperature.output import err, say, word, write

if TYPE_CHECKING:
    from features.language.spec import Spec
    from serving.desk.people import Team
    from serving.desk.worklist import Worklist

app = typer.Typer()


@app.command(
    epilog="Example: `lead-temperature people --config crm/lead_temperature.toml "
    "-o crm/people.toml`"
)
def people(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    config: ConfigOption = CONFIG,
    capacity: Annotated[
        int, typer.Option(min=0, max=1000, help="Leads that each person can contact on a day.")
    ] = 20,
) -> None:
    """Draft people.toml from an export: everybody who has a lead, and what says so."""
    if output.exists():
        raise FileExistsError(f"{output} exists already and is left as it is; name another file.")
    settings = configuration(config)
    from lead_temperature.people_draft import draft_people

    write(output, draft_people(tables_of(settings), settings, capacity))
    say(f"Wrote {output}. Look over capacities, languages and territories, then:")
    say(f"  lead-temperature work --people {word(output)} --bundle BUNDLE -o today.html")


@app.command(
    epilog="Example: `lead-temperature work --bundle bundle --config crm/lead_temperature.toml "
    "--people crm/people.toml --previous yesterday.csv -o today.csv -o today.html`"
)
def work(
    bundle: BundleOption,
    people_file: Annotated[
        Path, typer.Option("--people", "-p", help="Who works the leads: people.toml.")
    ],
    output: Annotated[
        list[Path],
        typer.Option("--output", "-o", help="A .csv, .xlsx or .html file; may be given again."),
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Mapping; without it, columns have our names."),
    ] = None,
    leads: Annotated[Path | None, typer.Option(help="Leads, .csv or .parquet.")] = None,
    interactions: Annotated[Path | None, typer.Option(help="Interactions.")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="Log of the attributes that change.")
    ] = None,
    plays: Annotated[
        Path | None, typer.Option(help="What is done with leads of each band: plays.toml.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="The list before, as .csv: this one says what changed.")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option("--date", help="Day of the list. [default: today]"),
    ] = None,
    language: Annotated[
        Literal["en", "pt", "ru", "ro", "it"] | None,
        typer.Option(help="Language of the lists. [default: of each person the first]"),
    ] = None,
) -> None:
    """Give everybody today's list: whom to contact, why, how, and by when."""
    mapping = None if config is None else configuration(config).export
    from features.export.inspection import broken_rules
    from features.scale.scoring_notes import scoring_notes
    from lead_temperature.tables.export import show_rejects
    from lead_temperature.tables.work import show_worklist
    from models.bundle import load_bundle
    from models.plays import read_plays, shipped_plays
    from serving.bulk.desk import (
        pool_notes,
        read_pool,
        read_previous_list,
        require_list_suffix,
    )
    from serving.bulk.selection import ScoringFiles
    from serving.desk.optimum import best_pairs
    from serving.desk.people import read_team
    from serving.desk.worklist import make_worklist

    for path in output:
        require_list_suffix(path)
    team = read_team(people_file)
    playbook = shipped_plays() if plays is None else read_plays(plays)
    loaded = load_bundle(bundle)
    files = ScoringFiles(mapping, leads, interactions, attributes)
    list_day, as_of = day_and_instant(day, team)
    earlier = None if previous is None else read_previous_list(previous)
    if earlier is not None and earlier.as_of >= as_of:
        raise ValueError(
            f"--previous {previous} is not earlier than this list: name an earlier one."
        )
    with reading() as read:
        pool, selection, tables = read_pool(
            loaded.spec, team, files, as_of, read, loaded.card.served.after_refusal_days
        )
    show_rejects(err, broken_rules(tables.rejects))
    with err.status(f"{len(pool.lead_ids):,} open leads"):
        worklist = make_worklist(
            loaded, pool, team, playbook, as_of, list_day, earlier, solve=best_pairs
        )
        for path in output:
            _write_list(
                path, worklist, loaded.spec, team, language, has_previous=earlier is not None
            )
    notes = scoring_notes(loaded.spec, tables, selection.spine, loaded.card.served.judged_days)
    notes += pool_notes(pool, team, playbook, as_of, with_plays=plays is not None)
    say(*selection.notes, *notes, *loaded.card.served.notes, to=err, style="yellow")
    show_worklist(worklist)
    say(f"Wrote {len(worklist.rows):,} rows to {', '.join(map(str, output))}.")


def day_and_instant(day: str | None, team: "Team") -> tuple[date, int]:
    """Day of a list, and what instant it looks at: now, or when the house opens on a given day.

    Parameters
    ----------
    day : str or None
        The day as ISO 8601 writes it; None is today.
    team : Team
        Time zone and hours of the house.

    Raises
    ------
    ValueError
        It is no day, or too far away.
    """
    from serving.desk.hours import as_datetime

    if day is None:
        as_of = instant(None, "--date")
        return as_datetime(as_of, team.zone).date(), as_of
    try:
        parsed = date.fromisoformat(day)
    except ValueError as error:
        raise ValueError(f"--date must be a day such as 2026-01-05, got '{day}'.") from error
    if not 1970 < parsed.year < 2200:
        raise ValueError(f"--date must lie in the years 1971 to 2199, got '{day}'.")
    return parsed, team.hours.opening(parsed, team.zone)


def _write_list(
    path: Path,
    worklist: "Worklist",
    spec: "Spec",
    team: "Team",
    language: str | None,
    *,
    has_previous: bool,
) -> None:
    from serving.bulk.desk import write_table
    from serving.pages.work_page import work_page
    from serving.pages.work_table import list_columns

    if path.suffix == ".html":
        write(path, work_page(worklist, spec, team.zone, has_previous, language))
    else:
        write_table(list_columns(worklist, spec, team.zone, has_previous, language), path)
