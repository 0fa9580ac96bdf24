"""Pages of listed sites may call from a browser, and no others."""

import hashlib
from pathlib import Path

import pytest

from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings, settings_from
from tests.support.http import TestClient

ORIGIN = "https://crm.example"
KEY = {"authorization": "Bearer c"}
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, content-type, prefer",
}


@pytest.fixture(scope="module")
def client(bundle_folder: Path, now: int) -> TestClient:
    keys = api_keys(f"crm:score:{hashlib.sha256(b'c').hexdigest()}")
    settings = Settings(api_keys=keys, cors_origins=(ORIGIN, "http://localhost:5173"))
    return TestClient(create_app(bundle_folder, settings, clock=lambda: now))


def test_a_listed_site_may_call_and_read_refusals_too(client) -> None:
    ahead = client.options("/v1/score", headers=PREFLIGHT)
    assert ahead.status_code == 200
    assert ahead.headers["access-control-allow-origin"] == ORIGIN
    for headers, status in ((KEY, 422), ({}, 401)):
        answer = client.post("/v1/score", json={}, headers={"origin": ORIGIN, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


def test_a_crowd_is_told_to_a_listed_site(client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.app.load, "requests", 64)
    answer = client.post("/v1/score", json={}, headers={"origin": ORIGIN, **KEY})
    assert answer.status_code == 503
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://crm.example", "https://crm.example.evil", "null", "*", ""],
)
def test_no_other_site_may(client, origin: str) -> None:
    ahead = client.options("/v1/score", headers=PREFLIGHT | {"origin": origin})
    answer = client.get("/v1/model", headers={"origin": origin, **KEY})
    assert (ahead.status_code, answer.status_code) == (400, 200)
    for one in (ahead, answer):
        assert "access-control-allow-origin" not in one.headers


def test_without_a_list_no_site_may(bundle_folder: Path) -> None:
    client = TestClient(create_app(bundle_folder))
    assert client.options("/v1/score", headers=PREFLIGHT).status_code == 405
    answer = client.get("/v1/model", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "text",
    ["*", "null", "crm.example", "https://crm.example/", "https://CRM.example", "https://*.example",
     "https://crm.example, https://other.example", "https://a@b", "file://x", ""],
)  # fmt: skip
def test_what_is_no_origin_stops_the_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"LEAD_TEMPERATURE_CORS_ORIGINS.*is no origin"):
        settings_from({"LEAD_TEMPERATURE_CORS_ORIGINS": text})


def test_origins_come_from_the_environment() -> None:
    text = "https://crm.example,http://localhost:5173,http://[::1]:80"
    settings = settings_from({"LEAD_TEMPERATURE_CORS_ORIGINS": text})
    assert settings.cors_origins == tuple(text.split(","))
