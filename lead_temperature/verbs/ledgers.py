"""Verbs for whoever runs a ledger: what is in it, and what must leave it.

Tests: tests/lead_temperature/test_ledger_verbs.py.
"""

import os
import time
from contextlib import closing
from typing import Annotated

import typer

from lead_temperature.ledger_names import lead_names
from lead_temperature.output import err, out, say

app = typer.Typer()
ledgers = typer.Typer(
    name="ledger",
    no_args_is_help=True,
    help="What a ledger of answers holds, and what must leave it.",
    epilog="Example: `lead-temperature ledger show --ledger artifacts/ledger.db`",
)
app.add_typer(ledgers)

LocationOption = Annotated[
    str,
    typer.Option(
        "--ledger",
        metavar="URL",
        envvar="LEAD_TEMPERATURE_LEDGER",
        help="The ledger: a SQLite file, or a URL.",
    ),
]


@ledgers.command(epilog="Example: `lead-temperature ledger show --ledger artifacts/ledger.db`")
def show(ledger: LocationOption) -> None:
    """Show how many answers there are, of which models, and what was promised."""
    from lead_temperature.tables.ledger import show_summary
    from ledger.store import open_ledger

    with closing(open_ledger(ledger, make=False)) as opened:
        show_summary(out, opened.summary(), opened.sums())


@ledgers.command(
    epilog="Example: `lead-temperature ledger erase L-1001 L-1002 --ledger artifacts/ledger.db`"
)
def erase(
    leads: Annotated[list[str], typer.Argument(help="Ids of a person's leads.")],
    ledger: LocationOption,
) -> None:
    """Erase every answer about some leads, to the last byte; their sums stay for the grades.

    With LEAD_TEMPERATURE_LEDGER_KEY the keyed hashes of the ids are erased too.
    """
    from ledger.forgetting import erase_leads
    from ledger.store import open_ledger

    name_of = lead_names(os.environ)
    names = [*leads, *map(name_of, leads)]
    with closing(open_ledger(ledger, make=False)) as opened, err.status("erasing"):
        erased = erase_leads(opened, names)
    say(f"Erased {erased:,} answers about {len(set(leads)):,} leads; their sums stay.")


@ledgers.command(
    epilog="Example: `lead-temperature ledger forget --older-than 730 --ledger artifacts/ledger.db`"
)
def forget(
    older_than: Annotated[int, typer.Option(metavar="DAYS", help="How long answers are kept.")],
    ledger: LocationOption,
) -> None:
    """Erase answers that are older than a number of days; their sums stay for the grades."""
    from ledger.forgetting import forget_older
    from ledger.store import open_ledger

    with closing(open_ledger(ledger, make=False)) as opened, err.status("erasing"):
        erased = forget_older(opened, older_than, time.time_ns() // 1_000)
    say(f"Erased {erased:,} answers older than {older_than:,} days; their sums stay.")
