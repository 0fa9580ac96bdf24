"""Metrics: they say what happened and nothing about a lead."""

import re
from pathlib import Path
from typing import get_args

import pytest

from models.bundle import load_bundle
from serving.answers.problem import Reason
from serving.http.app import create_app
from tests.support.histories import DAY
from tests.support.http import TestClient

WORD = "Maria.Rossi-39055123"
DOCUMENT = Path(__file__).parents[3] / "docs" / "serving.md"


@pytest.fixture
def asked(bundle_folder: Path, now: int) -> TestClient:
    """A server of its own, whose figures begin at nothing."""
    return TestClient(create_app(bundle_folder, clock=lambda: now))


def figures(client: TestClient) -> dict[str, float]:
    """Samples by name and labels."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def lead(**more: object) -> dict[str, object]:
    return {"lead_id": WORD, "created_at": "1970-01-01T00:00:00Z"} | more


def test_requests_are_timed_by_route_and_status(asked) -> None:
    asked.post("/v1/score", json=lead())
    asked.post("/v1/score", json={})
    found = figures(asked)
    for status in ("200", "422"):
        labels = f'{{route="/v1/score",status="{status}"}}'
        assert found[f"lead_temperature_request_seconds_count{labels}"] == 1
        assert 0 < found[f"lead_temperature_request_seconds_sum{labels}"] < 60


def test_bands_and_probabilities_are_counted(asked) -> None:
    answer = asked.post("/v1/score", json=lead()).json()
    batch = asked.post("/v1/score/batch", json={"leads": [lead(), lead(), {}]}).json()
    found = figures(asked)
    assert answer["band"] == batch["results"][0]["band"]
    assert found[f'lead_temperature_scored_leads_total{{band="{answer["band"]}"}}'] == 3
    for horizon in ("hot", "warm"):
        total = found[f'lead_temperature_probability_sum{{horizon="{horizon}"}}']
        assert total == pytest.approx(3 * answer[f"{horizon}_probability"])


def test_refusals_are_counted_by_the_law_that_was_broken_first(asked) -> None:
    asked.post("/v1/score", json={})
    late = lead(as_of="2100-01-01T00:00:00Z", created_at="2100-01-01T00:00:00Z")
    early = lead(created_at="1970-01-03T00:00:00Z", as_of="1970-01-02T00:00:00Z")
    several = [{}, lead(), late, early, lead(phone=WORD), lead(created_at=WORD, phone=WORD)]
    asked.post("/v1/score/batch", json={"leads": several})
    asked.post("/v1/score", content=b"{", headers={"content-type": "application/json"})
    asked.post("/v1/score", content=b"{")
    asked.post("/v1/score?reasons=many", json=lead())
    asked.get("/none")
    assert refusals(asked) == {
        "missing": 2, "future": 1, "before_creation": 1, "unknown_name": 1, "no_time": 1,
        "not_json": 1, "other_type": 1, "other_value": 1, "no_such_page": 1,
    }  # fmt: skip


def test_a_refusal_is_told_to_the_client_without_the_name_it_is_counted_by(asked) -> None:
    assert "reason" not in asked.post("/v1/score", json={}).text


def refusals(client: TestClient) -> dict[str, float]:
    """How many of each reason."""
    found = figures(client).items()
    told = ((re.fullmatch(r'.*_refusals_total\{reason="(\w+)"\}', name), n) for name, n in found)
    return {name[1]: number for name, number in told if name}


def test_every_reason_of_a_refusal_is_documented() -> None:
    (paragraph,) = re.findall(r"The reasons are (.*?)\.\n\n", DOCUMENT.read_text(), re.DOTALL)
    assert set(re.findall(r"`(\w+)`", paragraph)) == set(get_args(Reason))


def test_the_bundle_and_its_age_are_told(asked, bundle_folder: Path, now: int) -> None:
    version = load_bundle(bundle_folder).version
    found = figures(asked)
    assert found[f'lead_temperature_bundle_info{{version="{version}"}}'] == 1
    assert now == 60 * DAY
    assert found["lead_temperature_bundle_age_seconds"] == (60 - 31) * 86_400


def test_figures_hold_nothing_that_was_sent(asked) -> None:
    asked.post("/v1/score", json=lead(attributes={"country": WORD}))
    asked.get(f"/v1/{WORD}?{WORD}={WORD}", headers={"x-request-id": WORD})
    asked.request(WORD, "/healthz")
    assert WORD not in asked.get("/metrics").text


def test_every_figure_is_documented(asked) -> None:
    asked.post("/v1/score", json=lead())
    asked.get("/none")
    told = set(re.findall(r"^\| `(lead_temperature_\w+)`", DOCUMENT.read_text(), re.MULTILINE))
    found = re.findall(r"^# TYPE (\w+) ", asked.get("/metrics").text, re.MULTILINE)
    assert {name for name in found if not name.endswith("_created")} == told


def test_two_servers_in_one_process_count_apart(asked, bundle_folder: Path) -> None:
    asked.get("/none")
    other = TestClient(create_app(bundle_folder))
    assert not [name for name in figures(other) if "refusals_total{" in name]
