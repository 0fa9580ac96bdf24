"""Serve scores over HTTP.

Tests: tests/lead_temperature/test_command.py.
"""

import os
from typing import Annotated

import typer

from lead_temperature.inputs import BundleOption

app = typer.Typer()


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
    from serving.http.settings import settings_from
    from serving.process.run import run

    run(bundle, host, port, settings_from(os.environ), workers)
