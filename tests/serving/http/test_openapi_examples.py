"""Every example of the OpenAPI document is what the server says, and keeps to its schema."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
from fastapi import FastAPI, Response

from models.bundle import save_bundle
from serving.answers.model import served_model
from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.openapi import openapi_document
from serving.http.security import ROLES, api_keys
from serving.http.settings import Settings
from tests.support.bundles import small_bundle
from tests.support.histories import DAY
from tests.support.http import TestClient

JSON = {"content-type": "application/json"}
REFUSALS = {
    ("POST", "/v1/score"): {400, 401, 403, 408, 413, 415, 422, 500, 503},
    ("POST", "/v1/score/batch"): {400, 401, 403, 408, 413, 415, 422, 500, 503},
    ("POST", "/v1/validate"): {400, 401, 403, 408, 413, 415, 422, 500, 503},
    ("GET", "/v1/leads/{lead_id}/history"): {401, 403, 404, 500, 503},
    ("GET", "/v1/model"): {401, 403, 500, 503},
    ("GET", "/v1/contract"): {401, 403, 500, 503},
    ("GET", "/v1/contract/changes"): {401, 403, 500, 503},
    ("GET", "/report"): {401, 403, 404, 500, 503},
    ("GET", "/leads/try"): {401, 403, 500, 503},
    ("GET", "/work"): {401, 403, 404, 500, 503},
    ("POST", "/v1/model/reload"): {401, 403, 409, 500},
    ("GET", "/metrics"): {401, 403, 500},
    ("GET", "/healthz"): {500},
    ("GET", "/readyz"): {500, 503},
}
EVERY_REFUSAL = [(m, path, status) for (m, path), all_ in REFUSALS.items() for status in all_]


def bearer(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer key-{role}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown") / "bundle"
    save_bundle(small_bundle(), folder)
    return folder


@pytest.fixture(scope="module")
def app(folder: Path) -> LiveApp:
    hashes = {role: hashlib.sha256(f"key-{role}".encode()).hexdigest() for role in ROLES}
    keys = api_keys(",".join(f"{role}:{role}:{digest}" for role, digest in hashes.items()))
    settings = Settings(api_keys=keys, body_seconds=0.05, reload_seconds=0)
    return create_app(folder, settings, clock=lambda: 60 * DAY)


@pytest.fixture(scope="module")
def keyless(folder: Path) -> LiveApp:
    return create_app(folder, Settings(reload_seconds=0), clock=lambda: 60 * DAY)


@pytest.fixture(scope="module")
def keyed(app: LiveApp) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def shown(keyed: TestClient) -> Any:
    """The document of a server with keys."""
    return keyed.get("/openapi.json", headers=bearer("score")).json()


def values(body: Any) -> dict[str, Any]:
    """Examples of a content by their names; "" where there is one alone."""
    named = {name: one["value"] for name, one in body.get("examples", {}).items()}
    return {"": body["example"]} if "example" in body else named


def bodies(document: Any) -> Iterator[tuple[str, Any]]:
    """Every content of the document that has examples, with where it stands."""
    for path, routes in document["paths"].items():
        for method, route in routes.items():
            places = {**route["responses"], "request": route.get("requestBody", {})}
            for place, found in places.items():
                for body in found.get("content", {}).values():
                    if values(body):
                        yield f"{method} {path} {place}", body


def test_every_example_keeps_to_its_schema(shown) -> None:
    places = dict(bodies(shown))
    assert len(places) > 40
    for place, body in places.items():
        schema = {**body["schema"], "components": shown["components"]}
        for value in values(body).values():
            try:
                jsonschema.Draft202012Validator(schema).validate(value)
            except jsonschema.ValidationError as error:
                pytest.fail(f"{place}: {error.message}")


@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch"])
def test_the_examples_score_as_they_say(keyed, shown, path: str) -> None:
    route = shown["paths"][path]["post"]
    request = route["requestBody"]["content"]["application/json"]["example"]
    examples = values(route["responses"]["200"]["content"]["application/json"])
    assert set(examples) == {"plain", "?include=trend,forecast"} if path == "/v1/score" else {""}
    for name, expected in examples.items():
        query = name if name.startswith("?") else ""
        one = expected["results"][0] if path.endswith("/batch") else expected
        headers = {**bearer("score"), "x-request-id": one["request_id"]}
        answer = keyed.post(path + query, json=request, headers=headers)
        assert answer.status_code == 200
        assert answer.json() == expected


def test_the_example_sample_shows_what_it_says(keyed, shown) -> None:
    route = shown["paths"]["/v1/validate"]["post"]
    request = route["requestBody"]["content"]["application/json"]["example"]
    expected = values(route["responses"]["200"]["content"]["application/json"])[""]
    headers = {**bearer("score"), "x-request-id": expected["request_id"]}
    assert keyed.post("/v1/validate", json=request, headers=headers).json() == expected


def test_the_example_lead_uses_all_of_the_schema(shown) -> None:
    route = shown["paths"]["/v1/score"]["post"]
    request = route["requestBody"]["content"]["application/json"]["example"]
    expected = values(route["responses"]["200"]["content"]["application/json"])["plain"]
    assert set(request["attributes"]) == {"country", "company_size", "first_met_at"}
    assert set(request["interactions"][0]["measures"]) == {"duration_seconds"}
    assert expected["warnings"] == []


@pytest.mark.parametrize(
    "path", ["/v1/model", "/v1/contract", "/v1/contract/changes", "/healthz", "/readyz"]
)
def test_the_examples_of_what_can_be_read_are_the_answers(keyed, shown, path: str) -> None:
    body = shown["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    answer = keyed.get(path, headers=bearer("score")).json()
    if "card" in answer:  # the example shows a line of it, the model's own is long
        answer["card"] = {"data_end": answer["card"]["data_end"]}
    assert values(body)[""] == answer


def test_the_example_of_the_figures_names_figures_that_there_are(keyed, shown) -> None:
    body = shown["paths"]["/metrics"]["get"]["responses"]["200"]["content"]["text/plain"]
    help_, type_, figure = values(body)[""].splitlines()
    lead = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
    band = keyed.post("/v1/score", json=lead, headers=bearer("score")).json()["band"]
    found = keyed.get("/metrics", headers=bearer("operate")).text
    assert help_ in found
    assert type_ in found
    assert re.sub(r'".*', f'"{band}"', figure) in found


def test_the_refusals_that_are_shown_are_these(shown) -> None:
    found = {
        (method.upper(), path): {int(status) for status in route["responses"]} - {200}
        for path, routes in shown["paths"].items()
        for method, route in routes.items()
    }
    assert found == REFUSALS


@pytest.mark.parametrize(("method", "path", "status"), EVERY_REFUSAL)
def test_a_refusal_is_shown_as_the_server_says_it(
    app, shown, folder: Path, monkeypatch, method: str, path: str, status: int
) -> None:
    responses = shown["paths"][path][method.lower()]["responses"]
    (body,) = responses[str(status)]["content"].values()
    role = role_wanted(responses)
    for name, expected in values(body).items():
        request = refused_request(status, path, name)
        if status == 403:
            role = re.findall("has the role ([a-z]+)", expected["detail"])[0]
        headers = JSON | ({} if status == 401 else bearer(role)) | request.pop("headers", {})
        with monkeypatch.context() as patch, broken_bundle(folder, broken=status == 409):
            if status == 500:
                patch.setattr("serving.http.query_shortcut.QueryShortcut.__call__", fails)
            if status == 503:
                patch.setattr(app.load, "draining", path == "/readyz")
                patch.setattr(app.load, "requests", 64)
            answer = asked(app, method, path, headers=headers, **request)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert told(answer.json(), folder) == told(expected, folder)


def test_without_keys_a_request_for_another_host_is_shown_as_refused(keyless, folder) -> None:
    document = TestClient(keyless).get("/openapi.json").json()
    for method, path in REFUSALS:
        responses = document["paths"][path][method.lower()]["responses"]
        assert not {"401", "403"} & responses.keys()
        if path in ("/healthz", "/readyz"):
            assert "421" not in responses
            continue
        (body,) = responses["421"]["content"].values()
        answer = asked(keyless, method, path, headers=JSON | {"host": "crm.example"})
        assert answer.status_code == 421
        assert told(answer.json(), folder) == told(body["example"], folder)


def role_wanted(responses: Any) -> str:
    """The role that a route asks for, by its examples."""
    if "401" not in responses:
        return "score"
    (body,) = responses["401"]["content"].values()
    return re.findall("with the role ([a-z]+)", body["example"]["detail"])[0]


def refused_request(status: int, path: str, name: str) -> dict[str, Any]:
    """What is sent to be refused with this status, as the example of this name."""
    match status:
        case 400:
            return {"content": b'{"leads": }'}
        case 408:
            return {"content": stalled()}
        case 413:
            return {"content": b" " * (8 * 2**20 + 1)}
        case 415:
            return {"content": b"{}", "headers": {"content-type": "text/plain"}}
        case 422 if name.startswith("query"):
            return {"content": b"{}", "params": {"include": "moon"}}
        case 422 if path == "/v1/score":
            return {"content": b'{"lead_id": "L-1001"}'}
        case _:
            return {"content": b"{}"}


async def stalled() -> AsyncIterator[bytes]:
    """A body that does not come to its end."""
    yield b"{"
    await asyncio.Event().wait()


async def fails(*_: object) -> None:
    raise RuntimeError


@contextmanager
def broken_bundle(folder: Path, broken: bool) -> Iterator[None]:
    """The folder without one of the bundle's files, for a while."""
    aside = folder.parent / "hot.txt"
    if broken:
        (folder / "hot.txt").rename(aside)
    yield
    if broken:
        aside.rename(folder / "hot.txt")


def asked(app: LiveApp, method: str, path: str, **request: Any) -> httpx2.Response:
    """Answer of the application, which may come before the body does."""

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


def told(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A problem without what differs from one server and request to the next."""
    detail = found["detail"].replace(str(folder), "bundle")
    for pattern in (r"(?<=The key ')[a-z]+", r"(?<=Meanwhile )\S+", r"\d+(\.\d+)?"):
        detail = re.sub(pattern, "…", detail)
    return found | {"detail": detail, "request_id": ""}


def test_a_route_without_an_example_is_refused_by_its_path() -> None:
    app = FastAPI()
    app.get("/v1/bare", response_class=Response)(fails)
    model = served_model(small_bundle(), Settings().limits)
    with pytest.raises(
        ValueError, match=r"/v1/bare shows no example of its answer 200.*responses="
    ):
        openapi_document(app, model, keys=False)
