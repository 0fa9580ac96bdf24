"""What `promote` says of the contract: every change, and names whose time is over."""

import io
from datetime import date

from rich.console import Console

from lead_temperature.tables.contract import show_contract_draft
from models.contract import Contract, ContractChange, Release
from training.versions.promotion import ContractDraft


def printed(changes: tuple[ContractChange, ...] = (), expired: tuple[str, ...] = ()) -> str:
    console = Console(file=io.StringIO(), width=120)
    contract = Contract({}, (Release("2.0.0", date(2026, 1, 1), "2026-a", changes),))
    show_contract_draft(console, ContractDraft(contract, changes, expired))
    return console.file.getvalue()


def test_nothing_is_said_where_nothing_changes() -> None:
    assert printed() == ""


def test_every_change_is_told_and_hostile_names_are_text() -> None:
    told = printed((ContractChange("attributes.[red]a", "removed", "Refused [/] from now on."),))
    assert "version 2.0.0" in told
    assert "attributes.[red]a" in told
    assert "Refused [/] from now on." in told


def test_retired_names_whose_time_is_over_are_told_with_the_way_out() -> None:
    told = printed(expired=("attributes.size",))
    assert "time is over: attributes.size. --break-callers removes them." in told
