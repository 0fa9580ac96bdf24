"""Too much at once is refused at once, and what was taken on is answered."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from serving.http import batches
from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.settings import Settings
from tests.support.http import TestClient

BODY = json.dumps({"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}).encode()
BATCH = b'{"leads": [' + BODY + b"]}"
JSON = {"content-type": "application/json"}


def at_once(app: LiveApp, *requests: tuple[str, str, bytes]) -> list[Any]:
    """Answers to requests that arrive together."""

    async def ask() -> list[Any]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asked = (client.request(m, p, content=c, headers=JSON) for m, p, c in requests)
            return await asyncio.gather(*asked)

    return asyncio.run(ask())


def test_as_many_as_there_are_places_are_answered_and_the_others_at_once_refused(
    bundle_folder: Path,
) -> None:
    app = create_app(bundle_folder, Settings(max_requests=5))
    found = at_once(app, *[("POST", "/v1/score", BODY)] * 20)
    refused = [answer for answer in found if answer.status_code == 503]
    assert sum(answer.status_code == 200 for answer in found) == 5
    assert len(refused) == 15
    for answer in refused:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert app.load.requests == 0
    later = at_once(app, *[("POST", "/v1/score", BODY)] * 5)
    assert [answer.status_code for answer in later] == [200] * 5


def test_refusals_for_load_are_counted(bundle_folder: Path) -> None:
    app = create_app(bundle_folder, Settings(max_requests=1))
    at_once(app, *[("GET", "/v1/model", b"")] * 3)
    (figures,) = at_once(app, ("GET", "/metrics", b""))
    assert 'lead_temperature_refusals_total{reason="overload"} 2.0' in figures.text
    assert "lead_temperature_requests_running 0.0" in figures.text


def test_whoever_runs_the_server_is_answered_however_much_there_is_to_do(
    bundle_folder: Path,
) -> None:
    app = create_app(bundle_folder, Settings(max_requests=1))
    pages = [("GET", page, b"") for page in ("/healthz", "/readyz", "/metrics")] * 3
    found = at_once(app, *[("POST", "/v1/score", BODY)] * 3, *pages)
    assert [answer.status_code for answer in found] == [200, 503, 503] + [200] * 9


def test_batches_have_fewer_places(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(bundle_folder, Settings(max_batches=2))
    go_on = threading.Event()
    wait_for(go_on, monkeypatch)

    async def ask() -> list[int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:

            async def post(path: str, content: bytes) -> int:
                answer = await client.post(path, content=content, headers=JSON)
                return int(answer.status_code)

            two = [asyncio.create_task(post("/v1/score/batch", BATCH)) for _ in range(2)]
            while app.load.batches < 2:
                await asyncio.sleep(0.001)
            third = await post("/v1/score/batch", BATCH)
            long = await post("/v1/score", BODY + 65_536 * b" ")
            go_on.set()
            one = await post("/v1/score", BODY)
            return [third, long, one, *await asyncio.gather(*two)]

    assert asyncio.run(ask()) == [503, 503, 200, 200, 200]
    assert app.load.batches == 0


def wait_for(go_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scoring of batches wait."""
    score = batches.score_leads

    def waiting(*arguments: Any) -> Any:
        assert go_on.wait(20)
        return score(*arguments)

    monkeypatch.setattr(batches, "score_leads", waiting)


def test_a_failure_gives_its_place_back(bundle_folder: Path) -> None:
    def broken() -> int:
        raise RuntimeError

    app = create_app(bundle_folder, Settings(max_requests=1, max_batches=1), clock=broken)
    client = TestClient(app)
    for _ in range(3):
        assert client.post("/v1/score/batch", content=BATCH, headers=JSON).status_code == 500
    assert (app.load.requests, app.load.batches) == (0, 0)


def test_a_body_that_does_not_come_is_not_waited_for(bundle_folder: Path) -> None:
    app = create_app(bundle_folder, Settings(body_seconds=0.05))
    sent: list[Any] = []

    async def ask() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/score",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        pieces = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            return next(pieces, None) or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(ask())
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert app.load.requests == 0


def test_a_server_that_is_about_to_end_is_alive_and_not_ready(bundle_folder: Path) -> None:
    app = create_app(bundle_folder)
    client = TestClient(app)
    assert "connection" not in client.get("/readyz").headers
    app.load.draining = True
    for page, status in (("/healthz", 200), ("/readyz", 503), ("/v1/model", 200)):
        answer = client.get(page)
        assert answer.status_code == status
        assert answer.headers["connection"] == "close"
