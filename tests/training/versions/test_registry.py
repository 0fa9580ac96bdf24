"""Versions, the champion and the way back.

A process that is killed, finds the disk full or meets another one leaves a whole champion that can
be pulled; a promotion that was cut off has not happened.
"""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from mlflow import MlflowClient

from models.bundle import load_bundle, save_bundle
from tests.support.cards import judged_bundle
from tests.support.processes import REFUSED, on_a_full_disk, process
from tests.support.stores import registry_of_three
from training.versions import mlflow_store
from training.versions.mlflow_store import Registry
from training.versions.registry import promote, pull, record, require_reachable, rollback, versions

pytestmark = pytest.mark.mlflow


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return registry_of_three(tmp_path_factory.mktemp("registry"))


def champion(registry: Registry) -> list[int]:
    return [version.number for version in versions(registry) if version.champion]


@contextmanager
def killed_before_the_alias_moves(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", killed)
        yield


def test_champions_come_and_go_back(filled: Registry, tmp_path: Path) -> None:
    assert champion(filled) == []
    for number in (1, 3, 2):
        promote(filled, number)
        assert champion(filled) == [number]
    assert rollback(filled).number == 3
    assert champion(filled) == [3]
    assert rollback(filled).number == 1
    with pytest.raises(ValueError, match="no earlier champion"):
        rollback(filled)
    assert champion(filled) == [1]
    promote(filled, 2)
    promote(filled, 2)
    assert rollback(filled).number == 1


def test_a_promotion_killed_before_the_alias_moved_is_none(
    filled: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(filled, 1)
    promote(filled, 2)
    with killed_before_the_alias_moves(monkeypatch), pytest.raises(KeyboardInterrupt):
        promote(filled, 3)
    assert champion(filled) == [2]
    assert rollback(filled).number == 1


def test_versions_that_were_champion_twice_are_gone_back_through_once(
    filled: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(filled.folder, "twice")
    for seed in (1, 2):
        save_bundle(judged_bundle(seed=seed), tmp_path / f"bundle {seed}")
        record(registry, tmp_path / f"bundle {seed}")
    for number in (1, 2, 1, 2):
        promote(registry, number)
    found = []
    for _ in range(3):
        with killed_before_the_alias_moves(monkeypatch), pytest.raises(KeyboardInterrupt):
            rollback(registry)
        with killed_before_the_alias_moves(monkeypatch), pytest.raises(KeyboardInterrupt):
            promote(registry, 3 - champion(registry)[0])
        found.append(rollback(registry).number)
    assert found == [1, 2, 1]
    with pytest.raises(ValueError, match=r"champions so far: \[1\]"):
        rollback(registry)


def test_a_damaged_store_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"junk" * 5000)
    with pytest.raises(ValueError, match=r"mlflow\.db cannot be used: file is not a database"):
        versions(Registry(tmp_path, "lead-temperature"))


def test_a_version_is_pulled_by_number_or_alias(filled: Registry, tmp_path: Path) -> None:
    promote(filled, 2)
    assert pull(filled, "3", tmp_path / "third").number == 3
    assert pull(filled, "champion", tmp_path / "best").number == 2
    known = {version.number: version.bundle for version in versions(filled)}
    assert load_bundle(tmp_path / "third").version == known[3]
    assert load_bundle(tmp_path / "best").version == known[2]
    assert pull(filled, "champion", tmp_path / "third").number == 2
    assert load_bundle(tmp_path / "third").version == known[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "third"]


def test_pull_never_replaces_what_is_no_bundle(filled: Registry, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a bundle"):
        pull(filled, "1", tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_an_unknown_version_is_named(filled: Registry, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no version 99; it has \[1, 2, 3\]"):
        promote(filled, 99)
    with pytest.raises(ValueError, match="no version or alias 'best'"):
        pull(filled, "best", tmp_path / "bundle")
    with pytest.raises(ValueError, match=r"has versions none .*train` registers the first"):
        pull(Registry(tmp_path / "empty", "lead-temperature"), "champion", tmp_path / "bundle")


def test_a_server_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as bound:  # bound, and never listening: whoever connects is refused
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        registry = Registry(tmp_path, "lead-temperature", f"http://ana:secret@{host}")
        with pytest.raises(ValueError, match=f"MLflow server at {host} cannot") as told:
            require_reachable(registry)
    assert "MLFLOW_TRACKING_URI" in str(told.value)
    assert "secret" not in str(told.value)
    require_reachable(Registry(tmp_path / "none", "lead-temperature"))
    assert not (tmp_path / "none").exists()


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50%25 of? #1 é"
    registry = Registry(folder / "artifacts", "lead-temperature")
    save_bundle(judged_bundle(seed=1), folder / "bundle")
    assert record(registry, folder / "bundle").number == 1
    promote(registry, 1)
    pull(registry, "champion", folder / "pulled")
    assert load_bundle(folder / "pulled").version == load_bundle(folder / "bundle").version
    # MLflow itself leaves an empty folder whose name is that of the address.
    assert all(path.is_relative_to(folder) for path in tmp_path.rglob("*") if path.is_file())


@pytest.fixture
def second(filled: Registry) -> Registry:
    """The registry with version 2 as champion, and version 1 before it."""
    promote(filled, 1)
    promote(filled, 2)
    return filled


def present_champion(registry: Registry) -> int:
    return next(version.number for version in versions(registry) if version.champion)


def require_whole(registry: Registry, folder: Path) -> None:
    """The champion and the newest version can be pulled and are what they are registered as."""
    for version in (pull(registry, "champion", folder), versions(registry)[-1]):
        pull(registry, str(version.number), folder)
        assert load_bundle(folder).version == version.bundle


def test_a_change_waits_for_another_writer_of_the_store(second: Registry) -> None:
    with closing(sqlite3.connect(second.folder / "mlflow.db", check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        timer = threading.Timer(1.0, other.rollback)
        timer.start()
        promote(second, 3)
        timer.join()
        assert time.monotonic() - began > 1.0
    assert present_champion(second) == 3


def test_a_change_that_never_gets_its_turn_says_who_is_in_the_way(
    second: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "LONGEST_WAIT", 0.1)
    lock = sqlite3.connect(second.folder / "registry.lock", isolation_level=None)
    with closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ValueError, match="Another process has been changing the registry"):
            promote(second, 3)
        assert present_champion(second) == 2
    promote(second, 3)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["record", "promote", "rollback"])
def test_a_kill_at_any_moment_leaves_a_whole_champion(
    second: Registry, tmp_path: Path, verb: str
) -> None:
    save_bundle(judged_bundle(seed=4), tmp_path / "fourth")
    steps: dict[str, tuple[Callable[..., object], tuple[object, ...], int]] = {
        "record": (record, (second, tmp_path / "fourth"), 2),
        "promote": (promote, (second, 3), 3),
        "rollback": (rollback, (second,), 1),
    }
    function, arguments, after = steps[verb]
    lasted = duration(function, *arguments)
    assert present_champion(second) == after
    killed = 0
    for moment in range(10):
        promote(second, 1)
        promote(second, 2)
        cut = process(function, *arguments)
        cut.start()
        cut.join(lasted * (moment + 1) / 10)
        cut.kill()
        cut.join()
        killed += cut.exitcode != 0
        now = present_champion(second)
        assert now in (2, after)
        require_whole(second, tmp_path / "pulled")
        if now > 1:
            assert rollback(second).number == now - 1
    assert killed > 3


@pytest.mark.slow
def test_a_kill_while_the_store_is_made_spoils_nothing(tmp_path: Path) -> None:
    lasted = duration(versions, Registry(tmp_path / "whole", "lead-temperature"))
    for moment in range(5):
        registry = Registry(tmp_path / f"store {moment}", "lead-temperature")
        cut = process(versions, registry)
        cut.start()
        cut.join(lasted * (moment + 1) / 6)
        cut.kill()
        cut.join()
        assert versions(registry) == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["record", "promote"])
@pytest.mark.parametrize("size", [0, 600, 5_000, 40_000])
def test_a_full_disk_leaves_a_whole_champion(
    second: Registry, tmp_path: Path, verb: str, size: int
) -> None:
    save_bundle(judged_bundle(seed=5), tmp_path / "fifth")
    before = versions(second)
    call = (record, second, tmp_path / "fifth") if verb == "record" else (promote, second, 3)
    full = process(on_a_full_disk, size, *call)
    full.start()
    full.join()
    assert full.exitcode == REFUSED
    assert versions(second) == before
    require_whole(second, tmp_path / "pulled")
    assert rollback(second).number == 1


@pytest.mark.slow
def test_trainings_at_once_in_a_new_registry_are_all_registered(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "store", "lead-temperature")
    bundles = {
        save_bundle(judged_bundle(seed=seed), tmp_path / f"bundle {seed}").version
        for seed in (1, 2, 3)
    }
    run_together([process(record, registry, tmp_path / f"bundle {seed}") for seed in (1, 2, 3)])
    assert {version.bundle for version in versions(registry)} == bundles
    run_together([process(promote, registry, number) for number in (1, 2, 3)])
    require_whole(registry, tmp_path / "pulled")
    champions = [present_champion(registry), rollback(registry).number, rollback(registry).number]
    assert sorted(champions) == [1, 2, 3]


def duration(function: Callable[..., object], *arguments: object) -> float:
    """Seconds that a process needs for it, when the server that forks has its imports."""
    run_together([process(len, ())])
    began = time.monotonic()
    run_together([process(function, *arguments)])
    return time.monotonic() - began


def run_together(processes: list[ForkServerProcess]) -> None:
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert [one.exitcode for one in processes] == [0] * len(processes)
