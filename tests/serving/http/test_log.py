"""The log: JSON lines that say what happened and nothing about a lead."""

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from serving.http.app import create_app
from serving.http.log import (
    LOG_FIELDS,
    SUM_SECONDS,
    BoundedHandler,
    JsonLines,
    RefusalSums,
)
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


def refusal(number: int, status: int = 422, client: str = "crm") -> logging.LogRecord:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "refused %s", (number,), None)
    setattr(record, LOG_FIELDS, {"client": client, "route": "/v1/score", "status": status})
    return record


def test_a_log_that_nobody_reads_stops_nobody_and_what_is_dropped_is_counted() -> None:
    reading, writing = os.pipe()
    handler, counted = BoundedHandler(writing, max_lines=50), []
    handler.count_dropped = counted.append
    for number in range(5_000):  # far more than pipe and queue take
        handler.emit(
            logging.LogRecord("x", logging.ERROR, "f", 1, "%s" + 100 * "x", (number,), None)
        )
    assert sum(counted) > 1_000
    handler.flush()  # comes back though nothing can be written
    written, dropped, remaining = 0, 0, b""
    while (written, dropped) != (5_000 - sum(counted), sum(counted)):
        *lines, remaining = (remaining + os.read(reading, 65_536)).split(b"\n")
        for line in map(json.loads, lines):
            dropped += line.get("dropped", 0)
            written += "dropped" not in line


def test_a_log_whose_reader_has_gone_is_counted_and_raises_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler, counted = BoundedHandler(writing), []
    handler.count_dropped = counted.append
    handler.emit(logging.LogRecord("x", logging.ERROR, "f", 1, "one", (), None))
    handler.flush()
    assert counted == [1]


def test_refusals_of_one_kind_are_told_once_a_minute_with_their_number() -> None:
    now = [0.0]
    sums = RefusalSums(lambda: now[0])
    assert [sums.is_repeated(refusal(number)) for number in range(4)] == [False, True, True, True]
    assert not sums.is_repeated(refusal(0, status=404))
    assert not sums.is_repeated(refusal(0, client="another"))
    assert sums.due() == []
    now[0] = SUM_SECONDS
    assert sums.due() == [(("crm", "/v1/score", 422), 3)]
    assert sums.due() == []
    assert not sums.is_repeated(refusal(5))  # the next minute has begun


@pytest.mark.parametrize("status", [0, 200, 500, 503])
def test_what_is_no_refusal_is_always_told(status: int) -> None:
    sums = RefusalSums()
    assert not any(sums.is_repeated(refusal(number, status)) for number in range(3))


def test_sums_are_written_though_no_other_line_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.http.log.SUM_SECONDS", 0.0)
    monkeypatch.setattr("serving.http.log._TICK_SECONDS", 0.01)
    reading, writing = os.pipe()
    handler = BoundedHandler(writing)
    handler._sums._began[("crm", "/v1/score", 422)] = 0.0
    handler._sums._counts[("crm", "/v1/score", 422)] = 224
    told = json.loads(os.read(reading, 65_536))
    assert (told["client"], told["status"], told["refused"]) == ("crm", 422, 224)
