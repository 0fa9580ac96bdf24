"""Verbs about an export: begin a configuration, make an export up, and say what is in one.

Tests: tests/lead_temperature/test_command.py.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from features.worlds import WorldName
from lead_temperature.inputs import CONFIG, ConfigOption, configuration, tables_of
from lead_temperature.output import err, out, say, word, write

app = typer.Typer()


@app.command(epilog="Example: `lead-temperature init crm --from exports`")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    exports: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="EXPORTS", help="Folder, archive or file of exports to look at."
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Zone of times that are written without one, as Europe/Rome."),
    ] = None,
) -> None:
    """Write a commented lead_temperature.toml: an empty one, or a first draft for your exports."""
    from lead_temperature.template import TEMPLATE, template_with

    target = folder / CONFIG
    if target.exists():
        raise FileExistsError(f"{target} exists already and is left as it is; name another folder.")
    if exports is None:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        target.write_text(TEMPLATE, encoding="utf-8")
        say(f"Wrote {target}. Put your export into {folder / 'data'}, then:")
    else:
        from features.export.guessing.draft import draft
        from features.export.mapping import export_mapping
        from lead_temperature.tables.export import show_draft

        placeholder = {"leads": {"source": "leads.csv"}, "data": {"timezone": timezone}}
        export_mapping(placeholder, folder, "--timezone")
        if not exports.exists():
            raise FileNotFoundError(f"{exports} does not exist: name the folder of your exports.")
        folder.mkdir(parents=True, exist_ok=True)
        with err.status("looking at the exports"):
            guessed = draft(exports, folder, timezone)
        target.write_text(template_with(guessed.text), encoding="utf-8")
        show_draft(out, guessed)
        say(f"Wrote {target}. Look it over, then:")
    say(f"  lead-temperature check --config {word(target)}")


@app.command(epilog="Example: `lead-temperature synthesize demo --leads 20000 --seed 1`")
def synthesize(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    leads: Annotated[int, typer.Option(min=1, max=5_000_000, help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 1,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "parquet"], typer.Option(help="Format of the tables.")
    ] = "csv",
    world: Annotated[WorldName, typer.Option(help="Which made-up firm.")] = "chain",
    rate: Annotated[
        float | None,
        typer.Option(help="Share of leads that buy, 0.002 to 0.6.", show_default="the world's own"),
    ] = None,
    days: Annotated[int, typer.Option(help="Length of the export in days.")] = 731,
    delay_days: Annotated[
        float, typer.Option(help="Mean days after which what happened is recorded.")
    ] = 0.0,
    noise: Annotated[
        float, typer.Option(help="Share of interactions and attribute values that mean nothing.")
    ] = 0.0,
    duplicates: Annotated[
        float, typer.Option(help="Share of leads that were entered twice.")
    ] = 0.0,
) -> None:
    """Write a made-up CRM export with known true probabilities (kept apart, in `truth`)."""
    from features.worlds.crm import Knobs, write_export
    from features.worlds.registry import made_up_crm

    knobs = Knobs(rate, delay_days, noise, duplicates, days)
    _require_made_up(folder)
    with err.status(f"drawing {leads:,} leads"):
        crm = made_up_crm(world, leads, seed, knobs)
        write_export(crm, folder, format)
    say(
        f"Wrote {crm.leads.num_rows:,} leads, {crm.interactions.num_rows:,} interactions and the "
        f"truth to {folder}."
    )
    say(f"  lead-temperature check --config {word(folder / CONFIG)}")


@app.command(epilog="Example: `lead-temperature check --config crm/lead_temperature.toml`")
def check(
    config: ConfigOption = CONFIG,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go. [default: rejects.csv beside it]")
    ] = None,
) -> None:
    """Say what is in the export and whether a model can be trained on it; keep rejected rows."""
    settings = configuration(config)
    from features.export.blindness import require_trustworthy
    from features.export.inspection import inspection
    from features.tables import keep_rejects
    from lead_temperature.tables.export import show_inspection, show_readiness
    from training.dataset.readiness import readiness

    tables = tables_of(settings)
    summary = inspection(tables)
    show_inspection(out, summary)
    target = rejects or config.resolve().parent / "rejects.csv"
    if keep_rejects(tables.rejects, target):
        say(f"What was left out, each with its rule: {target}")
    if summary.problems:
        raise ValueError("This export cannot be used:\n" + "\n".join(summary.problems))
    require_trustworthy(tables, settings.export.data)
    horizons = readiness(tables, settings.dataset)
    show_readiness(out, horizons)
    problems = [horizon.problem for horizon in horizons if horizon.problem]
    if problems:
        raise ValueError("No model can be trained on this export yet:\n" + "\n".join(problems))
    say("Usable. Next:", f"  lead-temperature train --config {word(config)}")


@app.command(epilog="Example: `lead-temperature audit --config crm/lead_temperature.toml`")
def audit(
    config: ConfigOption = CONFIG,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all findings to this file.")
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option(help="Configuration of an earlier export: which columns do sales rewrite?"),
    ] = None,
) -> None:
    """Find attributes and interactions that know the outcome; `train` leaves them out."""
    settings = configuration(config)
    from features.export.first_seen import FIRST_SEEN, nothing_seen, read_first_seen, seen_in
    from lead_temperature.tables.audit import show_audit
    from training.audit.findings import audit as findings_of
    from training.card.values import to_json

    tables = tables_of(settings)
    if earlier is None:
        first_seen = read_first_seen(settings.registry_folder / FIRST_SEEN)
    else:
        first_seen = seen_in(tables_of(configuration(earlier)), nothing_seen())
    with err.status("examining"):
        findings = findings_of(tables, settings.dataset, settings.audit, first_seen)
    show_audit(out, findings)
    if json_file is not None:
        values = [to_json(finding) for finding in findings]
        write(json_file, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


@app.command(epilog="Example: `lead-temperature features --config crm/lead_temperature.toml`")
def features(config: ConfigOption = CONFIG) -> None:
    """List the features that your export gives, in words and with their coverage."""
    settings = configuration(config)
    from lead_temperature.tables.export import show_features
    from training.dataset.coverage import features_overview

    show_features(out, features_overview(tables_of(settings), settings.dataset))


def _require_made_up(folder: Path) -> None:
    """Refuse to write over an export that is not made up: one without the truth beside it."""
    tables = ("leads", "interactions", "attributes", "truth")
    names = [f"{name}.{suffix}" for name in tables for suffix in ("csv", "parquet")]
    files = [name for name in (CONFIG.name, *names) if (folder / name).exists()]
    if files and not any(name.startswith("truth.") for name in files):
        raise FileExistsError(
            f"{folder} holds {', '.join(files)}, which this command did not write, and is left as "
            "it is; name another folder."
        )
