"""systemd hears what is said, and nobody waits for it."""

import socket
from pathlib import Path

import pytest

from serving.process.notify import ALIVE, READY, notify, reloading


@pytest.mark.parametrize("name", ["{folder}/notify", "@lead-temperature-test-{id}"])
def test_a_message_reaches_the_manager(tmp_path: Path, name: str) -> None:
    address = name.format(folder=tmp_path, id=id(tmp_path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        notify({"NOTIFY_SOCKET": address}, READY)
        assert manager.recv(100) == b"READY=1"
        notify({"NOTIFY_SOCKET": address}, reloading())
        lines = manager.recv(100).decode().split("\n")
        assert lines[0] == "RELOADING=1"
        assert int(lines[1].removeprefix("MONOTONIC_USEC=")) > 0


def test_without_a_manager_nothing_is_sent(tmp_path: Path) -> None:
    notify({}, READY)
    notify({"NOTIFY_SOCKET": str(tmp_path / "absent")}, READY)


def test_a_manager_that_does_not_listen_is_not_waited_for(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        for _ in range(10_000):  # far more than the queue takes
            notify({"NOTIFY_SOCKET": address}, ALIVE)
        assert manager.recv(100) == b"WATCHDOG=1"
