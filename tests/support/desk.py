"""A small house for the tests of the day's list: a bundle that reads labels, people, and leads."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from features.engine.history import LeadRecord, histories_of_records
from features.language.kinds import LABEL_FIELDS
from features.language.spec import Spec
from serving.desk.hours import microseconds_of
from serving.desk.people import Team, team_of
from serving.desk.worklist import LeadPool
from tests.support.bundles import ATTRIBUTE_KINDS

HOUR = 3_600_000_000
DAY = 24 * HOUR
MONDAY = microseconds_of(datetime(2026, 1, 5, 9, tzinfo=UTC))
"""When the house opens on the day of the list."""

PEOPLE = """
link = "https://crm.example.com/leads/{lead_id}"
leader = "carla"

[attributes]
owner = "owner"
source = "source_kind"
form = "form"
referrer = "referrer"

[[person]]
id = "ana"
languages = ["pt"]
capacity = 3

[[person]]
id = "boris"
languages = ["ru"]
capacity = 3

[[person]]
id = "carla"
capacity = 2
"""

KINDS = {
    **ATTRIBUTE_KINDS,
    **dict.fromkeys(("owner", "source_kind", "form", "referrer"), "category"),
}


def house(**changes: Any) -> Team:
    """The people above, with other values at the top of the file."""
    return team_of({**tomllib.loads(PEOPLE), **changes}, "people.toml")


def contact(days_ago: float, kind: str = "call", **labels: Any) -> dict[str, Any]:
    """An interaction so many days before the list; without a direction it is ours."""
    moment = MONDAY - round(days_ago * DAY)
    values = {"channel": "phone", "direction": "outbound", "kind": kind, **labels}
    return {"occurred_at": moment, "recorded_at": moment, "duration_seconds": 60.0, **values}


def lead(
    days_old: float, *interactions: Mapping[str, Any], **attributes: str | float
) -> LeadRecord:
    """A lead that was created so many days before the list."""
    return LeadRecord(MONDAY - round(days_old * DAY), list(interactions), attributes)


def pool(leads: Mapping[str, LeadRecord], **changes: Any) -> LeadPool:
    """Open leads by their ids."""
    histories = histories_of_records(list(leads.values()), KINDS, ["duration_seconds"])
    return replace(LeadPool(tuple(leads), histories), **changes)


def reading_all_labels(spec: Spec) -> Spec:
    """The spec, with every label among what it reads."""
    return replace(spec, ignored=dict.fromkeys(LABEL_FIELDS, ()))
