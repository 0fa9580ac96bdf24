"""The fast ring's guard sees a process and MLflow's store wherever they are opened."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.rings import Effect, UnmarkedError, forbidden

ROOT = Path(__file__).resolve().parents[2]


def start_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_a_process_is_refused_with_the_marker_to_set() -> None:
    with forbidden([Effect.PROCESS]), pytest.raises(UnmarkedError, match=r"pytest\.mark\.process"):
        start_process()


@pytest.mark.process
def test_a_process_is_allowed_where_it_is_marked() -> None:
    start_process()


def test_the_store_is_refused_and_other_databases_are_not(tmp_path: Path) -> None:
    with forbidden([Effect.MLFLOW]):
        sqlite3.connect(tmp_path / "other.db").close()
        with pytest.raises(UnmarkedError, match=r"pytest\.mark\.mlflow"):
            sqlite3.connect(tmp_path / "mlflow.db")


@pytest.mark.mlflow
def test_the_store_is_allowed_where_it_is_marked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")):
        pass


def test_a_block_within_a_block_gives_its_rules_back() -> None:
    with forbidden([Effect.PROCESS]):
        with forbidden([]):
            pass
        with pytest.raises(UnmarkedError):
            start_process()
