"""A query that was read before goes past FastAPI, and nobody can tell by the answer."""

from collections.abc import Iterator
from typing import Any

import pytest

from serving.http.app import create_app
from serving.http.query_shortcut import MAX_QUERIES
from serving.http.settings import settings_from
from tests.serving.conftest import NOW
from tests.support.http import TestClient

LEAD = {"lead_id": "1", "created_at": "1970-02-01T00:00:00Z"}
KEY, OTHER = "k" * 32, "o" * 32


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Requests whose dependencies FastAPI solved."""
    import fastapi.routing

    found, solve = [], fastapi.routing.solve_dependencies

    async def watched(*args: Any, **given: Any) -> Any:
        found.append(given["request"].url.query)
        return await solve(*args, **given)

    monkeypatch.setattr(fastapi.routing, "solve_dependencies", watched)
    return found


@pytest.fixture
def fresh(bundle_folder, solved) -> Iterator[TestClient]:
    """A server to which no query has come."""
    named = {"x-request-id": "from-the-crm"}
    with TestClient(create_app(bundle_folder, clock=lambda: NOW), headers=named) as client:
        yield client


@pytest.mark.parametrize("query", ["", "?reasons=0", "?include=trend&include=forecast&reasons=2"])
@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch"])
def test_the_second_answer_is_the_first_without_fastapi(fresh, solved, path, query) -> None:
    body = {"leads": [LEAD]} if path.endswith("batch") else LEAD
    first, second = (fresh.post(path + query, json=body) for _ in range(2))
    assert len(solved) == 1
    assert first.status_code == 200
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers == first.headers


@pytest.mark.parametrize("query", ["?reasons=21", "?reason=3", "?include=moon", "?reasons=x"])
def test_a_query_that_is_refused_is_refused_again(fresh, solved, query) -> None:
    first, second = (fresh.post(f"/v1/score{query}", json=LEAD) for _ in range(2))
    assert len(solved) == 2
    assert first.status_code == 422
    assert (second.status_code, second.content) == (first.status_code, first.content)


def test_what_is_refused_on_the_way_is_the_same_problem(fresh) -> None:
    text = {"content-type": "text/plain"}
    first = fresh.post("/v1/score", content=b"{}", headers=text)
    assert fresh.post("/v1/score", json=LEAD).status_code == 200
    second = fresh.post("/v1/score", content=b"{}", headers=text)
    assert (first.status_code, first.content) == (415, second.content)
    assert first.headers == second.headers


def test_queries_are_remembered_up_to_a_number(fresh, solved) -> None:
    for number in range(MAX_QUERIES + 1):
        fresh.post(f"/v1/score?reasons={'0' * (number // 20)}{number % 20}", json=LEAD)
    before = len(solved)
    fresh.post("/v1/score?reasons=0", json=LEAD)
    assert len(solved) == before
    last = f"/v1/score?reasons={'0' * (MAX_QUERIES // 20)}{MAX_QUERIES % 20}"
    assert fresh.post(last, json=LEAD).status_code == 200
    assert len(solved) == before + 1


def test_a_key_is_asked_for_on_the_short_way_too(bundle_folder, solved) -> None:
    import hashlib

    keys = ",".join(
        f"{role}:{role}:{hashlib.sha256(key.encode()).hexdigest()}"
        for role, key in (("score", KEY), ("report", OTHER))
    )
    settings = settings_from({"LEAD_TEMPERATURE_API_KEYS": keys})
    with TestClient(create_app(bundle_folder, settings, clock=lambda: NOW)) as client:

        def status(key: str) -> int:
            headers = {"authorization": f"Bearer {key}"}
            return client.post("/v1/score", json=LEAD, headers=headers).status_code

        assert [status(key) for key in (KEY, KEY, OTHER, "nobody's")] == [200, 200, 403, 401]
        assert len(solved) == 1
