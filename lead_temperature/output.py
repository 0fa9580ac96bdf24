"""What a verb gives back: lines for a person, and files that are whole.

Tests: tests/lead_temperature/test_command.py.
"""

import os
import shlex
from pathlib import Path

from rich.console import Console

out = Console()
err = Console(stderr=True)


def say(*lines: str, to: Console = out, style: str | None = None) -> None:
    """Print lines as they are: nothing in them is markup, and a command stays on one line."""
    for line in lines:
        to.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def word(path: Path) -> str:
    """Path as one word of a command that can be copied."""
    return shlex.quote(str(path))


def write(path: Path, content: str | bytes) -> None:
    """Write a file all at once: a reader sees the earlier one or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
