"""A server with a ledger keeps what it answers, says so truly, and goes on when it cannot."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.hashing import lead_hash
from ledger.record import Answered
from ledger.store import open_ledger
from serving.http.app import create_app
from serving.http.keeping import require_ledger
from serving.http.live import LiveApp
from serving.http.settings import Settings, settings_from
from tests.support.histories import DAY
from tests.support.http import TestClient

NAME = "Maria-Rossi-39055123"
CREATED = "1970-01-01T00:00:00Z"


def lead(number: int = 0, **more: object) -> dict[str, object]:
    return {"lead_id": f"{NAME}-{number}", "created_at": CREATED, **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


class Asked:
    """A server with a ledger of its own, asked in this process."""

    def __init__(self, bundle: Path, file: Path, **settings: Any) -> None:
        self.file = file
        self.live: LiveApp = create_app(
            bundle,
            Settings(ledger=str(file), reload_seconds=0, **settings),
            clock=lambda: 60 * DAY,
        )
        self.client = TestClient(self.live)

    def kept(self) -> list[Answered]:
        """What the ledger has once the server has ended."""
        assert self.live.keeper is not None
        self.live.keeper.close()
        ledger = open_ledger(str(self.file))
        answers = [
            one for name in dict.fromkeys(ledger.read().lead) for one in ledger.history(name)
        ]
        ledger.close()
        return answers


@pytest.fixture
def asked(bundle_folder: Path, folder: Path) -> Iterator[Asked]:
    asked = Asked(bundle_folder, folder / "ledger.db")
    yield asked
    asked.live.keeper.close()


@pytest.fixture
def strict(bundle_folder: Path, folder: Path) -> Iterator[Asked]:
    asked = Asked(bundle_folder, folder / "ledger.db", ledger_strict=True)
    yield asked
    asked.live.keeper.close()


def test_a_server_without_a_ledger_says_so(bundle_folder: Path) -> None:
    client = TestClient(create_app(bundle_folder, Settings(reload_seconds=0)))
    assert client.post("/v1/score", json=lead()).json()["ledger"] is None
    assert client.get("/healthz").json()["ledger"] is None


def test_every_answer_waits_to_be_kept_and_says_so(asked: Asked) -> None:
    single = asked.client.post("/v1/score", json=lead()).json()
    course = asked.client.post("/v1/score?include=trend", json=lead(1)).json()
    body = {"leads": [lead(2), {}, lead(3)]}
    batch = asked.client.post("/v1/score/batch", json=body).json()["results"]
    lines = asked.client.post(
        "/v1/score/batch", json=body, headers={"Accept": "application/x-ndjson"}
    )
    assert single["ledger"] == course["ledger"] == "queued"
    assert [one.get("ledger") for one in batch] == ["queued", None, "queued"]
    assert [json.loads(line).get("ledger") for line in lines.text.splitlines()] == [
        "queued", None, "queued",
    ]  # fmt: skip
    kept = asked.kept()
    assert [one.lead for one in kept] == [f"{NAME}-{number}" for number in range(4)]
    assert [one.purpose for one in kept] == ["work", "work", "batch", "batch"]
    assert kept[0].hot.probability == single["hot_probability"]


def test_a_strict_server_has_kept_what_it_answers(strict: Asked) -> None:
    answer = strict.client.post("/v1/score", json=lead()).json()
    assert answer["ledger"] == "kept"
    reader = sqlite3.connect(strict.file)
    assert reader.execute("SELECT lead FROM answers").fetchall() == [(f"{NAME}-0",)]
    batch = strict.client.post("/v1/score/batch", json={"leads": [lead(1), lead(2)]}).json()
    assert [one["ledger"] for one in batch["results"]] == ["kept", "kept"]
    assert reader.execute("SELECT count(*) FROM answers").fetchone() == (3,)
    reader.close()


@pytest.mark.parametrize(("query", "purpose"), [("", "work"), ("?purpose=try", "try")])
def test_what_an_answer_is_for_is_noted(asked: Asked, query: str, purpose: str) -> None:
    asked.client.post(f"/v1/score{query}", json=lead())
    assert [one.purpose for one in asked.kept()] == [purpose]


def test_a_ledger_with_a_key_has_no_letter_of_an_id(bundle_folder: Path, folder: Path) -> None:
    key = "sixteen letters!"
    asked = Asked(bundle_folder, folder / "ledger.db", ledger_key=key)
    asked.client.post("/v1/score", json=lead())
    assert [one.lead for one in asked.kept()] == [lead_hash(key)(f"{NAME}-0")]
    assert not any(NAME.encode() in path.read_bytes() for path in folder.iterdir())


def break_ledger(folder: Path) -> None:
    """Put a file where the folder of the ledger should be."""
    folder.write_text("no folder")


def test_scoring_goes_on_where_nothing_can_be_kept_and_says_so(asked: Asked, folder: Path) -> None:
    break_ledger(folder)
    assert asked.client.post("/v1/score", json=lead()).json()["ledger"] == "queued"
    while not asked.live.keeper.writer.is_failing:
        pass
    assert asked.client.get("/healthz").json()["ledger"] == "failing"
    metrics = asked.client.get("/metrics").text
    assert "lead_temperature_ledger_failing 1.0" in metrics
    assert "lead_temperature_ledger_waiting 1.0" in metrics
    folder.unlink()
    assert [one.lead for one in asked.kept()] == [f"{NAME}-0"], "it was kept once it could be"


def test_a_strict_server_refuses_what_it_cannot_keep(
    strict: Asked, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.http.keeping.STRICT_SECONDS", 0.2)
    break_ledger(folder)
    refused = strict.client.post("/v1/score", json=lead())
    assert refused.status_code == 503
    assert refused.json()["code"] == "not_kept"
    assert int(refused.headers["retry-after"]) >= 1
    assert NAME not in refused.text
    (result,) = strict.client.post("/v1/score/batch", json={"leads": [lead(1)]}).json()["results"]
    assert (result["result"], result["status"], result["code"]) == ("problem", 503, "not_kept")
    assert result["request_id"]
    folder.unlink()
    while strict.client.post("/v1/score", json=lead(2)).status_code != 200:
        pass
    assert [one.lead for one in strict.kept()] == [f"{NAME}-2"], "what was refused is not kept"


def test_what_was_kept_is_counted(asked: Asked) -> None:
    asked.client.post("/v1/score", json=lead())
    asked.live.keeper.close()
    lines = asked.client.get("/metrics").text
    assert 'lead_temperature_ledger_answers_total{outcome="kept"} 1.0' in lines
    assert "lead_temperature_ledger_failing 0.0" in lines
    assert asked.client.post("/v1/score", json=lead()).json()["ledger"] == "not_kept"
    lines = asked.client.get("/metrics").text
    assert 'lead_temperature_ledger_answers_total{outcome="lost"} 1.0' in lines


def test_settings_of_the_ledger_come_from_the_environment() -> None:
    settings = settings_from(
        {
            "LEAD_TEMPERATURE_LEDGER": "postgresql://ana:s3cret@db/crm",
            "LEAD_TEMPERATURE_LEDGER_STRICT": "true",
            "LEAD_TEMPERATURE_LEDGER_KEY": "sixteen letters!",
        }
    )
    assert settings.ledger_strict
    assert "s3cret" not in repr(settings)
    assert "sixteen" not in repr(settings)


def test_a_ledger_that_can_never_be_used_stops_the_start() -> None:
    with pytest.raises(ValueError, match="must name SQLite or PostgreSQL"):
        require_ledger("mysql://ana:s3cret@host/crm")


def test_a_ledger_that_cannot_be_reached_now_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    require_ledger(os.fspath(tmp_path / "file" / "ledger.db"))
    assert "answers wait to be kept until the ledger can be opened" in caplog.text
