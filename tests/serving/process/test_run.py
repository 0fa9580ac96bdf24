"""The server as a process: starts, scores over a socket without the laboratory, ends well."""

import http.client
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from serving.http.settings import Settings
from serving.process.run import run
from tests.support.served import Served, served

pytestmark = pytest.mark.process

LABORATORY = (
    "pandas",
    "sklearn",
    "duckdb",
    "pyarrow",
    "mlflow",
    "matplotlib",
    "jinja2",
    "sqlalchemy",
    "pyspark",
)
# lightgbm imports pandas and scikit-learn where they are installed and goes on where they are not.
# So they are taken away: whatever asks for them must do without, and nothing else may have them.
WITHOUT_LABORATORY = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LABORATORY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


LISTED = f"""
import atexit, sys

def tell():
    found = [name for name in {LABORATORY!r} if name in sys.modules]
    with open("TOLD", "a") as file:
        file.write(f"{{found}}\\n")

atexit.register(tell)
"""


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    """File in which each worker tells at its end what it has met of the laboratory."""
    return tmp_path / "laboratory"


@pytest.fixture
def server(bundle_folder: Path, laboratory: Path) -> Iterator[Served]:
    code = WITHOUT_LABORATORY + LISTED.replace("TOLD", str(laboratory))
    with served(bundle_folder, 1, in_workers=code) as server:
        assert "no API keys" in server.log[0]["message"]
        yield server


def ended_well(server: Served, laboratory: Path) -> bool:
    """Whether the server ends by itself, silent, and its worker never met the laboratory."""
    ended, told = server.ended(), [line["level"] for line in server.log[1:]]
    return (*ended, told, server.plain, laboratory.read_text()) == (0, "", [], [], "[]\n")


def test_a_process_without_the_laboratory_scores_and_ends_well(server, client, laboratory) -> None:
    url = server.url
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    named = {"x-request-id": client.headers["x-request-id"]}
    answer = httpx2.post(f"{url}/v1/score", json=body["example"], headers=named)
    assert answer.status_code == 200
    assert answer.json() == client.post("/v1/score", json=body["example"]).json()
    server.process.send_signal(signal.SIGINT)
    assert ended_well(server, laboratory)


@pytest.mark.slow
def test_a_request_in_flight_is_finished_before_the_end(server, laboratory) -> None:
    url, host, port = server.url, server.host, server.port
    body = b'{"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}'
    head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, port), timeout=120) as connection:
        connection.sendall(head.encode() + body[:10])
        # Its answer shows that the server has seen the first request before it is told to stop.
        assert httpx2.get(f"{url}/healthz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        # No longer accepting is the first thing that the server does when it stops.
        while server.process.poll() is None and accepts(host, port):
            pass
        connection.sendall(body[10:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert ended_well(server, laboratory)


@pytest.mark.slow
def test_no_keep_alive_client_meets_a_broken_connection_at_the_end(server, laboratory) -> None:
    host, port = server.host, server.port
    answered, broken = [0] * 8, list[str]()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=120)
        connection.connect()
        try:
            while True:
                connection.request("GET", "/v1/model")
                answer = connection.getresponse()
                answer.read()
                answered[number] += answer.status == 200
                if answer.will_close:
                    break
        except OSError as error:
            broken.append(repr(error))

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for client in clients:
        client.start()
    while min(answered) < 10:
        assert server.process.poll() is None
        assert not broken
    server.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join(120)
    assert broken == []
    assert ended_well(server, laboratory)


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=60).close()
    except OSError:
        return False
    return True


@pytest.fixture
def log_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a server that is started in this process from taking over the log."""
    monkeypatch.setattr("serving.process.run.log_as_json_lines", lambda level: None)


@pytest.mark.usefixtures("log_untouched")
def test_a_port_that_is_taken_is_said_so(bundle_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"at 127\.0\.0\.1, port {port}: [\w ]+\. .*--port"):
            run(bundle_folder, port=port)


@pytest.mark.usefixtures("log_untouched")
def test_a_port_that_does_not_exist_is_said_so(bundle_folder: Path) -> None:
    with pytest.raises(OSError, match="port 70000"):
        run(bundle_folder, port=70_000)


@pytest.mark.usefixtures("log_untouched")
def test_without_api_keys_no_other_machine_is_answered(bundle_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"--host is 0\.0\.0\.0.*LEAD_TEMPERATURE_API_KEYS"):
        run(bundle_folder, host="0.0.0.0", port=0)  # noqa: S104 - it must be refused


@pytest.mark.usefixtures("log_untouched")
def test_any_address_means_those_of_both_kinds(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = list[str]()

    def ask(listener: socket.socket, *_: object) -> None:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=60).close()
            hosts.append(host)

    monkeypatch.setattr("serving.process.supervisor.supervise", ask)
    settings = Settings.model_validate({"api_keys": "crm:score:" + 64 * "0"})
    run(bundle_folder, host="::", port=0, settings=settings)
    assert hosts == ["127.0.0.1", "::1"]
