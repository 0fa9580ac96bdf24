"""Text stands on the left, numbers on the right, and nothing is cut off."""

import io

from rich.console import Console

from lead_temperature.tables.plain import plain_table


def lines(width: int) -> list[str]:
    table = plain_table("Title", ("name",), ("count",))
    table.add_row("a name that is long", "12")
    table.add_row("b", "1,234,567")
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue().splitlines()


def test_numbers_are_aligned_on_the_right_and_text_on_the_left() -> None:
    assert "│ a name that is long │        12 │" in lines(80)
    assert "│ b                   │ 1,234,567 │" in lines(80)


def test_where_there_is_no_room_cells_are_folded_not_cut() -> None:
    cells = [line.split("│")[1:3] for line in lines(20) if "│" in line]
    assert "".join(first.strip() for first, _ in cells).replace(" ", "") == "anamethatislongb"
    assert "".join(second.strip() for _, second in cells) == "121,234,567"
