"""What is planted, where its tests are, and how a survivor is listed."""

from pathlib import Path

import pytest

from checks import mutants
from checks.mutants import (
    Survivor,
    exit_codes,
    line_of,
    mirrored_test,
    modules_of,
    report,
    sample,
)

DIFF = """--- models/a.py
+++ models/a.py
@@ -1,2 +1,2 @@
 def f(x):
-    return x < 1
+    return x <= 1"""


def test_a_room_is_its_modules_and_a_file_is_itself() -> None:
    room = modules_of(mutants.ROOT / "training" / "calibration")
    assert Path("training/calibration/curves.py") in room
    assert all(path.name != "__init__.py" for path in room)
    assert modules_of(mutants.ROOT / "models" / "evidence.py") == [Path("models/evidence.py")]
    assert modules_of(mutants.ROOT / "models" / "nothing.py") == []


def test_tests_are_the_mirrored_file_or_the_one_that_the_docstring_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    for name in ("models/a.py", "models/b.py", "models/c.py", "tests/models/test_a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('"""Rows.\n\nTests: tests/models/test_a.py.\n"""\n')
    (tmp_path / "models/c.py").write_text('"""Rows."""\n')
    assert mirrored_test(Path("models/a.py")) == Path("tests/models/test_a.py")
    assert mirrored_test(Path("models/b.py")) == Path("tests/models/test_a.py")
    assert mirrored_test(Path("models/c.py")) is None


def test_a_sample_is_the_same_for_a_seed_and_never_too_large() -> None:
    names = [f"mutant {number}" for number in range(50)]
    assert sample(names, 5, 1) == sample(names[::-1], 5, 1)
    assert sample(names, 5, 1) != sample(names, 5, 2)
    assert sample(names, 80, 1) == sorted(names)


def test_the_line_is_told_where_it_is_certain() -> None:
    assert line_of(DIFF, "def f(x):\n    return x < 1\n") == 2
    assert line_of(DIFF, "    return x < 1\n    return x < 1\n") is None
    assert line_of(DIFF, "def g(x): ...\n") is None


def test_survivors_are_listed_with_their_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "OUTPUT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.py").write_text("def f(x):\n    return x < 1\n")
    left = Survivor("models.a.x_f__mutmut_1", "models/a.py", "survived", DIFF)
    tried = {left.name: 0, "models.a.x_f__mutmut_2": 1, "models.a.x_f__mutmut_3": 1}
    assert report("models/a.py", ["tests/models/test_a.py"], tried, [left]) == pytest.approx(2 / 3)
    written = (tmp_path / "models_a.md").read_text()
    assert "2 of 3 noticed (67%)" in written
    assert "## models/a.py:2 (survived)" in written
    assert "+    return x <= 1" in written
    assert "2 of 3 noticed" in capsys.readouterr().out


def test_exit_codes_are_those_that_mutmut_keeps(tmp_path: Path) -> None:
    kept = tmp_path / "mutants" / "models" / "a.py.meta"
    kept.parent.mkdir(parents=True)
    kept.write_text('{"exit_code_by_key": {"a": 0, "b": 1, "c": null}}')
    assert exit_codes(tmp_path) == {"a": 0, "b": 1, "c": None}
