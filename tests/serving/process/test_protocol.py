"""Nothing that comes over a connection brings the server down, and refusing it costs little."""

import asyncio
import gzip
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.security import is_for_this_machine
from tests.serving.http.test_app import LEAD as WHOLE
from tests.support.histories import DAY
from tests.support.served import ROOT, Served, served
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.process

LEAD = b'{"lead_id": "1", "created_at": "1970-01-01T00:00:00Z", "as_of": "1970-01-20T00:00:00Z"}'
LIMIT = 100_000
TIMEOUT = 60
"""Seconds to wait for the server; less than uvicorn itself keeps a silent connection (75 s)."""
POST = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
GOOD = POST + b"Content-Length: %d\r\n\r\n" % len(LEAD) + LEAD
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def server(bundle_folder: Path) -> Iterator[Served]:
    environment = {
        "LEAD_TEMPERATURE_BODY_SECONDS": "1",
        "LEAD_TEMPERATURE_MAX_BODY_BYTES": str(LIMIT),
    }
    with served(bundle_folder, 1, environment) as server:
        yield server
        assert httpx2.get(f"{server.url}/readyz").status_code == 200
        assert not [line for line in server.log if line["level"] == "error"]
        assert server.plain == []


class Answer(NamedTuple):
    """What came back before the connection ended."""

    statuses: list[int]
    content: bytes


def answers(server: Served, *pieces: bytes, endless: bytes = b"", expected: int = 1) -> Answer:
    """Send bytes, and others again and again; end when so many answers have come, or the server."""
    received = b""
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            if endless:
                end = time.monotonic() + PATIENCE_SECONDS
                while time.monotonic() < end:
                    connection.sendall(endless)
                raise AssertionError("The server took bytes without end.")
            if not expected:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended the connection
        try:
            while piece := connection.recv(65_536):
                received += piece
                if expected and len(statuses(received)) >= expected:
                    connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    return Answer(statuses(received), received)


def statuses(received: bytes) -> list[int]:
    """Statuses of all answers but the one that asks to go on."""
    return [int(one) for one in re.findall(rb"HTTP/1\.1 ([2-5]\d\d) ", received)]


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """The problem that the one answer must be."""
    assert answer.statuses == [status], answer
    head, _, body = answer.content.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"cache-control: no-store" in head
    found = json.loads(body)
    assert (found["status"], found["title"]) == (status, HTTPStatus(status).phrase)
    assert found["request_id"].encode() in head
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"GET\r\n\r\n",
        b"FETCH /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        GET + b"a header without a colon\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X Y: 1\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: ten\r\n\r\n",
        POST + b"Content-Length: " + b"9" * 50 + b"\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    ],
)
def test_what_is_no_http_is_refused_by_a_problem(server, sent: bytes) -> None:
    assert "HTTP library" in refused(answers(server, sent), 400)["detail"]


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip, chunked",
        b"identity",
        b"chunked\r\nTransfer-Encoding: chunked",
        b"xchunked",
        b"deflate",
    ],
)
def test_a_body_that_a_proxy_may_frame_otherwise_is_refused(server, coding: bytes) -> None:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(LEAD), LEAD)
    sent = POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + body
    found = answers(server, sent + GET + b"\r\n")
    assert found.statuses == [400], found


def test_a_header_that_trails_the_body_is_none(server) -> None:
    head = b"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    body = b"\r\n%x\r\n%s\r\n0\r\n" % (len(LEAD), LEAD)
    trailer = b"Content-Type: application/json\r\nX-Request-ID: trailed\r\n\r\n"
    refusal = answers(server, head + body + trailer)
    assert refusal.statuses == [415]
    assert b"trailed" not in refusal.content
    assert answers(server, CHUNKED[:-2] + body + trailer).statuses == [200]


def test_who_waits_to_be_asked_for_a_body_and_is_refused_loses_no_later_request(server) -> None:
    waiting = POST.replace(b"application/json", b"text/plain") + b"Expect: 100-continue\r\n"
    found = answers(server, waiting + b"Content-Length: 100\r\n\r\n", expected=2)
    assert found.statuses == [415]
    assert b"connection: close" in found.content
    asked = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(LEAD)
    good = answers(server, asked, LEAD)
    assert good.content.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert good.statuses == [200]


