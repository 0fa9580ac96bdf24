"""The plain table that all verbs print: columns of text, then columns of numbers."""

from rich.table import Table


def plain_table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    """Empty table with text columns, then columns of numbers."""
    table = Table(title=title, title_justify="left")
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right")
    return table
