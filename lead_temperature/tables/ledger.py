"""The table that `lead-temperature ledger show` prints."""

from collections.abc import Sequence

from rich.console import Console

from features.spine import iso
from lead_temperature.output import say
from lead_temperature.tables.plain import plain_table
from ledger.columns import SumColumns
from ledger.store import SummaryLine


def show_summary(to: Console, lines: Sequence[SummaryLine], erased: SumColumns) -> None:
    """Print what a ledger has of each model and purpose, and what is left of erased answers.

    Parameters
    ----------
    to : rich.console.Console
        Where to print.
    lines : sequence of SummaryLine
        As `Ledger.summary` gives them.
    erased : SumColumns
        As `Ledger.sums` gives them.
    """
    table = plain_table(
        "answers", ("model", "purpose", "first", "last"), ("answers", "leads", "hot promised")
    )
    for line in lines:
        table.add_row(
            line.model_version,
            line.purpose,
            iso(line.earliest)[:10],
            iso(line.latest)[:10],
            f"{line.answers:,}",
            f"{line.leads:,}",
            f"{line.hot_promised:,.1f}",
        )
    to.print(table)
    count = int(erased.answers[erased.horizon == "hot"].sum())
    say(f"Beside these, sums of {count:,} answers that were erased.", to=to)
