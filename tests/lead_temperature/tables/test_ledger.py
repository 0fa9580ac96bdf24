"""The table of a ledger."""

import io
from pathlib import Path

from rich.console import Console

from lead_temperature.tables.ledger import show_summary
from ledger.forgetting import erase_leads
from ledger.store import open_ledger
from tests.support.answers import answer


def test_a_line_counts_answers_leads_and_promises(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger.db"))
    ledger.append([answer("L1"), answer("L1", 31, 0.5), answer("L2"), answer("L3")])
    erase_leads(ledger, ["L3"])
    console = Console(file=io.StringIO(), width=100)
    show_summary(console, ledger.summary(), ledger.sums())
    ledger.close()
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    (row,) = (line for line in lines if "v1" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == [
        "v1", "work", "2026-01-01", "2026-02-01", "3", "2", "1.0",
    ]  # fmt: skip
    assert "sums of 1 answers that were erased" in lines[-1]
