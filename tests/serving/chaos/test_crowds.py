"""Crowds of slow, idle and greedy clients leave the others their answers."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.support.served import Served, served
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(600)]

LEAD = json.dumps({"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}).encode()
HEAD = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BY_HAND = {"LEAD_TEMPERATURE_RELOAD_SECONDS": "0", "LEAD_TEMPERATURE_LOG_LEVEL": "warning"}
LIMIT = 120


@pytest.fixture(scope="module")
def server(bundle_folder: Path) -> Iterator[Served]:
    environment = {**BY_HAND, "LEAD_TEMPERATURE_MAX_CONNECTIONS": str(LIMIT)}
    with served(bundle_folder, 1, environment) as server:
        yield server
        assert score(server) == 200
        assert len(server.children()) == 1


def score(server: Served) -> int:
    headers = {"content-type": "application/json"}
    url = f"{server.url}/v1/score"
    return httpx2.post(url, content=LEAD, headers=headers, timeout=60).status_code


def connected(server: Served) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=60)


def test_slow_bodies_take_nobodys_place(server: Served) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(server)) for _ in range(100)]
        for connection in slow:  # more than may be at work
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(LEAD) + LEAD[:5])
        assert [score(server) for _ in range(20)] == [200] * 20
        for connection in slow[:40]:  # and who is done is answered
            connection.sendall(LEAD[5:])
        for connection in slow[:40]:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")


def test_idle_connections_make_room(server: Served) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(server)) for _ in range(3 * LIMIT)]
        assert [score(server) for _ in range(20)] == [200] * 20
        gone = 0
        for connection in idle[:10]:  # those that have been idle for longest
            connection.settimeout(30)
            gone += connection.recv(1) == b""
        assert gone == 10


def test_without_an_idle_connection_another_one_is_told_so(server: Served) -> None:
    with ExitStack() as stack:
        busy = [stack.enter_context(connected(server)) for _ in range(LIMIT)]
        for connection in busy:
            connection.sendall(HEAD + b"Content-Length: 9\r\n\r\n{")
        assert until(lambda: b" 503 " in refused(server))
    assert until(lambda: score(server) == 200)


def refused(server: Served) -> bytes:
    with connected(server) as connection:
        return connection.recv(65_536)


def test_a_process_that_may_open_few_files_takes_fewer_connections(bundle_folder: Path) -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))"
    with served(bundle_folder, 1, BY_HAND, few) as server, ExitStack() as stack:
        workers = server.children()
        for _ in range(600):
            stack.enter_context(connected(server))
        assert [score(server) for _ in range(20)] == [200] * 20
        assert server.children() == workers


def test_one_key_cannot_take_all_places(bundle_folder: Path, tmp_path: Path) -> None:
    keys = ",".join(
        f"{name}:score:{hashlib.sha256(name.encode()).hexdigest()}" for name in ("greedy", "modest")
    )
    environment = {
        **BY_HAND,
        "LEAD_TEMPERATURE_API_KEYS": keys,
        "LEAD_TEMPERATURE_MAX_REQUESTS": "3",
        "LEAD_TEMPERATURE_MAX_KEY_REQUESTS": "2",
    }
    held = tmp_path / "held"
    held.touch()
    held_scores = f"""
import pathlib, time, serving.http.batches as batches

def score(*given):
    while pathlib.Path({str(held)!r}).exists():
        time.sleep(0.01)
    return score_leads(*given)

score_leads, batches.score_leads = batches.score_leads, score
"""
    with served(bundle_folder, 1, environment, held_scores) as server:
        statuses: list[int] = []

        def asked(key: str, path: str, body: bytes) -> int:
            headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
            url = f"{server.url}{path}"
            return httpx2.post(url, content=body, headers=headers, timeout=60).status_code

        def batch() -> None:
            statuses.append(asked("greedy", "/v1/score/batch", b'{"leads": [' + LEAD + b"]}"))

        greedy = [threading.Thread(target=batch) for _ in range(6)]
        for thread in greedy:
            thread.start()
        assert until(lambda: len(statuses) == 4)  # while the others are held at work
        assert asked("modest", "/v1/score", LEAD) == 200
        held.unlink()
        for thread in greedy:
            thread.join()
        assert statuses.count(200) == 2
        assert statuses.count(503) == 4
