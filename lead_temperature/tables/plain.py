"""The plain table that most verbs print: columns of text, then columns of numbers."""

from rich.table import Table


def plain_table(
    title: str, text_headings: tuple[str, ...], number_headings: tuple[str, ...]
) -> Table:
    """Empty table with columns of text on the left and columns of numbers on the right.

    Where the terminal is narrow, cells are folded: no name and no digit is cut off.
    """
    table = Table(title=title, title_justify="left")
    for heading in text_headings:
        table.add_column(heading, overflow="fold")
    for heading in number_headings:
        table.add_column(heading, justify="right", overflow="fold")
    return table
