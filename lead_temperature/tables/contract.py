"""What `promote` and `rollback` print of the contract with callers: what changes in it."""

from rich.console import Console
from rich.text import Text

from lead_temperature.tables.plain import plain_table
from training.versions.promotion import ContractDraft


def show_contract_draft(console: Console, draft: ContractDraft) -> None:
    """Print the contract's next version and each change; nothing where nothing changes."""
    if draft.changes:
        title = f"Contract with callers: version {draft.contract.version}"
        table = plain_table(title, ("name", "what changes"), ())
        for change in draft.changes:
            style = "red" if change.breaks_callers else ""
            table.add_row(Text(change.path, style), Text(change.sentence, style))
        console.print(table)
    if draft.expired:
        names = ", ".join(draft.expired)
        note = f"Retired names whose time is over: {names}. --break-callers removes them."
        console.print(Text(note, "yellow"))
