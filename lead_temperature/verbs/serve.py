"""Serve scores over HTTP.

Tests: tests/lead_temperature/test_command.py.
"""

import os
from typing import Annotated

import typer

from lead_temperature.inputs import BundleOption

app = typer.Typer()


@app.command(
    epilog="Example: `lead-temperature serve --bundle bundle --port 8000 "
    "--ledger artifacts/ledger.db`"
)
def serve(
    bundle: BundleOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8000,
    workers: Annotated[
        int,
        typer.Option(min=1, max=256, help="Processes that answer; another replaces one that ends."),
    ] = 1,
    ledger: Annotated[
        str | None,
        typer.Option(
            help="Keep every answer in a SQLite file, or a database by its URL, in which `$NAME` "
            "stands for a variable; needs the extra `ledger`."
        ),
    ] = None,
    ledger_strict: Annotated[
        bool, typer.Option("--ledger-strict", help="Answer only once the answer is kept.")
    ] = False,
) -> None:
    """Serve scores over HTTP until stopped; the environment holds the settings and API keys."""
    from serving.http.settings import PREFIX, settings_from
    from serving.process.run import run

    environment = dict(os.environ)
    if ledger is not None:
        environment[f"{PREFIX}LEDGER"] = ledger
    if ledger_strict:
        environment[f"{PREFIX}LEDGER_STRICT"] = "true"
    run(bundle, host, port, settings_from(environment), workers)
