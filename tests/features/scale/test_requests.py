import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.scale.requests import requests_of
from features.spine import Spine, iso
from features.tables import Kind
from tests.support.tables import tables_of

KINDS: dict[str, Kind] = {
    "country": "category",
    "size": "number",
    "need": "category",
    "score": "number",
    "met_at": "timestamp",
}
TABLES = tables_of(
    [
        {"lead_id": "a", "created_at": 1, "country": "it", "size": 40.0},
        {"lead_id": "b", "created_at": 2, "country": None, "size": None},
    ],
    [
        {"lead_id": "a", "occurred_at": 3.0, "kind": "call", "minutes": 2.5},
        {"lead_id": "a", "occurred_at": 4.0, "recorded_at": 9.0, "kind": "late"},
        {"lead_id": "a", "occurred_at": 8.0, "recorded_at": 4.0, "kind": "booked"},
        {"lead_id": "b", "occurred_at": 3.0, "kind": "visit"},
    ],
    [
        {"lead_id": "a", "recorded_at": 3.0, "name": "need", "text": "cost"},
        {"lead_id": "a", "recorded_at": 5.0, "name": "need", "text": "speed"},
        {"lead_id": "a", "recorded_at": 3.0, "name": "score", "number": 7.0},
        {"lead_id": "a", "recorded_at": 3.0, "name": "met_at", "number": 2.0 * DAY},
    ],
    kinds=KINDS,
    fixed=("country", "size"),
    measures=("minutes",),
)


def request(lead: int, day: float) -> dict:
    spine = Spine(np.array([lead]), np.array([round(day * DAY)]))
    (found,) = requests_of(TABLES, spine, KINDS)
    return found


def test_a_request_holds_what_was_on_record() -> None:
    assert request(0, 5) == {
        "lead_id": "a",
        "created_at": iso(DAY),
        "as_of": iso(5 * DAY),
        "attributes": {
            "country": "it",
            "size": 40.0,
            "need": "cost",  # of day 5 at the instant itself nothing is known yet
            "score": 7.0,
            "met_at": iso(2 * DAY),
        },
        "interactions": [
            {
                "occurred_at": iso(3 * DAY),
                "recorded_at": iso(3 * DAY),
                "kind": "call",
                "measures": {"minutes": 2.5},
            },
            {"occurred_at": iso(8 * DAY), "recorded_at": iso(4 * DAY), "kind": "booked"},
        ],
    }


def test_later_versions_and_entries_come_with_time() -> None:
    later = request(0, 10)
    assert later["attributes"]["need"] == "speed"
    assert [event["kind"] for event in later["interactions"]] == ["call", "late", "booked"]


def test_what_is_missing_is_not_sent() -> None:
    found = request(1, 10)
    assert found["attributes"] == {}
    assert [event["kind"] for event in found["interactions"]] == ["visit"]


def test_requests_come_in_the_order_of_the_spine() -> None:
    spine = Spine(np.array([1, 0, 1]), np.array([3 * DAY, 4 * DAY, 5 * DAY]))
    found = requests_of(TABLES, spine, KINDS)
    assert [(one["lead_id"], one["as_of"]) for one in found] == [
        ("b", iso(3 * DAY)), ("a", iso(4 * DAY)), ("b", iso(5 * DAY)),
    ]  # fmt: skip
