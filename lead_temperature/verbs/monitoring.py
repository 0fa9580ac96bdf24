"""Verbs that hold a ledger's promises beside a later export: `grade` and `watch`.

Tests: tests/lead_temperature/test_monitoring_verbs.py.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lead_temperature.inputs import CONFIG, ConfigOption, configuration, tables_of
from lead_temperature.output import out, say, write

if TYPE_CHECKING:
    from features.tables import Tables
    from ledger.store import Ledger
    from models.bundle import Bundle
    from training.config import SnapshotSettings
    from training.report.served import ServedHorizon

app = typer.Typer()
LEDGER_FILE = "artifacts/ledger.db"
LEDGER_KEY = "LEAD_TEMPERATURE_LEDGER_KEY"
"""The server's setting, which `serving.http.settings` reads."""
RINGING_EXIT, CANNOT_TELL_EXIT = 3, 4
"""Exit codes of `watch`: promises break; it cannot tell yet. 0 is quiet, 1 a mistake."""
LedgerOption = Annotated[
    str,
    typer.Option("--ledger", metavar="URL", help="The ledger: a SQLite file, or a URL."),
]
OwnLedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="A ledger: the report says what came of the answers in it, by this export.",
    ),
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")]


@app.command(
    epilog="Example: `lead-temperature grade --ledger artifacts/ledger.db -c "
    "crm/lead_temperature.toml`"
)
def grade(
    ledger: LedgerOption = LEDGER_FILE,
    config: ConfigOption = CONFIG,
    json_file: JsonOption = None,
) -> None:
    """Say what came of answers whose horizon has ended, by a later export.

    Promised and happened, as served and by model, band, month, channel and owner. What is known
    is noted in the ledger, so that it stays known when a lead is erased.
    """
    settings = configuration(config)
    from lead_temperature.tables.monitoring import show_grades
    from training.card.values import to_json
    from training.monitoring.grading import grade_ledger

    with existing_ledger(ledger) as opened:
        grades = grade_ledger(opened, tables_of(settings), hash_of_leads())
    show_grades(out, grades)
    if json_file is not None:
        _write_json(json_file, {one.horizon: to_json(one) for one in grades})


@app.command(
    epilog="Example: `lead-temperature watch --ledger artifacts/ledger.db -c "
    "crm/lead_temperature.toml --metrics promises.prom`"
)
def watch(
    ledger: LedgerOption = LEDGER_FILE,
    config: ConfigOption = CONFIG,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            "-b",
            help="Bundle that serves: its own months and calibration say how far levels may lie "
            "from what it promises. [default: 15 % and 10 %]",
        ),
    ] = None,
    json_file: JsonOption = None,
    metrics: Annotated[
        Path | None,
        typer.Option(help="Write gauges to this file, in Prometheus' text format (.prom)."),
    ] = None,
) -> None:
    """Notice promises that break while their horizons still run.

    Ends with 0 where promises hold so far, with 3 where they break, and with 4 where too few
    purchases are promised to tell.
    """
    settings = configuration(config)
    from lead_temperature.gauges import write_gauges
    from lead_temperature.tables.monitoring import show_watch
    from models.bundle import load_bundle
    from training.card.values import to_json
    from training.monitoring.alarms import AlarmState
    from training.monitoring.watching import watch_ledger

    served = None if bundle is None else load_bundle(bundle)
    with existing_ledger(ledger) as opened:
        watches = watch_ledger(
            opened, tables_of(settings), settings.dataset.snapshots, served, hash_of_leads()
        )
    show_watch(out, watches)
    if json_file is not None:
        _write_json(json_file, {one.horizon: to_json(one) for one in watches})
    if metrics is not None:
        write_gauges(metrics, watches)
    states = {one.alarm.state for one in watches}
    if AlarmState.RINGING in states:
        raise typer.Exit(RINGING_EXIT)
    if AlarmState.QUIET not in states:
        raise typer.Exit(CANNOT_TELL_EXIT)


@contextmanager
def existing_ledger(location: str) -> "Iterator[Ledger]":
    """A ledger that is there, closed in the end.

    Parameters
    ----------
    location : str
        Its file or URL, as `--ledger` has it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    from ledger.store import open_ledger

    opened = open_ledger(location, make=False)
    try:
        yield opened
    finally:
        opened.close()


def hash_of_leads() -> Callable[[str], str] | None:
    """Keyed hash of ids, where the environment has the key that the server has."""
    from ledger.hashing import lead_hash

    key = os.environ.get(LEDGER_KEY)
    return lead_hash(key) if key else None


def served_by(
    location: str,
    tables: "Tables",
    settings: "SnapshotSettings",
    bundle: "Bundle | None" = None,
) -> "tuple[ServedHorizon, ...]":
    """What came of the answers in a ledger, by an export.

    Parameters
    ----------
    location : str
        The ledger's file or URL.
    tables : Tables
        The export.
    settings : SnapshotSettings
        When a training looks at leads.
    bundle : Bundle, optional
        The model that serves.
    """
    from training.report.served import served_horizons

    with existing_ledger(location) as opened:
        return served_horizons(opened, tables, settings, bundle, hash_of_leads())


def _write_json(path: Path, document: dict[str, object]) -> None:
    write(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    say(f"Wrote {path}.")
