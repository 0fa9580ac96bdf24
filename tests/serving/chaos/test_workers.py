"""Nothing beside the answer stops answers: a hung worker, a stuck log, a full disk, a signal."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from models.bundle import save_bundle
from tests.support.bundles import small_bundle
from tests.support.served import ROOT, SERVER, Served, served
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(600)]

LEAD = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
BY_HAND = {"LEAD_TEMPERATURE_RELOAD_SECONDS": "0"}


@pytest.fixture
def folder(bundle_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(bundle_folder, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def server(folder: Path) -> Iterator[Served]:
    with served(folder, 2, BY_HAND) as server:
        yield server


def score(server: Served) -> int:
    return httpx2.post(f"{server.url}/v1/score", json=LEAD, timeout=60).status_code


def figure(server: Served, name: str) -> float:
    lines = httpx2.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_a_worker_that_hangs_is_replaced(server: Served) -> None:
    workers = server.children()
    os.kill(min(workers), signal.SIGSTOP)
    assert until(lambda: min(workers) not in server.children())
    assert until(lambda: len(server.children()) == 2)
    assert until(lambda: figure(server, "lead_temperature_workers ") == 2)
    assert any("It hangs" in line["message"] for line in server.log)
    assert score(server) == 200


def test_a_supervisor_that_was_stopped_for_long_takes_nobody_for_hung(server: Served) -> None:
    workers = server.children()
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(13)  # longer than a worker may be silent
    server.process.send_signal(signal.SIGCONT)
    time.sleep(3)
    assert server.children() == workers


def test_a_worker_that_says_what_is_no_message_is_replaced(folder: Path, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    babbles = f"""
import pathlib, serving.process.worker as worker

once, send = pathlib.Path({str(once)!r}), worker.send

def babble(writer, **message):
    if "pong" in message and once.exists():
        once.unlink()
        writer.write(60_000 * b"[" + b"\\n")
    send(writer, **message)

worker.send = babble
"""
    with served(folder, 1, BY_HAND, babbles) as server:
        workers = server.children()
        assert until(lambda: server.children() and not server.children() & workers)
        assert score(server) == 200
        assert any("what is no message" in line["message"] for line in server.log)


def test_sigterm_ends_all_though_a_worker_hangs(server: Served) -> None:
    workers = server.children()
    os.kill(min(workers), signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    assert server.ended(60).code == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_sighup_is_a_reload(server: Served, folder: Path) -> None:
    version = save_bundle(small_bundle(seed=8), folder).version
    server.process.send_signal(signal.SIGHUP)
    url = f"{server.url}/readyz"
    assert until(lambda: httpx2.get(url, timeout=60).json()["model_version"] == version)


def test_private_copies_go_when_the_server_ends(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    with served(folder, 1, {**BY_HAND, "TMPDIR": str(tmp_path / "temporary")}) as server:
        assert len(list((tmp_path / "temporary").glob("lead-temperature-*/bundle-*"))) == 1
        server.process.send_signal(signal.SIGTERM)
        assert server.ended(60).code == 0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_no_file_that_cannot_grow_stops_answers_or_figures(folder: Path) -> None:
    """As on a full disk: what a worker writes to a file is refused by the system."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    with served(folder, 2, BY_HAND, full) as server:
        workers = server.children()
        for _ in range(50):
            assert score(server) == 200
            httpx2.get(f"{server.url}/none")
        count = 'lead_temperature_request_seconds_count{route="/v1/score",status="200"}'
        assert {figure(server, count) for _ in range(5)} == {50}
        assert server.children() == workers


def test_a_log_that_nobody_reads_stops_nothing(folder: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    environment = {**os.environ, **BY_HAND, "LEAD_TEMPERATURE_LOG_LEVEL": "debug"}
    command = [sys.executable, "-c", SERVER, str(folder), "1"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=writing) as process:
        try:
            os.close(writing)
            told = b""
            while b"serving http://" not in told:
                told += os.read(reading, 1)
            while not told.endswith(b"\n"):
                told += os.read(reading, 1)
            address = told.rpartition(b"http://")[2].decode().strip()
            connection = http.client.HTTPConnection(address, timeout=60)
            for _ in range(2_000):  # far more lines than the pipe and the queue take
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            (dropped,) = [
                line
                for line in text.splitlines()
                if line.startswith("lead_temperature_log_lines_dropped_total ")
            ]
            assert float(dropped.split()[1]) > 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(reading)
