"""The fast ring's guard sees a process, MLflow's store and a training wherever they begin."""

import importlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.rings import TRAININGS, Effect, UnmarkedError, forbidden, watch_trainings

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


@pytest.mark.parametrize(("module", "name"), TRAININGS.items())
def test_a_training_is_refused_with_the_marker_to_set(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_trainings(monkeypatch.setattr)
    train = getattr(importlib.import_module(module), name)
    with (
        forbidden([Effect.TRAINING]),
        pytest.raises(UnmarkedError, match=rf"{name}.*pytest\.mark\.training"),
    ):
        train()
    with forbidden([Effect.PROCESS]), pytest.raises(TypeError, match="required positional"):
        train()


def test_the_fast_ring_watches_trainings(request: pytest.FixtureRequest) -> None:
    if Effect.TRAINING in request.config.option.markexpr:
        from training.pipeline import trained_bundle

        with pytest.raises(UnmarkedError):
            trained_bundle()


def test_a_block_within_a_block_gives_its_rules_back() -> None:
    with forbidden([Effect.PROCESS]):
        with forbidden([]):
            pass
        with pytest.raises(UnmarkedError):
            start_process()
