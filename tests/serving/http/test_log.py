"""The log: JSON lines that say what happened and nothing about a lead."""

import json
import logging
import sys
from pathlib import Path

import pytest

from serving.http.app import create_app
from serving.http.log import LOG_FIELDS, JsonLines
from tests.support.http import TestClient

WORD = "Maria.Rossi-39055123"


def lead(**fields: object) -> dict[str, object]:
    return {"lead_id": WORD, "created_at": "1970-01-01T00:00:00Z"} | fields


def test_refused_requests_are_logged_with_their_id_and_no_word_of_the_lead(
    bundle_folder: Path, now: int, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(create_app(bundle_folder, clock=lambda: now))
    with caplog.at_level(logging.DEBUG, "serving"):
        client.post("/v1/score", json=lead(), headers={"x-request-id": "good-1"})
        client.post("/v1/score", json=lead(phone=WORD), headers={"x-request-id": "bad-1"})
        client.get(f"/v1/{WORD}?{WORD}", headers={"x-request-id": "bad-2"})
    lines = [json.loads(JsonLines().format(r)) for r in caplog.records if hasattr(r, LOG_FIELDS)]
    told = [(one["request_id"], one["level"], one["route"], one["status"]) for one in lines]
    assert told == [
        ("good-1", "debug", "/v1/score", 200),
        ("bad-1", "info", "/v1/score", 422),
        ("bad-2", "info", "unknown", 404),
    ]
    assert WORD not in json.dumps(lines)


def test_a_line_is_json_and_tells_of_an_exception_only_its_type_and_places() -> None:
    try:
        int(WORD)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "a\n%s", ("b",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    assert WORD not in line
    found = json.loads(line)
    assert (found["message"], found["level"], found["error"]) == ("a\nb", "error", "ValueError")
    assert "test_log.py" in found["places"][0]
    assert found["time"].endswith("Z")
