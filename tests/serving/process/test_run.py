"""The server as a process: starts, scores over a socket without the laboratory, ends well."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from serving.process.run import run

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
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


SERVER = f"""
{WITHOUT_LABORATORY}
from pathlib import Path
from serving.process.run import run

run(Path(sys.argv[1]), port=0)
print([name for name in {LABORATORY!r} if name in sys.modules])
"""


@pytest.fixture
def server(bundle_folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(bundle_folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert "no API keys" in json.loads(process.stderr.readline())["message"]
            line = process.stderr.readline()
            found = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+)\n", line)
            assert found, line + process.stderr.read()
            yield process, found[1]
        finally:
            process.kill()


def ended_well(process: subprocess.Popen[str]) -> bool:
    """Whether the process ends by itself, silent, and without ever having met the laboratory."""
    output, errors = process.communicate(timeout=120)
    return (process.returncode, output, errors) == (0, "[]\n", "")


def test_a_process_without_the_laboratory_scores_and_ends_well(server, client) -> None:
    process, url = server
    document = client.get("/openapi.json").json()
    body = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    named = {"x-request-id": client.headers["x-request-id"]}
    answer = httpx2.post(f"{url}/v1/score", json=body["example"], headers=named)
    assert answer.status_code == 200
    assert answer.json() == client.post("/v1/score", json=body["example"]).json()
    process.send_signal(signal.SIGINT)
    assert ended_well(process)


def test_a_request_in_flight_is_finished_before_the_end(server) -> None:
    process, url = server
    host, port = url.removeprefix("http://").split(":")
    body = b'{"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}'
    head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(head.encode() + body[:10])
        # Its answer shows that the server has seen the first request before it is told to stop.
        assert httpx2.get(f"{url}/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        # No longer accepting is the first thing that the server does when it stops.
        while process.poll() is None and accepts(host, int(port)):
            pass
        connection.sendall(body[10:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert ended_well(process)


def test_no_keep_alive_client_meets_a_broken_connection_at_the_end(server) -> None:
    process, url = server
    host, port = url.removeprefix("http://").split(":")
    answered, broken = [0] * 8, list[str]()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
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
        assert process.poll() is None
        assert not broken
    process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join(120)
    assert broken == []
    assert ended_well(process)


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