@pytest.mark.parametrize(
    ("sent", "endless"),
    [
        (b"GET /" + b"a" * 200_000, b""),
        (GET + b"X: " + b"a" * 200_000, b""),
        (GET, b"X: a\r\n" * 1_000),
        (b"GET /", b"a" * 10_000),
    ],
)
def test_a_head_without_end_is_refused(server, sent: bytes, endless: bytes) -> None:
    found = answers(server, sent, endless=endless)
    assert found.statuses in ([431], [])  # whoever still sends may not hear it
    if not endless:
        refused(found, 431)


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", GET])
def test_a_connection_whose_request_does_not_come_is_ended(server, sent: bytes) -> None:
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        connection.sendall(sent)
        received = connection.recv(65_536)
        assert not connection.recv(1)
    assert received.startswith(b"HTTP/1.1 408 " if sent else b"")


@pytest.mark.parametrize("between", [b"\r\n", b"\r\n" * 20])
def test_line_ends_after_an_answer_hold_no_connection(server, between: bytes) -> None:
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        connection.sendall(GET + b"\r\n")
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65_536)
        assert received.startswith(b"HTTP/1.1 200 ")
        connection.sendall(between)
        assert not connection.recv(1)


@pytest.mark.parametrize(
    ("sent", "endless"),
    [
        (GET + b"\r\n", b"\r\n" * 10_000),
        (b"", b"\r\n" * 10_000),
        (CHUNKED, b"3e8\r\n" + b" " * 1_000 + b"\r\n"),
        (CHUNKED, b"1\r\n \r\n" * 1_000),
        (CHUNKED + b"1;x=", b"a" * 10_000),
        (CHUNKED + b"1\r\n1\r\n0\r\n", b"X: a\r\n" * 1_000),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b" " * 1_000 + b"\r\n"),
        (POST + b"Content-Length: 999999999999\r\n\r\n", b" " * 10_000),
        (GOOD + GET + b"Content-Length: 999999999999\r\n\r\n", b" " * 10_000),
    ],
)
def test_who_sends_without_end_is_cut_off(server, sent: bytes, endless: bytes) -> None:
    found = answers(server, sent, endless=endless)
    assert set(found.statuses) <= {200, 408, 413}


def test_a_body_that_is_declared_too_long_is_refused_before_it_comes(server) -> None:
    head = POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (LIMIT + 1)
    assert "bytes" in refused(answers(server, head), 413)["detail"]


def test_a_packed_body_is_unpacked_within_the_limit_of_others(server) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < LIMIT
    head = POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert "bytes" in refused(answers(server, head + bomb), 413)["detail"]
    twice = POST + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
    refused(answers(server, twice + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb), 400)


@pytest.mark.parametrize(
    "sent",
    [
        GOOD,
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        GOOD.replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1),
        CHUNKED + b"%x;why=not\r\n%s\r\n0\r\nTrailer: 1\r\n\r\n" % (len(LEAD), LEAD),
        GOOD.replace(b"\r\n", b"\r\n" + b"X-Proxy: 1\r\n" * 1_000, 1),
    ],
)
def test_unusual_http_is_understood(server, sent: bytes) -> None:
    assert answers(server, sent).statuses == [200]


def test_a_body_that_would_be_lost_by_an_upgrade_is_refused(server) -> None:
    asking = b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    found = answers(server, GOOD.replace(b"\r\n", asking, 1))
    assert "Upgrade" in refused(found, 400)["detail"]


def test_requests_that_come_in_one_go_are_answered_in_their_order(server) -> None:
    sent = (GOOD + GET + b"\r\n") * 20 + POST + b"Content-Length: 1\r\n\r\n{"
    found = answers(server, sent, expected=41)
    assert found.statuses == [200] * 40 + [400]


