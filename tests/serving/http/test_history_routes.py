"""The route of a lead's history: what was answered comes back, and nothing of any other lead."""

from pathlib import Path
from urllib.parse import quote

import pytest

from serving.http.app import create_app
from serving.http.settings import Settings
from tests.support.histories import DAY
from tests.support.http import TestClient

CREATED = "1970-01-01T00:00:00Z"


@pytest.fixture
def client(bundle_folder: Path, tmp_path: Path):
    settings = Settings(
        ledger=str(tmp_path / "ledger.db"),
        ledger_strict=True,
        ledger_key="sixteen letters!",
        reload_seconds=0,
    )
    live = create_app(bundle_folder, settings, clock=lambda: 60 * DAY)
    yield TestClient(live)
    live.keeper.close()


@pytest.mark.parametrize("lead_id", ["L-1", "a/b c", "é?x=1#y", "../..", "x" * 200])
def test_a_history_has_every_answer_about_the_lead_in_its_order(client, lead_id: str) -> None:
    lead = {"lead_id": lead_id, "created_at": CREATED}
    answers = [
        client.post("/v1/score", json={**lead, "as_of": f"1970-01-{day:02}T00:00:00Z"}).json()
        for day in (20, 10)
    ]
    client.post("/v1/score", json={"lead_id": "another", "created_at": CREATED})
    history = client.get(f"/v1/leads/{quote(lead_id, safe='')}/history").json()
    assert history["lead_id"] == lead_id
    told = history["answers"]
    assert [one["as_of"] for one in told] == [one["as_of"] for one in reversed(answers)]
    assert [one["hot_probability"] for one in told] == [
        one["hot_probability"] for one in reversed(answers)
    ]
    points = 100 * (told[1]["hot_probability"] - told[0]["hot_probability"])
    assert told[1]["change"]["hot_points"] == pytest.approx(points)
    assert "lead" not in told[0], "the keyed hash is nobody's business"


def test_an_unknown_lead_has_an_empty_history(client) -> None:
    answer = client.get("/v1/leads/nobody/history")
    assert (answer.status_code, answer.json()) == (200, {"lead_id": "nobody", "answers": []})


def test_a_ledger_that_cannot_be_read_is_told_as_a_thing_of_now(
    bundle_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = Settings(ledger=str(tmp_path / "file" / "ledger.db"), reload_seconds=0)
    refused = TestClient(create_app(bundle_folder, settings)).get("/v1/leads/L-1/history")
    assert (refused.status_code, refused.json()["code"]) == (503, "overload")
    assert "The ledger cannot be read now" in refused.json()["detail"]


def test_a_server_without_a_ledger_has_no_histories(bundle_folder: Path) -> None:
    client = TestClient(create_app(bundle_folder, Settings(reload_seconds=0)))
    refused = client.get("/v1/leads/L-1/history")
    assert (refused.status_code, refused.json()["code"]) == (404, "no_ledger")
