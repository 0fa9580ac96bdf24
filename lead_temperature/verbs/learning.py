"""Verbs that learn from an export: train a model, test trainings of the past, tune settings.

Tests: tests/lead_temperature/test_command.py.
"""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from lead_temperature.inputs import CONFIG, ConfigOption, configuration, registry_of, tables_of
from lead_temperature.output import err, out, say, word, write
from lead_temperature.verbs.monitoring import OwnLedgerOption, served_by

if TYPE_CHECKING:
    from features.tables import Tables

app = typer.Typer()


@app.command(
    epilog="Example: `lead-temperature train --config crm/lead_temperature.toml --json f.json`"
)
def train(
    config: ConfigOption = CONFIG,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Bundle folder. [default: bundle in the registry]"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    fresh_bands: Annotated[
        bool,
        typer.Option(
            "--fresh-bands",
            help="Choose the bands anew, even where chance explains what would change.",
        ),
    ] = False,
    ledger: OwnLedgerOption = None,
) -> None:
    """Train, calibrate and judge a model; write its bundle and register it in MLflow."""
    settings = configuration(config)
    from features.export.first_seen import (
        FIRST_SEEN,
        keep_first_seen,
        read_first_seen,
        seen_in,
    )
    from lead_temperature.api import companion_files
    from lead_temperature.mlflow_model import input_example
    from lead_temperature.tables.monitoring import show_served
    from lead_temperature.tables.training import progress_bars, show_training
    from models.bundle import save_bundle
    from models.folder import require_replaceable
    from training.card.values import read_card, to_json
    from training.pipeline import trained_bundle
    from training.report.past import PAST, read_past
    from training.report.standalone import run_documents
    from training.versions.mlflow_store import INPUT_EXAMPLE
    from training.versions.registry import (
        ARTIFACT,
        champion_bands,
        record,
        require_reachable,
    )

    registry = registry_of(settings)
    folder = output or settings.registry_folder / "bundle"
    require_replaceable(folder)
    require_reachable(registry)
    past = read_past(settings.registry_folder / PAST)
    memory = settings.registry_folder / FIRST_SEEN
    first_seen = read_first_seen(memory)
    tables = tables_of(settings)
    _show_reading(tables, settings.registry_folder / "rejects.csv")
    served = () if ledger is None else served_by(ledger, tables, settings.dataset.snapshots)
    earlier = None if fresh_bands else champion_bands(registry)
    with progress_bars(err) as report_progress:
        bundle = trained_bundle(tables, settings, report_progress, earlier, first_seen)
    keep_first_seen(memory, seen_in(tables, first_seen))
    # What is registered comes from a folder of this training's own: another training may write
    # into the bundle folder meanwhile.
    with TemporaryDirectory() as temporary:
        private_copy = Path(temporary, "bundle")
        bundle = save_bundle(bundle, private_copy)
        files = companion_files(bundle, past, served)
        save_bundle(bundle, private_copy, files)
        save_bundle(bundle, folder, files)
        with err.status("registering"):
            documents = run_documents(bundle)
            documents[f"{ARTIFACT}/{INPUT_EXAMPLE}"] = input_example(bundle)
            version = record(registry, private_copy, documents)
    card = read_card(bundle.card)
    show_training(out, card)
    show_served(out, served)
    if json_file is not None:
        figures = {"version": bundle.version, "registered": version.number, **to_json(card)}
        write(json_file, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    say(
        f"Bundle {bundle.version} in {folder}, registered as version {version.number}. "
        "card.md and report.html there say how good it is. Make it the champion:",
        f"  lead-temperature promote {version.number} --config {word(config)}",
    )


def _show_reading(tables: "Tables", rejects: Path) -> None:
    """Say what of an export was left out or is doubted, and keep the first."""
    from features.export.data_end import times_after_end
    from features.export.inspection import broken_rules
    from features.export.suspicions import suspicions
    from features.tables import keep_rejects
    from lead_temperature.tables.export import show_after_end, show_rejects, show_suspicions

    show_rejects(err, broken_rules(tables.rejects))
    if keep_rejects(tables.rejects, rejects):
        err.print(f"What was left out, each with its rule: {rejects}", highlight=False)
    show_suspicions(err, suspicions(tables))
    show_after_end(err, times_after_end(tables), tables.data_end)


@app.command(
    epilog="Example: `lead-temperature backtest --config crm/lead_temperature.toml --origins 5`"
)
def backtest(
    config: ConfigOption = CONFIG,
    origins: Annotated[
        int, typer.Option(min=2, max=50, help="Days of the past at which to train.")
    ] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
) -> None:
    """Train as on several days of the past and judge each model by what came after.

    The figures are kept beside the registry, and the managers' report shows them.
    """
    settings = configuration(config)
    from lead_temperature.tables.backtest import show_backtest
    from lead_temperature.tables.training import progress_bars
    from training.report.past import PAST, backtest_json, past_of, past_text
    from training.search.backtest import backtest as backtested
    from training.versions.fingerprint import recipe_fingerprint

    tables = tables_of(settings)
    with progress_bars(err) as report_progress:
        results = backtested(tables, settings, origins, report_progress)
    show_backtest(out, results)
    if json_file is not None:
        write(json_file, json.dumps(backtest_json(results), indent=1, ensure_ascii=False) + "\n")
    target = settings.registry_folder / PAST
    write(target, past_text(past_of(results, tables, recipe_fingerprint(settings))))
    say(
        f"Written to {target}: the next training puts it into its report, and so does",
        f"  lead-temperature report --bundle BUNDLE --config {word(config)} -o report.html",
    )


@app.command(
    epilog="Example: `lead-temperature tune --config crm/lead_temperature.toml --minutes 5`"
)
def tune(
    config: ConfigOption = CONFIG,
    minutes: Annotated[
        float, typer.Option(min=0, help="No trial begins after that many minutes.")
    ] = 10.0,
    trials: Annotated[
        int,
        typer.Option(
            min=1, help="How many settings to try in all, with those of earlier searches."
        ),
    ] = 60,
) -> None:
    """Look for better [model] settings in the time before the test; run it again to go on."""
    settings = configuration(config)
    from lead_temperature.tables.training import progress_bars
    from lead_temperature.tables.tune import show_tuned
    from training.search.tune import tune_boosters

    tables = tables_of(settings)
    deadline = time.monotonic() + 60 * minutes
    with progress_bars(err) as report_progress:
        search = tune_boosters(
            tables,
            settings.dataset,
            settings.audit,
            settings.model,
            settings.registry_folder,
            trials,
            lambda: time.monotonic() > deadline,
            report_progress,
        )
    show_tuned(out, search)
    if search.worth_changing:
        say(f"Worth changing. Paste into {config}:", "", search.section())
    else:
        say("Nothing worth changing: no setting is better beyond chance.")
