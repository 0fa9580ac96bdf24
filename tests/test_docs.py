"""What the documents for developers show works, and what they name exists."""

import contextlib
import importlib
import importlib.util
import io
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
}
ROOMS = (
    "features|models|ledger|training|serving|lead_temperature|benchmarks|checks|tests|notebooks|"
    "deploy"
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def code_of(text: str) -> list[str]:
    """What a document shows as code: its blocks, and what stands between backticks."""
    return re.findall(r"^```.*?^```|`[^`\n]+`", text, re.MULTILINE | re.DOTALL)


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


DECISIONS = DOCUMENTS["DECISIONS.md"]
ENTRIES = dict(re.findall(r"^### (.*)\n((?:(?!#).*\n)*)", DECISIONS, re.MULTILINE))
LABELS = ("Choice", "Because", "Evidence", "Would change it")


def test_decisions_are_numbered_and_each_stands_in_the_index_by_room() -> None:
    numbers = [int(re.match(r"D(\d+) [A-Z].*\?$", heading)[1]) for heading in ENTRIES]
    assert numbers == list(range(1, len(numbers) + 1))
    index, _, _ = DECISIONS.partition("\n### ")
    assert {int(number) for number in re.findall(r"\bD(\d+)\b", index)} == set(numbers)


@pytest.mark.parametrize("heading", ENTRIES)
def test_a_decision_is_short_and_says_why_and_how_to_see_it(heading: str) -> None:
    text = ENTRIES[heading].partition("\n## ")[0]
    assert len(f"{heading} {text}".split()) <= 120
    assert tuple(re.findall(r"^- \*\*(.*?):\*\*", text, re.MULTILINE)) == LABELS
    (evidence,) = re.findall(r"^- \*\*Evidence:\*\* (.*)$", text, re.MULTILINE)
    assert "`" in evidence


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_and_command_that_a_document_names_exists(document: str) -> None:
    text = DOCUMENTS[document].partition("\n## [0.1.0]")[0]  # a past version names past places
    for path in re.findall(rf"(?<![\w/.<-])(?:{ROOMS})/[\w./-]*\w", text):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\bmake ([a-z][a-z_-]+)\b", " ".join(code_of(text))):
        assert re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", MAKEFILE, re.MULTILINE), target
    for module in re.findall(r"python -m ([\w.]+)", text):
        apart = any((folder / module).is_dir() for folder in (ROOT / "integrations").iterdir())
        assert apart or importlib.util.find_spec(module), module


def test_the_guide_for_developers_is_one_screen() -> None:
    assert len(DOCUMENTS["CONTRIBUTING.md"].splitlines()) <= 60


@pytest.mark.parametrize("room", ["features", "ledger", "training", "serving"])
def test_the_guide_shows_the_order_that_the_import_contracts_hold(room: str) -> None:
    (cell,) = re.findall(
        rf"^\| `{room}/` \|[^|]*\| (.*) \|$", DOCUMENTS["CONTRIBUTING.md"], re.MULTILINE
    )
    shown = [set(re.findall(r"`(\w+)`", layer)) for layer in cell.partition(";")[0].split(">")]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract.get("containers") == [room]
    )
    assert shown == [set(layer.split(" | ")) for layer in layers]
