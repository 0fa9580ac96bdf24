"""Every notebook runs from its first cell to its last, defines nothing and keeps no output."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ABSOLUTE = re.compile(r"(?<![\w.:/<])(?:~?/|[A-Za-z]:\\)\w")
"""What begins like a path on one machine; an address after ``://`` does not."""

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.mark.slow
@each
def test_a_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": ROOT}}).execute()


@each
def test_a_notebook_tells_and_defines_nothing(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    for cell in code:
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)


@each
def test_a_notebook_keeps_nothing_of_the_machine_it_was_written_on(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not ABSOLUTE.search(cell.source)
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_the_notebooks_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:2]) for path in NOTEBOOKS]
    assert numbers == list(range(1, len(NOTEBOOKS) + 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('open("/home/me/leads.csv")', True),
        ("see ~/crm/leads.csv", True),
        (r"open('C:\crm\leads.csv')", True),
        ("https://example.org/page, 7 / 30, a/b, notebooks/x", False),
    ],
)
def test_absolute_paths_are_told_from_other_slashes(text: str, found: bool) -> None:
    assert bool(ABSOLUTE.search(text)) is found