def test_what_is_refused_before_it_is_a_request_is_counted(server) -> None:
    answers(server, b"nonsense\r\n\r\n")
    answers(server, b"GET /" + b"a" * 200_000)
    told = httpx2.get(f"{server.url}/metrics").text
    for reason in ("not_http", "long_head"):
        assert re.search(rf'refusals_total{{reason="{reason}"}} [1-9]', told)


pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\r\n", b"\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
         b"0\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n",
         b"Expect: 100-continue\r\n", LEAD, GET],
    ),
)  # fmt: skip


def running(server: Served) -> float:
    """Requests at work."""
    told = httpx2.get(f"{server.url}/metrics").text
    return float(re.findall(r"requests_running (\d\S*)", told)[0])


@pytest.fixture(scope="module")
def narrow(bundle_folder: Path) -> Iterator[Served]:
    """A server with two places, that waits for half a second."""
    environment = {"LEAD_TEMPERATURE_BODY_SECONDS": "0.5", "LEAD_TEMPERATURE_MAX_REQUESTS": "2"}
    with served(bundle_folder, 1, environment) as server:
        yield server
        assert not [line for line in server.log if line["level"] == "error"]
        assert server.plain == []


def taking_little(server: Served) -> socket.socket:
    """A connection whose client has little room for what it is sent."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    found.settimeout(TIMEOUT)
    found.connect((server.host, server.port))
    return found


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    received = bytearray()
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)


MANY = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000
"""Requests of a kilobyte or two, and answers of many megabytes."""


def test_who_takes_no_answer_holds_no_place(narrow: Served) -> None:
    greedy = [taking_little(narrow) for _ in range(2)]
    for one in greedy:
        one.sendall(MANY)
    assert until(lambda: running(narrow) == 2)
    assert until(lambda: httpx2.get(f"{narrow.url}/v1/model").status_code == 200)
    assert until(lambda: running(narrow) == 0)
    for one in greedy:
        with one:
            assert len(statuses(all_of(one))) < 1_000


def test_who_goes_away_in_the_middle_of_answers_is_no_failure(narrow: Served) -> None:
    with taking_little(narrow) as one:
        one.sendall(MANY)
        assert until(lambda: running(narrow) == 1)
    assert until(lambda: running(narrow) == 0)


def test_who_takes_an_answer_slowly_gets_all_of_it(narrow: Served) -> None:
    body = b'{"leads": [' + b",".join([LEAD] * 1_000) + b"]}"
    head = POST.replace(b"/score", b"/score/batch?include=trend,forecast", 1)
    head += b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with taking_little(narrow) as one:
        one.sendall(head + body)
        received = one.recv(65_536)
        begins = time.monotonic()
        while time.monotonic() < begins + 1.5:  # three times what the server waits
            received += one.recv(16_384)
            time.sleep(0.05)
        received += all_of(one)
    told, _, answer = received.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(answer) in told
    assert len(json.loads(answer)["results"]) == 1_000


@fuzz
@given(st.integers(0, len(GOOD)), st.integers(0, 30), pieces)
def test_no_bytes_bring_the_connection_down(server, place: int, gone: int, new: bytes) -> None:
    found = answers(server, GOOD[:place] + new + GOOD[place + gone :], expected=0)
    assert not [one for one in found.statuses if one >= 500], found


@pytest.fixture(scope="module")
def app(bundle_folder: Path) -> LiveApp:
    return create_app(bundle_folder, clock=lambda: 60 * DAY)


def asked(
    app: LiveApp, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> int:
    """Status of the answer to a request of any bytes; a refusal is a problem."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query,
        "headers": headers,
    }
    asyncio.run(app(scope, receive, send))
    status, told = sent[0]["status"], dict(sent[0]["headers"])
    if status != 200:
        assert told[b"content-type"] == b"application/problem+json"
        assert json.loads(sent[1]["body"])["status"] == status
    return int(status)


header_names = st.sampled_from(
    [b"content-type", b"content-encoding", b"content-length", b"authorization", b"x-request-id",
     b"accept", b"accept-language", b"cookie", b"host", b"expect", b"traceparent", b"origin"],
)  # fmt: skip
header_values = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"application/json",
            b"localhost:80",
            b"gzip",
            b"identity",
            b"9" * 5_000,
            b"-1",
            b"Basic " * 9,
        ]
    ),
)


