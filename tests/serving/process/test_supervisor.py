"""Several processes at one address: one may die, all hear of a bundle, and figures stay true."""

import http.client
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from models.bundle import load_bundle, save_bundle
from models.folder import MANIFEST
from serving.process.run import run
from tests.support.bundles import small_bundle
from tests.support.served import Served, served
from tests.support.waiting import until

LEAD = json.dumps({"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"})
JSON = {"content-type": "application/json"}
pytestmark = [
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux' /proc"),
    pytest.mark.process,
]


@pytest.fixture
def folder(tmp_path: Path, bundle_folder: Path) -> Path:
    shutil.copytree(bundle_folder, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    with served(folder, 2, {"LEAD_TEMPERATURE_RELOAD_SECONDS": "0"}) as server:
        yield server


def figure(server: Served, name: str) -> float:
    """Sum of a figure's samples."""
    text = httpx2.get(f"{server.url}/metrics").text
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)
    )


def scores(server: Served) -> float:
    return figure(server, 'lead_temperature_request_seconds_count{route="/v1/score",status="200"}')


def test_whichever_worker_is_asked_tells_the_figures_of_all(server) -> None:
    for _ in range(40):  # each on a connection of its own
        answer = httpx2.post(f"{server.url}/v1/score", content=LEAD, headers=JSON)
        assert answer.status_code == 200
    assert {scores(server) for _ in range(10)} == {40}
    assert figure(server, "lead_temperature_workers ") == 2
    assert figure(server, "lead_temperature_requests_running ") == 0
    assert figure(server, "lead_temperature_bundle_info{") == 1
    assert figure(server, "lead_temperature_bundle_age_seconds ") > 0


