"""Folders as values, to compare one with another."""

from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Contents of all files of a folder and its subfolders, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
