"""Addresses of SQLite files survive any folder's name."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from training.sqlite import sqlite_url

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1)


@given(NAMES)
def test_sqlalchemy_reads_back_the_same_path(name: str) -> None:
    assert (
        make_url(sqlite_url(Path("/data") / name / "runs.db")).database == f"/data/{name}/runs.db"
    )


def test_the_file_lies_in_the_folder_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "50%25 of? #1 é"
    folder.mkdir()
    engine = create_engine(sqlite_url(folder / "runs.db"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
    engine.dispose()
    with sqlite3.connect(folder / "runs.db") as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
