"""What is kept is whole, is of the present code, and is made once."""

import sqlite3
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.support.cached import KEPT, cached, code_hash, copy_kept

TEMPLATE = "training/report/page.html.j2"


def make_word(folder: Path) -> None:
    (folder / "word.txt").write_text("whole")


def make_and_count(folder: Path) -> None:
    """Leave a mark beside what is kept for each time that it is made."""
    (folder / "half.txt").write_text("half")
    marks = folder.parent / "marks"
    marks.mkdir(exist_ok=True)
    (marks / folder.name).touch()


def make_half(folder: Path) -> None:
    (folder / "half.txt").write_text("half")
    raise KeyboardInterrupt


def make_store(folder: Path) -> None:
    """A store as MLflow makes it: addresses are absolute, as URIs or as paths."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (number INTEGER, artifact_uri VARCHAR(200), name TEXT)")
        rows = [(1, f"{folder.as_uri()}/runs/1", "ana"), (2, f"{folder}/runs/2", None)]
        store.executemany("INSERT INTO runs VALUES (?, ?, ?)", rows)


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    first = cached("word", make_and_count, tmp_path, "code")
    assert cached("word", make_and_count, tmp_path, "code") == first
    assert len(list((tmp_path / "marks").iterdir())) == 1


def test_other_code_or_another_recipe_makes_it_anew(tmp_path: Path) -> None:
    folders = {
        cached("word", make_word, tmp_path, "code"),
        cached("word", make_word, tmp_path, "other code"),
        cached("word", make_and_count, tmp_path, "code"),
    }
    assert len(folders) == 3


def test_what_was_cut_off_is_never_taken(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cached("word", make_half, tmp_path, "code")
    assert [path.name for path in tmp_path.iterdir()] == ["word.lock"]
    killed = tmp_path / "part-word-killed"
    killed.mkdir()
    made = cached("word", make_word, tmp_path, "code")
    assert (made / "word.txt").read_text() == "whole"
    assert made != killed


@pytest.mark.process
def test_processes_that_ask_at_once_have_it_made_once(tmp_path: Path) -> None:
    context = get_context("spawn")
    asking = [
        context.Process(target=cached, args=("word", make_and_count, tmp_path, "code"))
        for _ in range(3)
    ]
    for process in asking:
        process.start()
    for process in asking:
        process.join()
    assert [process.exitcode for process in asking] == [0, 0, 0]
    assert len(list((tmp_path / "marks").iterdir())) == 1


def test_few_of_one_name_are_kept(tmp_path: Path) -> None:
    newest = [cached("word", make_word, tmp_path, f"code {n}") for n in range(KEPT + 2)][-1]
    left = list(tmp_path.glob("word-*"))
    assert len(left) == KEPT
    assert newest in left


@pytest.mark.parametrize("changed", ["features/spine.py", TEMPLATE, "uv.lock", "tests/conftest.py"])
def test_each_source_counts(tmp_path: Path, changed: str) -> None:
    for name in ("features/spine.py", TEMPLATE, "uv.lock", "tests/conftest.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    before = code_hash.__wrapped__(tmp_path)
    assert code_hash.__wrapped__(tmp_path) == before
    (tmp_path / "README.md").write_text("nothing is made from this")
    assert code_hash.__wrapped__(tmp_path) == before
    (tmp_path / changed).write_text("b")
    assert code_hash.__wrapped__(tmp_path) != before


@pytest.mark.mlflow
def test_a_copied_store_names_the_copy(tmp_path: Path) -> None:
    kept = cached("store", make_store, tmp_path / "kept", "code")
    target = tmp_path / "ä copy"
    copy_kept(kept, target)
    with closing(sqlite3.connect(target / "mlflow.db")) as store:
        rows = store.execute("SELECT artifact_uri, name FROM runs ORDER BY number").fetchall()
    assert rows == [(f"{target.as_uri()}/runs/1", "ana"), (f"{target}/runs/2", None)]
    assert [path.name for path in target.iterdir()] == ["mlflow.db"]
