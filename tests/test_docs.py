"""What the documents for developers show works, and what they name exists."""

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
}


def test_the_walk_through_prints_what_it_says() -> None:
    """Blocks of Python run one after the other; a block of text after one is what it prints."""
    blocks = re.findall(
        r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?",
        DOCUMENTS["docs/how_it_works.md"],
        re.MULTILINE | re.DOTALL,
    )
    assert len(blocks) > 5
    names: dict[str, object] = {"__name__": "how_it_works"}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/how_it_works.md", "exec"), names)  # noqa: S102 - it is ours
        assert printed.getvalue() == expected, code


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", DOCUMENTS[document]):
        assert (folder / target).exists(), target


def _glossary_rows() -> list[list[str]]:
    lines = DOCUMENTS["docs/glossary.md"].splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows if row[0].strip() != "our word"]


def test_every_word_of_the_glossary_has_its_place_in_the_code() -> None:
    rows = _glossary_rows()
    assert len(rows) > 40
    words = [row[0] for row in rows]
    assert len(set(words)) == len(words)
    for word, standard, meaning, where in rows:
        assert standard, word
        assert meaning, word
        for place in re.findall(r"`([^`]+)`", where):
            if "/" in place:
                assert (ROOT / place).is_file(), f"{word}: {place}"
            else:
                module, _, name = place.rpartition(".")
                assert hasattr(importlib.import_module(module), name), f"{word}: {place}"
        assert "`" in where, word
