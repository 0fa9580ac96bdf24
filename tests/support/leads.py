"""Random leads of the small bundles' schema, as they travel and as a model takes them."""

from typing import Any

from hypothesis import strategies as st

from features.engine.history import LeadRecord
from serving.answers.times import rfc3339
from tests.support.histories import DAY

instants = st.one_of(st.integers(0, 30).map(lambda d: d * DAY), st.integers(0, 30 * DAY))
labels = st.one_of(st.none(), st.sampled_from(["price_question", "call", "ж", ""]))
measures = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 600), st.just(0.1))
events = st.fixed_dictionaries(
    {"occurred_at": instants},
    optional={
        "recorded_at": instants,
        "kind": labels,
        "channel": labels,
        "duration_seconds": measures,
    },
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "country": st.one_of(st.none(), st.sampled_from(["it", "pt", "ro"])),
        "company_size": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        "first_met_at": st.one_of(st.none(), instants),
    },
)
leads = st.fixed_dictionaries(
    {
        "created_at": instants,
        "as_of": st.integers(0, 30 * DAY),
        "attributes": attributes,
        "interactions": st.lists(events, max_size=8),
    }
).filter(lambda lead: lead["created_at"] <= lead["as_of"])


def travelling(lead: dict[str, Any]) -> dict[str, Any]:
    """The lead as JSON has it."""

    def times(values: dict[str, Any]) -> dict[str, Any]:
        known = {n: v for n, v in values.items() if n.endswith("_at") and v is not None}
        return values | {name: rfc3339(value) for name, value in known.items()}

    interactions = [
        {n: v for n, v in times(event).items() if n != "duration_seconds"}
        | {"measures": {n: v for n, v in event.items() if n == "duration_seconds"}}
        for event in lead["interactions"]
    ]
    return {
        "lead_id": "1",
        "created_at": rfc3339(lead["created_at"]),
        "as_of": rfc3339(lead["as_of"]),
        "attributes": times(lead["attributes"]),
        "interactions": interactions,
    }


def record_of(lead: dict[str, Any]) -> LeadRecord:
    """The lead as a model takes it."""
    interactions = [{"recorded_at": event["occurred_at"]} | event for event in lead["interactions"]]
    return LeadRecord(lead["created_at"], interactions, lead["attributes"])
