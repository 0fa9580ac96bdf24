"""Traces: a span a request at the collector, nothing of a lead in it, and no cost when off."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from serving.process.traces import tracer_provider
from tests.support.served import ROOT, served

pytestmark = pytest.mark.process

WORD = "Maria.Rossi-39055123"
LEAD = {"lead_id": WORD, "created_at": "1970-01-01T00:00:00Z"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PATIENT = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600", "OTEL_BSP_EXPORT_TIMEOUT": "3600000"}
"""An exporter that waits for an hour by itself."""


class Collector(ThreadingHTTPServer):
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(self.path.encode() + b" " + body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.mark.slow
def test_each_request_is_a_span_that_holds_nothing_of_a_lead(
    collector: Collector, bundle_folder: Path
) -> None:
    with served(bundle_folder, 1, {ENDPOINT: collector.url}) as server:
        url = server.url
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "crm-1"}
        assert httpx2.post(f"{url}/v1/score", json=LEAD, headers=headers).status_code == 200
        httpx2.post(f"{url}/v1/score", json=LEAD | {"phone": WORD})
        httpx2.get(f"{url}/{WORD}?{WORD}={WORD}", headers={"user-agent": WORD, "cookie": WORD})
        httpx2.request("PROPFIND", f"{url}/healthz")
        httpx2.head(f"{url}/healthz")
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == (0, "")
        assert server.plain == []
    sent = b"".join(collector.bodies)
    assert sent.startswith(b"/v1/traces ")
    assert WORD.encode() not in sent
    told = [
        ExportTraceServiceRequest.FromString(body.partition(b" ")[2]) for body in collector.bodies
    ]
    (resource,) = {str(r.resource) for one in told for r in one.resource_spans}
    assert "lead-temperature" in resource
    spans = [s for one in told for r in one.resource_spans for p in r.scope_spans for s in p.spans]
    found = {span.name: span for span in spans}
    statuses = [a.value.int_value for s in spans for a in s.attributes if "status" in a.key]
    assert [s.name for s in spans] == [
        *("POST /v1/score", "POST /v1/score", "GET", "_OTHER /healthz", "HEAD /healthz")
    ]
    assert statuses == [200, 422, 404, 405, 200]
    first = spans[0]
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
    assert {a.key: a.value.string_value for a in first.attributes}[
        "lead_temperature.request_id"
    ] == "crm-1"
    assert found["GET"].end_time_unix_nano > found["GET"].start_time_unix_nano


FAILING = """
import serving.answers.scorer as scorer

def fails(model, lead, *others):
    if lead["lead_id"].startswith("Maria"):  # golden leads are scored before
        raise RuntimeError(f"cannot score {lead}")
    return prepare(model, lead, *others)

prepare, scorer.prepare_lead = scorer.prepare_lead, fails
"""


@pytest.mark.slow
def test_a_failure_tells_nobody_anything_of_a_lead(
    collector: Collector, bundle_folder: Path
) -> None:
    environment = {ENDPOINT: collector.url, "LEAD_TEMPERATURE_LOG_LEVEL": "debug"}
    with served(bundle_folder, 1, environment, FAILING) as server:
        asked = [
            ("/v1/score", LEAD),
            ("/v1/score?include=trend", LEAD),
            ("/v1/score", LEAD | {"attributes": {"country": 70_000 * "x"}}),
            ("/v1/score/batch", {"leads": [LEAD]}),
        ]
        answers = [httpx2.post(server.url + path, json=body) for path, body in asked]
        answers.append(httpx2.get(f"{server.url}/metrics"))
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == (0, "")
    assert [answer.status_code for answer in answers] == [500, 500, 500, 500, 200]
    assert all(answer.json()["request_id"] for answer in answers[:4])
    failures = [line for line in server.log if "RuntimeError" in line["message"]]
    assert len(failures) == 4
    assert b"POST /v1/score/batch" in b"".join(collector.bodies)
    told = f"{server.log}{server.plain}{[answer.text for answer in answers]}{collector.bodies}"
    assert WORD not in told
    assert "cannot score" not in told


@pytest.mark.slow
def test_fastapi_itself_tells_nobody_anything(collector: Collector, bundle_folder: Path) -> None:
    asked = {ENDPOINT: collector.url, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    with served(bundle_folder, 1, asked | {"OTEL_TRACES_EXPORTER": "none"}) as server:
        httpx2.post(f"{server.url}/v1/score", json=LEAD)
        httpx2.get(f"{server.url}/{WORD}")
        server.process.send_signal(signal.SIGTERM)
        assert server.ended().code == 0
    assert collector.bodies == []


@pytest.mark.slow
def test_the_process_ends_while_a_collector_still_holds_the_spans(bundle_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with served(bundle_folder, 1, {ENDPOINT: endpoint} | PATIENT) as server:
            assert httpx2.post(f"{server.url}/v1/score", json=LEAD).status_code == 200
            server.process.send_signal(signal.SIGTERM)
            connection, _ = silent.accept()
            with connection:  # it stays open, and no answer is ever written to it
                assert connection.recv(16) == b"POST /v1/traces "
                assert server.ended(120).code == 0


@pytest.mark.slow
def test_a_collector_that_is_not_there_costs_no_answer_and_no_end(bundle_folder: Path) -> None:
    with served(bundle_folder, 1, {ENDPOINT: "http://127.0.0.1:9"}) as server:
        for _ in range(5):
            assert httpx2.post(f"{server.url}/v1/score", json=LEAD).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.ended(120).code == 0
        assert WORD not in str(server.log)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_who_asks_for_no_traces_gets_none(environment: dict[str, str]) -> None:
    assert tracer_provider(environment) is None


@pytest.mark.slow
def test_where_no_traces_are_asked_for_nothing_of_them_is_loaded(bundle_folder: Path) -> None:
    code = (
        "import sys; from serving.process.run import run; from serving.process import worker\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.')"
        " and name.split('.')[1] in ('sdk', 'exporter')])"
    )
    without = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=without, text=True)
    assert told == "[]\n"


@pytest.mark.parametrize(
    ("name", "value", "law"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "must be 'otlp' or 'none', got 'zipkin'"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be 'http/protobuf', got 'grpc'"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "must be 'http/protobuf'"),
    ],
)
def test_a_way_that_is_not_offered_is_refused(name: str, value: str, law: str) -> None:
    with pytest.raises(ValueError, match=f"{name} {law}"):
        tracer_provider({ENDPOINT: "http://127.0.0.1:9", name: value})


def test_without_opentelemetry_it_says_which_extra_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ImportError, match=r"pip install 'lead-temperature\[otel\]'"):
        tracer_provider({"OTEL_TRACES_EXPORTER": "otlp"})
