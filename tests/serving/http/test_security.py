"""Who may ask for what, and what every answer tells a browser."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.bundle import REPORT, save_bundle
from serving.http.app import create_app
from serving.http.security import api_keys, is_loopback
from serving.http.settings import Settings
from tests.support.bundles import small_bundle
from tests.support.http import TestClient

KEYS = {"score": "for-the-crm", "report": "for-managers", "operate": "for-operators"}
ROLE_OF = {
    ("POST", "/v1/score"): "score",
    ("POST", "/v1/score/batch"): "score",
    ("POST", "/v1/validate"): "score",
    ("GET", "/v1/leads/{lead_id}/history"): "score",
    ("GET", "/v1/model"): "score",
    ("GET", "/v1/contract"): "score",
    ("GET", "/v1/contract/changes"): "score",
    ("GET", "/report"): "report",
    ("GET", "/"): "report",
    ("GET", "/leads/try"): "report",
    ("GET", "/work"): "report",
    ("GET", "/metrics"): "operate",
    ("POST", "/v1/model/reload"): "operate",
}
OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
ANY = {("GET", "/docs"), ("GET", "/openapi.json")}


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = tmp_path_factory.mktemp("closed") / "bundle"
    save_bundle(small_bundle(), folder, {REPORT: "<h1>report</h1>"})
    keys = ",".join(f"{role}-key:{role}:{sha256(key)}" for role, key in KEYS.items())
    return TestClient(create_app(folder, Settings(api_keys=api_keys(keys))))


@pytest.fixture(scope="module")
def keyless(bundle_folder: Path) -> TestClient:
    """A server without keys."""
    return TestClient(create_app(bundle_folder))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"anna:{key}".encode()).decode()}


def test_every_route_is_open_on_purpose_or_has_a_role(closed) -> None:
    document = closed.get("/openapi.json", headers=bearer(KEYS["score"])).json()
    routes = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert routes <= ROLE_OF.keys() | OPEN | ANY


@pytest.mark.parametrize(("method", "path"), [*ROLE_OF, *sorted(ANY)])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("guess"),
        bearer(""),
        bearer(sha256(KEYS["score"])),
        basic("guess"),
        {"authorization": "Basic \u00ff"},
        {"authorization": "Basic !!"},
        {"authorization": f"Digest {KEYS['score']}"},
        {"authorization": "Bearer " + 10_000 * "x"},
        {"x-api-key": KEYS["score"]},
    ],
)
def test_without_a_known_key_nothing_is_told(closed, method, path, headers) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = closed.request(method, path, headers=sent)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bearer" in answer.headers["www-authenticate"]
    assert "Authorization: Bearer KEY" in answer.json()["detail"]


@pytest.mark.parametrize(("asked", "role"), ROLE_OF.items())
def test_a_key_opens_the_routes_of_its_role_alone(closed, asked, role) -> None:
    for other, key in KEYS.items():
        answer = closed.request(*asked, headers=bearer(key))
        if other == role:
            assert answer.status_code not in {401, 403}
        else:
            assert answer.status_code == 403
            assert f"needs the role {role}" in answer.json()["detail"]


@pytest.mark.parametrize("key", [*KEYS.values(), "guess", ""])
def test_every_key_is_compared_in_constant_time_whichever_comes(closed, key, monkeypatch) -> None:
    compared = []

    def counting(known: str, presented: str) -> bool:
        compared.append((known, presented))
        return hmac.compare_digest(known, presented)

    monkeypatch.setattr("serving.http.security.hmac", SimpleNamespace(compare_digest=counting))
    closed.get("/v1/model", headers=bearer(key))
    assert compared == [(sha256(known), sha256(key)) for known in KEYS.values()]


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
def test_an_orchestrator_needs_no_key(closed, method: str, path: str) -> None:
    assert closed.request(method, path).status_code == 200


@pytest.mark.parametrize("page", ["/", "/report"])
def test_a_browser_opens_the_report_with_the_key_as_password(closed, page: str) -> None:
    assert closed.get(page, headers=basic(KEYS["report"])).text == "<h1>report</h1>"
    assert closed.head(page, headers=basic(KEYS["report"])).status_code == 200


def test_a_remembered_password_changes_nothing(closed) -> None:
    answer = closed.post("/v1/score", json={}, headers=basic(KEYS["score"]))
    assert answer.status_code == 401


def test_every_key_opens_the_page_of_the_routes(closed) -> None:
    for key in KEYS.values():
        page = closed.get("/docs", headers=bearer(key)).text
        assert "Needs an API key" in page


def test_the_document_says_what_needs_a_key(closed, client) -> None:
    document = closed.get("/openapi.json", headers=bearer(KEYS["score"])).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    secured = {path for path, m in document["paths"].items() for r in m.values() if "security" in r}
    assert secured == {path for _, path in ROLE_OF} - {"/"}
    assert "security" not in json.dumps(client.get("/openapi.json").json()["paths"])


def test_a_body_is_not_looked_at_before_the_key_is_known(closed) -> None:
    answer = closed.post("/v1/score/batch", content=b"x" * 100, headers={"content-type": "a/b"})
    assert answer.status_code == 401


def test_hashes_never_leave_the_server(closed) -> None:
    told = closed.get("/v1/model", headers=bearer(KEYS["score"])).text
    told += closed.get("/openapi.json", headers=bearer(KEYS["score"])).text
    for key in KEYS.values():
        assert sha256(key) not in told


@pytest.mark.parametrize("path", ["/healthz", "/none", "/docs", "/v1/model"])
def test_no_other_site_may_read_an_answer(client, path: str) -> None:
    answer = client.get(path, headers={"origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    preflight = client.options("/v1/score", headers=asked)
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/healthz", "/none", "/docs", "/v1/model"])
def test_a_browser_may_neither_keep_nor_frame_nor_guess(client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_several_keys_are_read_from_one_text() -> None:
    text = f" crm:score:{sha256('a')},\n boss:report+operate:{sha256('b')}, "
    crm, boss = api_keys(text)
    assert (crm.name, crm.roles, crm.sha256) == ("crm", ("score",), sha256("a"))
    assert boss.roles == ("report", "operate")
    assert api_keys("") == ()


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("crm:score:my-secret", "must have the form"),
        ("my-secret", "must have the form"),
        (f"crm:admin:{sha256('a')}", "roles among score, report, operate"),
        (f"crm:score:{sha256('a')},crm:report:{sha256('b')}", "one name"),
        (f"crm:score:{sha256('a')},boss:report:{sha256('a')}", "one hash"),
    ],
)
def test_a_key_in_another_form_is_refused_and_not_shown(text: str, law: str) -> None:
    with pytest.raises(ValueError, match=law) as refused:
        api_keys(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - it must be refused
        ("::", False),
        ("192.168.1.7", False),
        ("crm.example", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine_alone(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_without_keys_this_machine_is_answered_by_its_own_names(
    keyless: TestClient, host: str
) -> None:
    assert keyless.get("/v1/model", headers={"host": host}).is_success


@pytest.mark.long
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "[", ""),
        *("127.1", "a@localhost", "evil.example\\@localhost", "[::1]evil.example:80"),
        *("localhost/evil.example", "localhost?x", "localhost:evil", "localhost:80:90"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/model"),
        ("GET", "/report"),
        ("GET", "/leads/try"),
        ("GET", "/work"),
        ("GET", "/metrics"),
        ("POST", "/v1/score"),
        ("POST", "/v1/score/batch"),
        ("POST", "/v1/model/reload"),
    ],
)
def test_without_keys_a_name_that_was_made_to_point_here_is_refused(
    keyless: TestClient, host: str, method: str, path: str
) -> None:
    """A page of another site can have its own name point to this machine and read what it asks."""
    # Also where the way has been gone before, and is shorter.
    keyless.request(method, path, json={"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"})
    answer = keyless.request(method, path, headers={"host": host}, json={})
    assert answer.status_code == 421
    assert answer.json()["detail"].startswith("Without API keys the server answers this machine")
    assert "lead" not in answer.json()["detail"].lower().replace("lead_temperature", "")


def test_with_keys_any_name_is_answered(bundle_folder: Path) -> None:
    headers = {"host": "scores.crm.example", "authorization": "Bearer key-score"}
    keys = f"crm:score:{hashlib.sha256(b'key-score').hexdigest()}"
    app = create_app(bundle_folder, Settings(api_keys=api_keys(keys)))
    assert TestClient(app).get("/v1/model", headers=headers).is_success
