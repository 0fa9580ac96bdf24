"""Write the day's list back into the CRM: only what changed.

Tests: tests/lead_temperature/test_write_back.py.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from lead_temperature.output import err, say

app = typer.Typer()
KEY_VARIABLE = "LEAD_TEMPERATURE_CRM_KEY"


@app.command(
    "write-back",
    epilog="Example: `lead-temperature write-back today.csv --previous yesterday.csv -o "
    "changes.csv`",
)
def write_back(
    today: Annotated[Path, typer.Argument(metavar="LIST", help="Today's list, as .csv.")],
    previous: Annotated[
        Path | None,
        typer.Option(help="The latest list that was written back whole; without it all is new."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv or .xlsx file of what changed, to import."),
    ] = None,
    crm: Annotated[
        Literal["odoo", "hubspot", "salesforce", "dynamics"] | None,
        typer.Option(help="Send it to this CRM, with the key in LEAD_TEMPERATURE_CRM_KEY."),
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of the CRM.")] = None,
) -> None:
    """Write what changed on the list back into the CRM: as a file to import, or by its API."""
    if output is None and crm is None:
        raise ValueError("Say where to write: a file with -o, a CRM with --crm and --url, or both.")
    if (crm is None) != (url is None):
        raise ValueError("--crm and --url belong together: name both, or a file with -o.")
    if output is not None and output.suffix not in (".csv", ".xlsx"):
        raise ValueError(f"--output must end in .csv or .xlsx, got '{output.name}'.")
    if output is not None and output.resolve() in {
        path.resolve() for path in (today, previous) if path is not None
    }:
        raise ValueError(f"--output {output} is one of the lists: name another file.")
    from serving.bulk.writeback import WRITTEN_FIELDS, changed_leads, crm_client, read_list
    from serving.bulk.writeback import write_back as send

    current = read_list(today)
    changes = changed_leads(current, {} if previous is None else read_list(previous))
    if output is not None:
        from serving.bulk.desk import write_table

        cleared = dict.fromkeys(WRITTEN_FIELDS, "")
        rows = [{"lead_id": lead.lead_id, **current.get(lead.lead_id, cleared)} for lead in changes]
        names = ("lead_id", *WRITTEN_FIELDS)
        write_table({name: [row[name] for row in rows] for name in names}, output)
        say(f"Wrote {len(changes):,} changed leads to {output}.")
    if crm is None or url is None:
        return
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        raise ValueError(f"{KEY_VARIABLE} must hold the CRM's API key or access token.")
    with (
        err.status(f"writing {len(changes):,} leads to {crm}"),
        crm_client(url, key) as client,
    ):
        refused = send(client, crm, changes)
    for lead in refused:
        say(f"{lead.lead_id}: {lead.explanation}", to=err, style="yellow")
    say(f"Wrote {len(changes) - len(refused):,} of {len(changes):,} changed leads to {crm}.")
    if refused:
        raise ValueError(
            f"{len(refused):,} leads were refused. Mend them in the CRM; until then "
            "compare with the same --previous again."
        )
