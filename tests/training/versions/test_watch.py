"""An alias is followed: what it comes to mean is fetched, and a fault leaves the folder alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from models.bundle import load_bundle
from tests.support.stores import registry_of_three
from training.versions.mlflow_store import Registry
from training.versions.registry import Version, promote
from training.versions.watch import follow_alias

pytestmark = pytest.mark.mlflow


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    found = registry_of_three(tmp_path / "registry")
    promote(found, 1)
    return found


def steps(looks: Iterator[object]) -> list[object]:
    """What is told until somebody has had enough."""
    found: list[object] = []
    with suppress(KeyboardInterrupt):
        found.extend(looks)
    return found


def test_what_the_alias_comes_to_mean_is_fetched_and_nothing_else_is(
    registry: Registry, tmp_path: Path
) -> None:
    folder, looks = tmp_path / "served", iter(range(4))
    inodes = []

    def wait() -> None:
        look = next(looks)
        inodes.append(folder.stat().st_ino)
        if look == 1:
            promote(registry, 2)
        if look == 3:
            raise KeyboardInterrupt

    found = steps(follow_alias(registry, "champion", folder, wait))
    assert [one.number for one in found if isinstance(one, Version)] == [1, 2]
    assert load_bundle(folder).version == found[-1].bundle
    assert inodes[0] == inodes[1] != inodes[2] == inodes[3]


def test_a_fault_is_told_once_and_leaves_the_folder_as_it_is(
    registry: Registry, tmp_path: Path
) -> None:
    folder, looks = tmp_path / "served", iter(range(4))
    away = registry.folder.with_name("away")

    def wait() -> None:
        look = next(looks)
        if look == 0:
            registry.folder.rename(away)
            registry.folder.write_text("no registry", encoding="utf-8")
        if look == 2:
            registry.folder.unlink()
            away.rename(registry.folder)
            promote(registry, 2)
        if look == 3:
            raise KeyboardInterrupt

    first, fault, second = steps(follow_alias(registry, "champion", folder, wait))
    assert isinstance(first, Version)
    assert isinstance(fault, ValueError | OSError)
    assert isinstance(second, Version)
    assert second.number == 2
    assert load_bundle(folder).version == second.bundle


def test_an_alias_that_there_is_not_is_refused_at_once(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no version or alias 'rival'"):
        next(follow_alias(registry, "rival", tmp_path / "served", lambda: None))


@pytest.mark.slow
def test_the_command_follows_until_it_is_told_to_end(registry: Registry, tmp_path: Path) -> None:
    config = tmp_path / "lead_temperature.toml"
    config.write_text(
        f'[leads]\nsource = "leads.csv"\n[registry]\nfolder = "{registry.folder}"\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "lead_temperature", "pull", "champion", "--watch", "0.2"]
    options = ["-o", str(tmp_path / "served"), "--config", str(config)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Version 1 " in process.stdout.readline()
        promote(registry, 2)
        assert "Version 2 " in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    leftovers = [one for one in tmp_path.iterdir() if one.name.startswith("tmp")]
    assert leftovers == []