@fuzz
@given(st.lists(st.tuples(header_names, header_values), max_size=6), st.binary(max_size=40))
def test_no_header_and_no_query_fails(
    app, headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    headers = [*headers, (b"content-type", b"application/json")]
    host = next((value for name, value in headers if name == b"host"), b"localhost")
    local = is_for_this_machine(host.decode("latin-1"))
    allowed = {200, 413, 415, 422} if local else {421}
    assert asked(app, "/v1/score", query, headers, LEAD) in allowed


numbers = st.sampled_from(
    ["NaN", "-Infinity", "Infinity", "1e999", "-1e999", "1e-999", "-0", "0.1e1", "01", "1.", "+1",
     "9" * 400, "9" * 5_000, "1" + "0" * 308, "0x1", "1_000", "١"],
)  # fmt: skip
texts = st.sampled_from(
    [r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', '"\x00"', '"\x7f"', r'"\x41"', "'a'", '"a', '"é"',
     f'"{"x" * 300}"', '"1970-01-02T00:00:00Z"', '"9999-12-31T23:59:59-23:59"',
     '"1970-02-30T00:00:00Z"'],
)  # fmt: skip
names = st.sampled_from(
    ["lead_id", "created_at", "as_of", "attributes", "interactions", "leads", "country", "kind",
     "company_size", "measures", "occurred_at", "__class__", "", r"lead\u005fid"],
)  # fmt: skip
values = st.recursive(
    st.one_of(numbers, texts, st.sampled_from(["null", "true", "[]", "{}", "/**/", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda found: f"[{','.join(found)}]"),
        st.lists(st.tuples(names, inner), max_size=5).map(
            lambda found: "{" + ",".join(f'"{name}":{value}' for name, value in found) + "}"
        ),
    ),
    max_leaves=15,
)


@fuzz
@given(values, st.integers(0, 2_000), st.sampled_from(["[", '{"a":', '{"leads":[']))
def test_no_text_that_is_nearly_json_fails(app, value: str, depth: int, opening: str) -> None:
    json_type = [(b"content-type", b"application/json")]
    lead = f'{{"lead_id":"1","created_at":"1970-01-01T00:00:00Z","attributes":{value}}}'
    for body in (value, lead, f'{{"leads":[{lead},{value}]}}', opening * depth + value):
        content = body.encode("utf-8", "surrogatepass")
        for path in ("/v1/score", "/v1/score/batch"):
            assert asked(app, path, b"", json_type, content) in {200, 400, 422}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris for this machine")
def test_no_body_that_is_led_by_what_it_reaches_fails(bundle_folder: Path, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    bodies.mkdir()
    (bodies / "lead").write_text(json.dumps(WHOLE))
    (bodies / "batch").write_text(json.dumps({"leads": [WHOLE]}))
    limits = ["-seed=1", "-runs=20000", "-max_len=4096", "-timeout=20"]
    limits += [f"-artifact_prefix={tmp_path}/"]  # the body that failed
    told = subprocess.run(
        [sys.executable, "-m", "tests.support.fuzzed", bundle_folder, bodies, *limits],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3_000:]
    assert "Done 20000 runs" in told.stderr


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n"])
def test_a_request_has_one_host(server: Served, hosts: bytes) -> None:
    sent = b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n"
    problem = refused(answers(server, sent), 400)
    assert "must have one Host" in problem["detail"]


def test_http_1_0_needs_no_host(server: Served) -> None:
    assert answers(server, b"GET /healthz HTTP/1.0\r\n\r\n").statuses == [200]


def test_a_client_that_closes_its_half_gets_all_its_answers(server: Served) -> None:
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        connection.sendall(GOOD + GOOD + GOOD)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert statuses(received) == [200, 200, 200]


def test_a_client_that_closes_its_half_within_a_request_is_not_waited_for(server: Served) -> None:
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        connection.sendall(GOOD[:-5])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536) == b""