def test_a_bundle_serves_though_its_copy_cannot_be_remembered(folder: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    (copies / "last-good").mkdir(parents=True)  # as on a full disk, nothing can take its place
    copies.chmod(0o700)
    settings = {
        "LEAD_TEMPERATURE_COPIES_FOLDER": str(copies),
        "LEAD_TEMPERATURE_RELOAD_SECONDS": "0",
    }
    with served(folder, 1, settings) as server:
        version = save_bundle(small_bundle(seed=8), folder).version
        answer = httpx2.post(f"{server.url}/v1/model/reload", timeout=60)
        assert (answer.status_code, answer.json()["model_version"]) == (200, version)
        scored = httpx2.post(f"{server.url}/v1/score", content=LEAD, headers=JSON).json()
        assert scored["model_version"] == version
        until(lambda: sum("later start" in line["message"] for line in server.log) == 2)


def worker_of(server: Served, client_port: int) -> int:
    """Process that holds the server's end of a connection."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f":{server.port:04X}", f":{client_port:04X}"
    (inode,) = (r[9] for r in rows if r[1].endswith(ends[0]) and r[2].endswith(ends[1]))
    for pid in server.children():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if link.is_symlink() and link.readlink() == Path(f"socket:[{inode}]"):
                return pid
    raise LookupError(client_port)


class Client(threading.Thread):
    """Asks for one score after the other, over one connection as long as it holds."""

    def __init__(self, server: Served) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.answered, self.failed, self.ended = 0, list[str](), False
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
        self.connection.connect()
        self.port = self.connection.sock.getsockname()[1]

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.connection.request("POST", "/v1/score", LEAD, JSON)
                answer = self.connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.answered += 1
                if answer.will_close:
                    break
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failed.append(repr(error))
                self.connection.close()
        self.connection.close()


@pytest.fixture
def clients(server) -> Iterator[list[Client]]:
    """Eight who ask as fast as they can, some of them of each worker."""
    found = [Client(server) for _ in range(8)]
    while len({worker_of_once_accepted(server, one.port) for one in found}) == 1:
        found[-1].connection.close()
        found[-1] = Client(server)
    for one in found:
        one.start()
    assert until(lambda: min(one.answered for one in found) > 10)
    yield found
    for one in found:
        one.over.set()
        one.join(120)


def worker_of_once_accepted(server: Served, client_port: int) -> int:
    found: list[int] = []

    def accepted() -> bool:
        try:
            found.append(worker_of(server, client_port))
        except LookupError:
            return False
        return True

    assert until(accepted)
    return found[0]


@pytest.mark.slow
def test_a_killed_worker_loses_the_requests_in_flight_on_it_and_none_else(server, clients) -> None:
    before = server.children()
    owner = {one: worker_of(server, one.port) for one in clients}
    victim = owner[clients[0]]
    os.kill(victim, signal.SIGKILL)
    assert until(lambda: len(server.children() - before) == 1)
    assert until(lambda: figure(server, "lead_temperature_workers ") == 2)
    then = {one: one.answered for one in clients}
    assert until(lambda: all(one.answered > then[one] + 10 for one in clients))
    for one in clients:
        one.over.set()
        one.join(120)
    assert any(one.failed for one in clients)
    for one in clients:
        assert len(one.failed) <= (owner[one] == victim), one.failed
    # What the killed one had counted is counted on.
    answered = sum(one.answered for one in clients)
    assert answered <= scores(server) <= answered + sum(len(one.failed) for one in clients)
    (told,) = [line for line in server.log if line["level"] == "error"]
    assert "ended by signal 9" in told["message"]


@pytest.mark.slow
def test_a_worker_that_is_killed_before_it_has_read_its_orders_is_replaced(server) -> None:
    first = server.children()
    os.kill(min(first), signal.SIGKILL)
    assert until(lambda: server.children() - first)
    os.kill((server.children() - first).pop(), signal.SIGKILL)
    assert httpx2.get(f"{server.url}/readyz", timeout=120).status_code == 200
    assert until(lambda: figure(server, "lead_temperature_workers ") == 2)
    assert server.process.poll() is None


@pytest.mark.slow
def test_an_operators_word_reaches_every_worker(server, folder: Path) -> None:
    version = save_bundle(small_bundle(seed=8), folder).version
    answer = httpx2.post(f"{server.url}/v1/model/reload", timeout=120)
    assert answer.json()["model_version"] == version
    reloads = 'lead_temperature_reloads_total{outcome="served"}'
    assert figure(server, reloads) == 1
    told = httpx2.get(f"{server.url}/metrics").text
    assert re.findall(r'bundle_info{version="(.*)"}', told) == [version]
    for _ in range(20):
        assert httpx2.get(f"{server.url}/readyz").json()["model_version"] == version


@pytest.mark.slow
def test_at_the_end_no_client_of_any_worker_meets_a_broken_connection(server, clients) -> None:
    server.process.send_signal(signal.SIGTERM)
    for one in clients:
        one.join(120)
    assert [one.failed for one in clients] == [[]] * len(clients)
    assert server.ended() == (0, "")
    assert [line["level"] for line in server.log if line["level"] == "error"] == []
    assert server.plain == []


@pytest.mark.slow
def test_workers_do_not_outlive_a_supervisor_that_was_killed(server) -> None:
    first = server.children()
    os.kill(min(first), signal.SIGKILL)
    assert until(lambda: server.children() - first)
    workers = server.children() | first  # one of them has only begun
    server.process.kill()
    assert until(lambda: not any(Path(f"/proc/{pid}/fd").exists() for pid in workers))


@pytest.mark.slow
def test_while_the_folder_holds_no_bundle_a_new_worker_serves_the_private_copy(
    server, folder: Path
) -> None:
    version, workers = load_bundle(folder).version, server.children()
    (folder / MANIFEST).unlink()
    os.kill(min(workers), signal.SIGKILL)
    assert until(lambda: len(server.children() - workers) == 1)
    assert until(lambda: figure(server, "lead_temperature_workers ") == 2)
    for _ in range(20):
        assert httpx2.get(f"{server.url}/readyz").json()["model_version"] == version


def test_a_bundle_that_cannot_be_served_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.process.run.log_as_json_lines", lambda level: None)
    with pytest.raises(ValueError, match="is not a bundle"):
        run(tmp_path, port=0, workers=2)
