"""What is called kept is kept, whatever dies; and nothing that befalls the ledger stops scoring."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from ledger.store import open_ledger
from tests.support.postgres import PostgresqlServer, postgresql_server
from tests.support.served import Served, served
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(600)]

CLIENTS = 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "ledger.db"


def settings(location: object, *, strict: bool = False) -> dict[str, str]:
    return {
        "LEAD_TEMPERATURE_RELOAD_SECONDS": "0",
        "LEAD_TEMPERATURE_LEDGER": str(location),
        "LEAD_TEMPERATURE_LEDGER_STRICT": str(strict).lower(),
    }


def score(server: Served, lead_id: str) -> httpx2.Response:
    lead = {"lead_id": lead_id, "created_at": "1970-01-01T00:00:00Z"}
    return httpx2.post(f"{server.url}/v1/score?reasons=0", json=lead, timeout=60)


def state(server: Served, lead_id: str) -> str:
    answer = score(server, lead_id)
    assert answer.status_code == 200, answer.text
    told: str = answer.json()["ledger"]
    return told


def health(server: Served) -> str:
    told: str = httpx2.get(f"{server.url}/healthz", timeout=60).json()["ledger"]
    return told


def leads_in(location: object) -> list[str]:
    ledger = open_ledger(str(location))
    leads: list[str] = ledger.read().lead.tolist()
    ledger.close()
    return leads


class Crowd:
    """Clients that ask all servers for new leads until they are stopped."""

    def __init__(self, servers: Sequence[Served]) -> None:
        self.kept: list[str] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(servers[number % len(servers)], number))
            for number in range(CLIENTS)
        ]

    def _ask(self, server: Served, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            lead_id, count = f"{number}-{count}", count + 1
            try:
                answer: Any = score(server, lead_id).json()
            except httpx2.HTTPError:  # the worker that answered was killed
                continue
            if answer.get("ledger") == "kept":
                self.kept.append(lead_id)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_kill_9_loses_no_answer_that_was_called_kept(bundle_folder: Path, file: Path) -> None:
    with (
        served(bundle_folder, 2, settings(file, strict=True)) as server,
        Crowd([server]) as crowd,
    ):
        for _ in range(3):
            count, workers = len(crowd.kept), server.children()
            assert until(lambda: len(crowd.kept) >= count + 20)  # noqa: B023 - used at once
            os.kill(min(workers), signal.SIGKILL)
            assert until(lambda: min(workers) not in server.children())  # noqa: B023
        for process in (*server.children(), server.process.pid):
            os.kill(process, signal.SIGKILL)
    assert len(crowd.kept) >= 60
    assert set(crowd.kept) <= set(leads_in(file))
    check = sqlite3.connect(file)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


def test_a_server_that_is_told_to_end_keeps_what_waits(bundle_folder: Path, file: Path) -> None:
    names = [str(number) for number in range(50)]
    with served(bundle_folder, 2, settings(file)) as server:
        states = {state(server, name) for name in names}
        server.process.send_signal(signal.SIGTERM)
        assert server.ended(60).code == 0
    assert states == {"queued"}
    assert sorted(leads_in(file)) == sorted(names)


def test_two_servers_share_a_ledger(bundle_folder: Path, file: Path) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(served(bundle_folder, 2, settings(file, strict=True)))
            for _ in range(2)
        ]
        with Crowd(servers) as crowd:
            assert until(lambda: len(crowd.kept) >= 100)
    leads = leads_in(file)
    assert set(crowd.kept) <= set(leads)
    assert len(leads) == len(set(leads))


def test_a_locked_ledger_stops_no_score(bundle_folder: Path, file: Path) -> None:
    with served(bundle_folder, 1, settings(file)) as server:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert state(server, "1") == "queued"
        assert until(lambda: health(server) == "failing")
        assert state(server, "2") == "queued"
        other.execute("COMMIT")
        other.close()
        assert until(lambda: health(server) == "keeping")
        assert until(lambda: sorted(leads_in(file)) == ["1", "2"])
        assert any("database is locked" in line["message"] for line in server.log)


def test_a_full_disk_stops_no_score(bundle_folder: Path, file: Path, tmp_path: Path) -> None:
    """No file can be written beyond some bytes until a file of that name is gone."""
    full = tmp_path / "full"
    full.touch()
    fills = f"""
import os, resource, threading, time

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

def empty():
    while os.path.exists({str(full)!r}):
        time.sleep(0.05)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

threading.Thread(target=empty, daemon=True).start()
"""
    names = []
    with served(bundle_folder, 1, settings(file), fills) as server:
        while health(server) == "keeping":
            names.append(str(len(names)))
            assert state(server, names[-1]) == "queued"
        assert state(server, "one more") == "queued"
        full.unlink()
        assert until(lambda: health(server) == "keeping")
        assert until(lambda: sorted(leads_in(file)) == sorted([*names, "one more"]))


def test_a_ledger_that_is_removed_is_made_anew(bundle_folder: Path, file: Path) -> None:
    with served(bundle_folder, 1, settings(file, strict=True)) as server:
        assert state(server, "1") == "kept"
        for part in file.parent.iterdir():
            part.unlink()
        assert until(lambda: score(server, "2").json().get("ledger") == "kept")
        assert leads_in(file) == ["2"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


def test_postgresql_may_restart(
    bundle_folder: Path, postgres: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url
    location = f"postgresql://ana:$LEDGER_PASSWORD@{url.host}:{url.port}/{url.database}"
    environment = settings(location) | {"LEDGER_PASSWORD": str(url.password)}
    with served(bundle_folder, 2, environment) as server:
        names = [str(number) for number in range(20)]
        assert {state(server, name) for name in names[:10]} == {"queued"}
        postgres.stop()
        assert {state(server, name) for name in names[10:]} == {"queued"}
        postgres.start()
        assert until(lambda: health(server) == "keeping")
        assert not any(str(url.password) in line["message"] for line in server.log)
        server.process.send_signal(signal.SIGTERM)
        assert server.ended(60).code == 0
    monkeypatch.setenv("LEDGER_PASSWORD", str(url.password))
    assert sorted(leads_in(location)) == sorted(names)
