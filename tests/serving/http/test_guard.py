"""The outermost layer: ids, limits, headers, and no exception gets out."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from serving.http.guard import ALWAYS_ANSWERED, COUNTED_BY_ROUTE, SECURITY_HEADERS, Guard
from serving.http.load import Load
from serving.http.telemetry import Telemetry

Headers = Sequence[tuple[bytes, bytes]]


class Counted(Telemetry):
    """Telemetry that keeps what it counts."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.requests: list[tuple[str, int, str | None]] = []

    def count_request(self, route: str, status: int, seconds: float, refused: Any) -> None:
        assert seconds >= 0
        self.requests.append((route, status, refused))


def ask(
    app: Any,
    headers: Headers = (),
    method: str = "GET",
    path: str = "/page",
    load: Load | None = None,
    telemetry: Counted | None = None,
) -> list[Any]:
    """Messages that a guarded application sends in answer to a request."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    load = load or Load(1, 1, lambda _: None)
    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(Guard(app, telemetry or Counted(), load)(scope, receive, send))
    return sent


def header(sent: list[Any], name: bytes) -> list[bytes]:
    return [value for key, value in sent[0]["headers"] if key == name]


def fails(error: Exception, *, after: Response | None = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if after is not None:
            await after(scope, receive, send)
        raise error

    return app


def test_every_answer_bears_the_security_headers() -> None:
    sent = ask(Response("hello"))
    for name, value in SECURITY_HEADERS.items():
        assert header(sent, name.encode()) == [value.encode()]


def test_a_page_keeps_the_policy_that_it_sets_itself() -> None:
    sent = ask(Response("hello", headers={"Content-Security-Policy": "default-src 'self'"}))
    assert header(sent, b"content-security-policy") == [b"default-src 'self'"]
    assert header(sent, b"x-frame-options") == [b"DENY"]


def test_the_application_sees_get_where_the_client_sent_head() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["method"])
        await Response("hello")(scope, receive, send)

    telemetry = Counted()
    sent = ask(app, method="HEAD", telemetry=telemetry)
    assert seen == ["GET"]
    assert b"".join(message.get("body", b"") for message in sent) == b""
    assert header(sent, b"content-length") == [b"5"]


def test_a_refusal_becomes_a_problem_with_its_headers_and_reason() -> None:
    telemetry = Counted()
    error = HTTPException(401, "Send a key.", {"WWW-Authenticate": "Bearer"})
    sent = ask(fails(error), [(b"x-request-id", b"crm-1")], telemetry=telemetry)
    problem = json.loads(sent[1]["body"])
    assert (problem["status"], problem["detail"]) == (401, "Send a key.")
    assert problem["request_id"] == "crm-1"
    assert header(sent, b"x-request-id") == [b"crm-1"]
    assert header(sent, b"www-authenticate") == [b"Bearer"]
    assert telemetry.requests == [("unknown", 401, "no_key")]


def test_an_unexpected_exception_becomes_a_problem_without_its_message() -> None:
    telemetry = Counted()
    sent = ask(fails(RuntimeError("Maria Rossi")), telemetry=telemetry)
    assert sent[0]["status"] == 500
    assert b"Maria" not in sent[1]["body"]
    assert telemetry.requests == [("unknown", 500, "failure")]


def test_an_answer_that_has_begun_gets_no_second_one() -> None:
    sent = ask(fails(RuntimeError(), after=Response("hello")))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 200


def test_a_client_that_went_away_is_counted_and_not_answered() -> None:
    telemetry = Counted()
    assert ask(fails(ClientDisconnect()), telemetry=telemetry) == []
    assert telemetry.requests == [("unknown", 0, None)]


def test_beyond_the_limit_only_what_an_operator_needs_is_answered() -> None:
    full = Load(1, 1, lambda _: None)
    full.requests = 1
    assert ask(Response("hello"), load=full)[0]["status"] == 503
    for path in COUNTED_BY_ROUTE:
        assert ask(Response("hello"), path=path, load=full)[0]["status"] == 503
    for path in ALWAYS_ANSWERED:
        assert ask(Response("hello"), path=path, load=full)[0]["status"] == 200
    full.requests = 0
    assert ask(Response("hello"), load=full)[0]["status"] == 200
    assert full.requests == 0


def test_a_server_that_shuts_down_asks_clients_to_close_whatever_the_page_says() -> None:
    draining = Load(1, 1, lambda _: None)
    draining.draining = True
    sent = ask(Response("hello", headers={"Connection": "keep-alive"}), load=draining)
    assert header(sent, b"connection") == [b"close"]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_passes_untouched(kind: str) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    guard = Guard(app, Counted(), Load(1, 1, lambda _: None))
    asyncio.run(guard({"type": kind}, None, None))  # type: ignore[arg-type]
    assert scopes == [{"type": kind}]
