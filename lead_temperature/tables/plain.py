"""The plain table that all verbs print: columns of text, then columns of numbers."""

from rich.table import Table


def plain_table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    """Empty table with text columns, then columns of numbers.

    Where the terminal is narrow, cells are folded: no name and no digit is cut off.
    """
    table = Table(title=title, title_justify="left")
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right", overflow="fold")
    return table
