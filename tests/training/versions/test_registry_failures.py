"""Killed, out of disk, or two at once: the champion stays whole and can be pulled."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from models.bundle import load_bundle, save_bundle
from tests.support.cards import judged_bundle
from tests.support.processes import REFUSED, on_a_full_disk, process
from tests.support.stores import registry_of_three
from training.versions import mlflow_store
from training.versions.mlflow_store import Registry
from training.versions.registry import promote, pull, record, rollback, versions

pytestmark = pytest.mark.mlflow


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return registry_of_three(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def second(filled: Registry) -> Registry:
    """The registry with version 2 as champion, and version 1 before it."""
    promote(filled, 1)
    promote(filled, 2)
    return filled


def champion(registry: Registry) -> int:
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
    assert champion(second) == 3


def test_a_change_that_never_gets_its_turn_says_who_is_in_the_way(
    second: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_store, "LONGEST_WAIT", 0.1)
    lock = sqlite3.connect(second.folder / "registry.lock", isolation_level=None)
    with closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ValueError, match="Another process has been changing the registry"):
            promote(second, 3)
        assert champion(second) == 2
    promote(second, 3)


def test_two_trainings_that_write_one_folder_leave_it_whole(tmp_path: Path) -> None:
    bundles = [judged_bundle(seed=seed, rows=60) for seed in (1, 2)]
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(15):
                save_bundle(bundles[number], tmp_path / "bundle")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    load_bundle(tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


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
    assert champion(second) == after
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
        now = champion(second)
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
    champions = [champion(registry), rollback(registry).number, rollback(registry).number]
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
