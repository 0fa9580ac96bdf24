"""The day's list in the terminal: how long each person's is, and what all of it holds.

Tests: tests/lead_temperature/test_work.py.
"""

from collections import Counter

from rich.table import Table

from lead_temperature.output import out, say
from serving.desk.worklist import Worklist

BANDS_SHOWN = ("hot", "warm", "cold")
ORDER_TEXTS = {
    "list": "this list",
    "newest": "newest first",
    "points": "the CRM's own points",
    "turns": "everybody in turn",
}


def show_worklist(worklist: Worklist) -> None:
    """Print a day's list by person, and which share of the coming buyers it holds.

    Parameters
    ----------
    worklist : Worklist
        The list.
    """
    table = Table(title=f"Work of {worklist.day.isoformat()}", title_justify="left")
    for heading in ("person", "contacts", "room", "hot", "warm", "cold", "overdue", "expected"):
        table.add_column(heading, justify="left" if heading == "person" else "right")
    for person in worklist.people:
        rows = [row for row in worklist.rows if row.person == person.id]
        bands = Counter[str](row.band for row in rows)
        table.add_row(
            person.id,
            str(len(rows)),
            str(person.capacity),
            *(str(bands[band]) for band in BANDS_SHOWN),
            str(sum(row.is_overdue for row in rows)),
            f"{sum(row.expected_purchases for row in rows):.1f}",
        )
    out.print(table)
    if not worklist.people:
        say(f"Nobody works on {worklist.day.isoformat()}.")
    left_over = "all of them on a list."
    if worklist.no_room + worklist.nobody_may:
        left_over = (
            f"without room on a list {worklist.no_room:,}, such as nobody may have "
            f"{worklist.nobody_may:,}."
        )
    say(f"Open leads {worklist.open_leads:,}, due {worklist.due_leads:,}; {left_over}")
    if worklist.gap:
        say(f"Dealt out greedily: the best assignment is at most {worklist.gap:.1%} better.")
    if worklist.shares:
        parts = [f"{ORDER_TEXTS[share.order]} {share.share:.1%}" for share in worklist.shares]
        say(f"Of the purchases expected within {worklist.hot_days} days hold: {', '.join(parts)}.")
