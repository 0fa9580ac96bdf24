"""A batch is answered whole or by lines, plain or packed, within the client's time."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from serving.http import batches
from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.preferences import NDJSON, preferred_wait, takes_gzip, wants_lines
from tests.support.http import TestClient

LEAD = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
LEADS = {"leads": [LEAD | {"lead_id": str(number)} for number in range(60)] + [{}]}
BATCH = "/v1/score/batch"
PLAIN = {"accept-encoding": "identity", "x-request-id": "1"}


def asked(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=10", 10),
        ('Wait = "7"; strict', 7),
        ("wait=-1", None),
        ("wait=ten", None),
        ("waiting=3", None),
        ("", None),
    ],
)
def test_a_client_says_how_long_it_waits(text: str, seconds: int | None) -> None:
    assert preferred_wait(asked(prefer=text)) == seconds


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("br", False),
        ("", False),
    ],
)
def test_a_client_says_whether_it_unpacks(text: str, takes: bool) -> None:
    assert takes_gzip(asked(accept_encoding=text)) == takes
    assert not takes_gzip(asked())


def test_a_client_asks_for_lines() -> None:
    assert wants_lines(asked(accept="application/json;q=0.5, Application/X-NDJSON"))
    assert not wants_lines(asked(accept="application/json"))
    assert not wants_lines(asked())


@pytest.fixture
def app(bundle_folder: Path, now: int) -> LiveApp:
    return create_app(bundle_folder, clock=lambda: now)


@pytest.fixture
def client(app: LiveApp) -> Iterator[TestClient]:
    with TestClient(app, headers=PLAIN) as client:
        yield client
        assert (app.load.requests, app.load.batches) == (0, 0)


def whole(client: TestClient) -> list[Any]:
    return list(client.post(BATCH, json=LEADS).json()["results"])


def test_turns_give_the_answers_of_single_leads(client) -> None:
    results = whole(client)
    singles = [client.post("/v1/score", json=lead).json() for lead in LEADS["leads"]]
    assert results == singles
    assert results[-1]["status"] == 422


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_lines_are_the_same_answers(client, coding: str) -> None:
    headers = {"accept": NDJSON, "accept-encoding": coding}
    answer = client.post(BATCH, json=LEADS, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == NDJSON
    assert answer.headers.get("content-encoding", "identity") == coding
    assert "content-length" not in answer.headers
    assert [json.loads(line) for line in answer.content.splitlines()] == whole(client)


def test_an_answer_is_packed_for_those_who_unpack_it(client) -> None:
    packed = client.post(BATCH, json=LEADS, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["results"] == whole(client)
    few = client.post(BATCH, json={"leads": []}, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in few.headers
    assert few.json() == {"results": []}


def test_a_packed_batch_is_the_same_batch(client) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    content = gzip.compress(json.dumps(LEADS).encode())
    assert client.post(BATCH, content=content, headers=headers).json()["results"] == whole(client)


def test_a_batch_within_its_time_is_answered_and_says_so(client) -> None:
    answer = client.post(BATCH, json=LEADS, headers={"prefer": "wait=100"})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=100"
    assert "preference-applied" not in client.post(BATCH, json=LEADS).headers


def test_a_batch_beyond_its_time_is_given_up(client) -> None:
    answer = client.post(BATCH, json=LEADS, headers={"prefer": "wait=0"})
    assert answer.status_code == 503
    assert "Of 61 leads 0 were scored within 0 s" in answer.json()["detail"]
    assert answer.headers["retry-after"]


def test_lines_beyond_their_time_end_with_the_reason(
    client, monkeypatch: pytest.MonkeyPatch
) -> None:
    score, turns = batches.score_leads, []

    def slow(*arguments: Any) -> Any:
        turns.append(1)
        time.sleep(1.1 if len(turns) == 1 else 0)
        return score(*arguments)

    monkeypatch.setattr(batches, "score_leads", slow)
    answer = client.post(BATCH, json=LEADS, headers={"prefer": "wait=1", "accept": NDJSON})
    *lines, last = [json.loads(line) for line in answer.content.splitlines()]
    assert answer.status_code == 200
    assert len(lines) == 25
    assert (last["status"], last["request_id"]) == (503, "1")


def test_a_single_lead_is_answered_while_a_turn_of_a_batch_is_at_work(
    client, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = batches.score_leads
    at_work, is_answered, turns = threading.Event(), threading.Event(), list[bool]()

    def held(*arguments: Any) -> Any:
        at_work.set()
        turns.append(is_answered.wait(60))
        return score(*arguments)

    monkeypatch.setattr(batches, "score_leads", held)
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(client.post, BATCH, json=LEADS)
        assert at_work.wait(60)
        assert client.post("/v1/score", json=LEAD).status_code == 200
        is_answered.set()
        assert batch.result().status_code == 200
    assert turns == [True] * 3


def test_a_bomb_is_refused(client) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(bytes(50 * 2**20)) + packer.flush()
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert len(bomb) < 100_000
    assert client.post(BATCH, content=bomb, headers=headers).status_code == 413
