"""The command `lead-temperature`, with a verb for each step of the way.

Each verb imports what it needs when it runs, so that the server's environment needs none of the
laboratory and `--help` answers at once. A mistake of the user becomes one clear message and exit
code 1; only a defect of ours shows a traceback.
"""

import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from lead_temperature.output import err, say
from lead_temperature.verbs import (
    champions,
    exports,
    learning,
    ledgers,
    monitoring,
    report,
    results,
    score,
    serve,
    sign,
    verify,
    work,
    write_back,
)
from models.no_laboratory import forgo_laboratory

app = typer.Typer(
    name="lead-temperature",
    context_settings={"help_option_names": ["--help", "-h"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
VERBS = (
    exports,
    learning,
    champions,
    score,
    work,
    write_back,
    ledgers,
    monitoring,
    report,
    results,
    verify,
    sign,
    serve,
)
for verb in VERBS:
    app.add_typer(verb.app)

EXTRAS = {
    "sqlalchemy": ("a ledger", "ledger"),
    "psycopg": ("a ledger", "ledger"),
    "httpx2": ("a client", "client"),
}
"""What a package that is missing is for, and the extra that brings it; of others the laboratory."""
LEAN_VERBS = {"check", "ledger", "score", "serve", "verify", "sign"}
"""Verbs that do without the laboratory's libraries; `score` on Spark does not."""


def _say_version(requested: bool) -> None:
    if requested:
        typer.echo(metadata.version("lead-temperature"))
        raise typer.Exit


@app.callback(help="Which leads are about to buy: calibrated probabilities, dated and in bands.")
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command as a process of its own, from its beginning to its end."""
    arguments = sys.argv[1:]
    if {*arguments[:1]} & LEAN_VERBS and not any(text.endswith("spark") for text in arguments):
        forgo_laboratory()
    main()


def main() -> None:
    """Run the command; a user's mistake becomes a message and exit code 1."""
    # OpenMP reads this when a verb loads LightGBM: threads that wait then sleep. On a machine that
    # does other work too, spinning threads took six times the processor time to fit a booster.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        if isinstance(error, ModuleNotFoundError):
            needed, extra = EXTRAS.get(error.name or "", ("the laboratory", "train"))
            message = (
                f"This verb needs {needed}, and '{error.name}' is not installed: "
                f"pip install 'lead-temperature[{extra}]'."
            )
        else:
            message = str(error)
        say(f"Error: {message}", to=err, style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
