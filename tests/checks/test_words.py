"""The check of names and docstrings catches a planted breach of each rule and spares the rest."""

from pathlib import Path

import pytest

from checks import words
from checks.words import Finding, findings, main


@pytest.fixture
def found_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rule and name of each finding in files of these contents."""
    monkeypatch.setattr(words, "ROOT", tmp_path)

    def found(*sources: str) -> list[tuple[str, str]]:
        paths = [tmp_path / f"module_{number}.py" for number in range(len(sources))]
        for path, source in zip(paths, sources, strict=True):
            path.write_text(source, encoding="utf-8")
        return [(finding.rule, finding.name) for finding in findings(paths)]

    return found


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("found = 1", "found"),
        ("def score(mine): return mine", "mine"),
        ("for one in range(3):\n    print(one)", "one"),
        ("with open('a') as thing:\n    pass", "thing"),
        ("for row, (one, rate) in rows:\n    print(row)", "one"),
        ("if (found := 1):\n    pass", "found"),
        ("try:\n    pass\nexcept ValueError as one:\n    pass", "one"),
        ("match rows:\n    case one:\n        pass", "one"),
        ("match rows:\n    case [int() as one, *_]:\n        pass", "one"),
        ("match rows:\n    case [_, *others]:\n        pass", "others"),
        ("match rows:\n    case {'a': 1, **rest}:\n        pass", "rest"),
        ("match rows:\n    case Row(rate=one):\n        pass", "one"),
        ("import numpy as thing", "thing"),
        ("from numpy import array as found", "found"),
        ("def score(*others, **rest): return others", "rest"),
        ("found: int = 1", "found"),
        ("found += 1", "found"),
        ("squares = [\n    one * one\n    for one in range(3)\n]", "one"),
    ],
)
def test_a_name_that_says_nothing_is_found(found_in, source: str, name: str) -> None:
    assert ("name", name) in found_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "squares = [one * one for one in range(3)]",
        "key = lambda one: -one",
        "found_rows = 1",
        "self.found = 1",
        "print(found)",
        "import found",
        "from rows import found",
        "match rows:\n    case _:\n        pass",
    ],
)
def test_short_lived_names_and_mere_uses_are_spared(found_in, source: str) -> None:
    assert found_in(source) == []


@pytest.mark.parametrize("name", ["carried", "kept", "told"])
def test_a_public_function_that_is_a_bare_participle_is_found(found_in, name: str) -> None:
    assert found_in(f"def {name}(): ...") == [("participle", name)]
    assert found_in(f"class Row:\n    def {name}(self): ...") == [("participle", name)]


@pytest.mark.parametrize(
    "source",
    [
        "def carried_over(): ...",
        "def _carried(): ...",
        "def fit(): ...",
        "def seed(): ...",
        "class Row:\n    @property\n    def measured(self): ...",
        "def outer():\n    def carried(): ...",
    ],
)
def test_verbs_nouns_properties_and_private_functions_are_spared(found_in, source: str) -> None:
    assert found_in(source) == []


def test_one_class_name_for_two_meanings_is_found_in_both(found_in) -> None:
    assert found_in("class Group: ...", "class Group: ...") == [("class", "Group")] * 2


def test_private_classes_and_one_home_are_spared(found_in) -> None:
    assert found_in("class _Group: ...", "class _Group: ...", "class Other: ...") == []


DOCUMENTED = '''
def total(rows, leads):
    """Sum.

    Parameters
    ----------
    rows : int
    leads : int
        How many leads there are.

    Returns
    -------
    int
    """
'''


def test_a_parameter_without_a_sentence_is_found(found_in) -> None:
    assert found_in(DOCUMENTED) == [("parameter", "rows")]


def test_a_docstring_without_the_section_is_spared(found_in) -> None:
    assert found_in('def total(rows):\n    """Sum of rows."""') == []


def test_an_exception_holds_for_its_file_and_name_alone(
    found_in, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "ALLOWED", {"module_0.py:late": "a key of the card"})
    assert found_in("late = 1", "late = 2") == [("name", "late")]


@pytest.mark.long
def test_each_exception_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = set(words.ALLOWED)
    monkeypatch.setattr(words, "ALLOWED", {})
    assert {f"{finding.path}:{finding.name}" for finding in findings()} >= allowed


def test_the_command_prints_the_place_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(words, "ROOT", tmp_path)
    (tmp_path / "rows.py").write_text("\nfound = 1\n")
    (tmp_path / "good.py").write_text("rate = 1\n")
    assert main([str(tmp_path / "good.py")]) == 0
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("rows.py:2: 'found' says nothing")


def test_findings_are_in_the_order_of_the_files() -> None:
    assert Finding("a.py", 9, "name", "x") < Finding("b.py", 1, "name", "x")
