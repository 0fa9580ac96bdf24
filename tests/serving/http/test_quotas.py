"""A key makes so many requests a minute, over all workers, and is told what is left."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.answers.problem import Refused
from serving.http.app import create_app
from serving.http.figures import private_region
from serving.http.quotas import Quotas, QuotaUse
from serving.http.security import ApiKey, api_keys
from serving.http.settings import Settings, settings_from
from tests.support.http import TestClient

SECOND = 1_000_000
LEAD = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
CRM = ApiKey("crm", ("score",), 64 * "0", quota=3)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def quotas(clock: Callable[[], int], default: int | None = None) -> Quotas:
    region = private_region()
    return Quotas(clock, region, [region], default)


def test_so_many_requests_are_counted_down_and_the_next_is_refused_until_the_minute_ends() -> None:
    now = [70 * SECOND]
    counted = quotas(lambda: now[0])
    assert [counted.take(CRM) for _ in range(3)] == [QuotaUse(3, left, 50) for left in (2, 1, 0)]
    with pytest.raises(Refused, match=r"made its 3 requests .* in 50 s") as refused:
        counted.take(CRM)
    assert refused.value.status_code == 429
    assert refused.value.headers is not None
    assert refused.value.headers["Retry-After"] == "50"
    now[0] = 120 * SECOND
    assert counted.take(CRM) == QuotaUse(3, 2, 60)


def test_a_clock_that_jumps_back_begins_anew_and_stops_nobody() -> None:
    now = [600 * SECOND]
    counted = quotas(lambda: now[0])
    for _ in range(3):
        counted.take(CRM)
    now[0] = 5 * SECOND
    assert counted.take(CRM) == QuotaUse(3, 2, 55)


def test_keys_are_counted_apart_and_without_a_quota_there_is_no_bound() -> None:
    counted = quotas(lambda: 0)
    other = ApiKey("other", ("score",), 64 * "1")
    assert [counted.take(other) for _ in range(9)] == [None] * 9
    assert counted.take(CRM) == QuotaUse(3, 2, 60)
    bounded = quotas(lambda: 0, default=1)
    bounded.take(other)
    with pytest.raises(Refused):
        bounded.take(other)
    assert bounded.take(CRM) == QuotaUse(3, 2, 60)


def test_all_processes_count_together() -> None:
    regions = [private_region() for _ in range(3)]
    workers = [Quotas(lambda: 0, region, regions, None) for region in regions]
    key = ApiKey("crm", ("score",), 64 * "0", quota=9)
    left = [workers[number % 3].take(key) for number in range(9)]
    assert [use.remaining for use in left if use] == list(range(8, -1, -1))
    for worker in workers:
        with pytest.raises(Refused):
            worker.take(key)


@pytest.fixture
def client(bundle_folder: Path, now: int) -> TestClient:
    keys = f"crm:score:{digest('c')}:3,managers:report:{digest('m')},ops:operate:{digest('o')}"
    settings = Settings(api_keys=api_keys(keys), key_quota=2)
    return TestClient(create_app(bundle_folder, settings, clock=lambda: now))


def test_every_way_in_counts_and_answers_tell_what_is_left(client) -> None:
    headers = {"authorization": "Bearer c"}
    first = client.post("/v1/score", json=LEAD, headers=headers)
    assert first.headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert first.headers["ratelimit"] == '"minute";r=2;t=60'
    second = client.post("/v1/score", json={}, headers=headers)  # past FastAPI, and refused
    assert (second.status_code, second.headers["ratelimit-remaining"]) == (422, "1")
    assert client.get("/v1/model", headers=headers).headers["ratelimit"] == '"minute";r=0;t=60'
    for method, path in (("POST", "/v1/score"), ("POST", "/v1/validate"), ("GET", "/v1/contract")):
        refused = client.request(method, path, headers=headers)
        assert refused.status_code == 429
        assert refused.json()["code"] == "quota"
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["ratelimit"] == '"minute";r=0;t=60'
        assert refused.headers["ratelimit-limit"] == "3"


def test_whoever_runs_the_server_and_what_shows_how_to_call_it_are_never_out_of_quota(
    client,
) -> None:
    for _ in range(5):
        figures = client.get("/metrics", headers={"authorization": "Bearer o"})
        assert figures.status_code == 200
        assert "ratelimit" not in figures.headers
        assert client.get("/docs", headers={"authorization": "Bearer m"}).status_code == 200
    for status in (200, 200, 429):
        page = client.get("/leads/try", headers={"authorization": "Bearer m"})
        assert page.status_code == status


def test_the_document_tells_of_quotas_where_there_are_any(client, bundle_folder: Path) -> None:
    document = client.get("/openapi.json", headers={"authorization": "Bearer c"}).json()
    responses = document["paths"]["/v1/score"]["post"]["responses"]
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= responses["429"]["headers"].keys()
    assert "429" not in document["paths"]["/metrics"]["get"]["responses"]


def test_a_keys_quota_travels_with_it_through_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"crm:score+report:{digest('c')}:600\nops:operate:{digest('o')}\n")
    settings = settings_from({"LEAD_TEMPERATURE_API_KEYS_FILE": str(file)})
    assert [key.quota for key in settings.api_keys] == [600, None]
    order = Settings.model_validate(settings.model_dump(mode="json"))
    assert order == settings
    assert settings.has_quotas


@pytest.mark.parametrize("quota", ["0", "-1", "1.5", "many", "", "99999999"])
def test_a_quota_is_a_number_from_one_on(quota: str) -> None:
    with pytest.raises(ValueError, match="NAME:ROLES:SHA256:QUOTA"):
        api_keys(f"crm:score:{digest('c')}:{quota}")


def test_more_keys_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(ValueError, match="401 keys, at most 400"):
        api_keys(",".join(f"k{number}:score:{digest(str(number))}" for number in range(401)))


def test_the_last_use_of_each_key_is_told_without_the_key(client, now: int) -> None:
    client.get("/v1/model", headers={"authorization": "Bearer c"})
    client.get("/v1/model", headers={"authorization": "Bearer wrong"})
    figures = client.get("/metrics", headers={"authorization": "Bearer o"}).text
    lines = [line for line in figures.splitlines() if line.startswith("lead_temperature_key_last")]
    assert [line.rpartition(" ")[0] for line in lines] == [
        f'lead_temperature_key_last_used_seconds{{key="{name}"}}' for name in ("crm", "ops")
    ]
    assert [float(line.rpartition(" ")[2]) for line in lines] == [now / 1e6] * 2
    assert digest("c") not in figures
