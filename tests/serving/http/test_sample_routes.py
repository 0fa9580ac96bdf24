"""A dry run over HTTP: what it shows, within the limits of a batch, and counted nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.answers.limits import Limits
from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.settings import Settings
from tests.support.http import TestClient

PATH = "/v1/validate"
LEAD = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
LEADS = {"leads": [LEAD | {"lead_id": str(number)} for number in range(60)]}


@pytest.fixture(scope="module")
def app(bundle_folder: Path, now: int) -> LiveApp:
    limits = Limits(max_batch=100, max_body_bytes=100_000)
    return create_app(bundle_folder, Settings(limits=limits), clock=lambda: now)


@pytest.fixture
def client(app: LiveApp) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client
        assert (app.load.requests, app.load.batches) == (0, 0)


def test_a_sample_is_checked_in_turns_and_named_as_the_request(client) -> None:
    answer = client.post(PATH, json=LEADS, headers={"x-request-id": "7", "prefer": "wait=100"})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=100"
    told = answer.json()
    assert (told["leads"], told["scored"], told["request_id"]) == (60, 60, "7")


def test_a_dry_run_counts_no_scores(client) -> None:
    def scored() -> list[str]:
        return [
            line
            for line in client.get("/metrics").text.splitlines()
            if line.startswith(("lead_temperature_scored", "lead_temperature_probability"))
        ]

    before = scored()
    client.post(PATH, json=LEADS)
    assert scored() == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"leads": [LEAD] * 101}, 422),
        ({"leads": [], "more": 1}, 422),
        ({}, 422),
        ([], 422),
        ({"leads": ["x" * 100_000]}, 413),
        ({"leads": []}, 200),
    ],
    ids=["too many", "another name", "none", "an array", "long", "empty"],
)
def test_the_limits_are_those_of_a_batch(client, body, status: int) -> None:
    assert client.post(PATH, json=body).status_code == status


def test_who_does_not_wait_is_told_how_far_it_came(client) -> None:
    answer = client.post(PATH, json=LEADS, headers={"prefer": "wait=0"})
    assert (answer.status_code, answer.json()["code"]) == (503, "deadline")


def test_a_full_server_takes_no_sample(app: LiveApp, client, monkeypatch) -> None:
    monkeypatch.setattr(app.load, "batches", 4)
    assert client.post(PATH, json=LEADS).status_code == 503


def test_lists_however_deep_are_refused_and_not_followed(client) -> None:
    deep = "[" * 900 + "]" * 900
    headers = {"content-type": "application/json"}
    for part in (deep, f'{{"attributes": {deep}, "interactions": {deep}}}'):
        told = client.post(PATH, content=f'{{"leads": [{part}]}}', headers=headers)
        assert (told.status_code, told.json()["refused"]) == (200, 1)
