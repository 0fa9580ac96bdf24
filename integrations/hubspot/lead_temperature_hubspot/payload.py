"""A contact with its activities as a lead, in the names and words of HubSpot's own export.

The model was trained on such an export, so its attributes are labels of properties, and its words
are labels of their options. Both are read from HubSpot. What a contact has no value for is left
out, and so is what HubSpot has no property for.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .crm import ACTIVITIES, HubSpot, Properties

BAND, PROBABILITY, WHY, UNTIL, PROBLEM = OURS = (
    "lead_temperature",
    "hot_probability",
    "temperature_why",
    "temperature_until",
    "temperature_problem",
)
"""Properties of contacts that the app makes and writes."""
STAGE = "lifecyclestage"
_ALWAYS = ("createdate", BAND, STAGE)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of HubSpot records.

    Parameters
    ----------
    name : str
        Its name in the API.
    labels : mapping of str to str
        What its values are called, where they have names.
    """

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model reads of a contact, and where HubSpot keeps it.

    Parameters
    ----------
    attributes : mapping of str to Property
        Property of each attribute of the model that HubSpot has.
    kinds : mapping of str to str
        Kind of each of the model's attributes: "number", "category" or "timestamp".
    unknown : tuple of str
        Attributes of the model that no property or more than one is called.
    measures : frozenset of str
        Measures of an interaction that the model reads.
    vocabulary : mapping of str to collection of str
        Words of interactions that it knows: its own and the export's.
    activities : mapping of str to mapping of str to Property
        Properties of activities by their type.
    owners : mapping of str to str
        Names of owners.
    """

    attributes: Mapping[str, Property]
    kinds: Mapping[str, str]
    unknown: tuple[str, ...]
    measures: frozenset[str]
    vocabulary: Mapping[str, Collection[str]]
    activities: Mapping[str, Mapping[str, Property]]
    owners: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Properties of a contact to read."""
        return list(dict.fromkeys((*_ALWAYS, *(p.name for p in self.attributes.values()))))


def reading_of(model: Mapping[str, Any], hubspot: HubSpot, aliases: Mapping[str, str]) -> Reading:
    """Find what a model reads among HubSpot's properties, by name or by label.

    An attribute is called as the export's column, or the server knows the column's name.

    Parameters
    ----------
    model : mapping
        The server's description of its model.
    hubspot : HubSpot
        The account.
    aliases : mapping of str to str
        Property of attributes that are called neither by its name nor by its label.
    """
    owners = hubspot.owners()
    described = {p["name"]: p for p in hubspot.properties("contacts")}
    by_label: dict[str, list[str]] = {}
    for name, p in described.items():
        by_label.setdefault(p["label"], []).append(name)

    def property_of(p: Mapping[str, Any]) -> Property:
        is_owner = p.get("referencedObjectType") == "OWNER"
        options = {str(option["value"]): option["label"] for option in p.get("options", ())}
        return Property(p["name"], owners if is_owner else options)

    terms = model.get("terms") or {"attributes": {}, "interactions": {}}
    attributes: dict[str, Property] = {}
    for attribute in model["attributes"]:
        columns = [attribute, *terms["attributes"].get(attribute, {}).get("names", ())]
        for column in [aliases[attribute]] if attribute in aliases else columns:
            names = [column] if column in described else by_label.get(column, [])
            if len(names) == 1:
                attributes[attribute] = property_of(described[names[0]])
                break
    return Reading(
        attributes=attributes,
        kinds={name: a["kind"] for name, a in model["attributes"].items()},
        unknown=tuple(name for name in model["attributes"] if name not in attributes),
        measures=frozenset(model["measures"]),
        vocabulary={
            label: {*words, *terms["interactions"].get(label, {}).get("words", ())}
            for label, words in model["vocabulary"].items()
        },
        activities={
            kind: {
                p["name"]: property_of(p) for p in hubspot.properties(kind) if p["name"] in names
            }
            for kind, names in ACTIVITIES.items()
        },
        owners=owners,
    )


def lead_of(
    contact_id: str,
    contact: Properties,
    activities: Mapping[str, Sequence[Properties]],
    reading: Reading,
) -> dict[str, Any]:
    """What is known about a contact now, as the server takes it.

    Parameters
    ----------
    contact_id : str
        HubSpot's id of the contact.
    contact : mapping
        Its properties.
    activities : mapping of str to sequence of mapping
        Properties of its activities, by their type.
    reading : Reading
        What the model reads.
    """
    values = {
        attribute: _attribute(contact.get(p.name), p, reading.kinds[attribute])
        for attribute, p in reading.attributes.items()
    }
    return {
        "lead_id": contact_id,
        "created_at": contact["createdate"],
        "previous_band": contact.get(BAND) or None,
        "attributes": {name: value for name, value in values.items() if value is not None},
        "interactions": [
            _interaction(kind, activity, reading)
            for kind, some in activities.items()
            for activity in some
            if activity.get("hs_timestamp") and activity.get("hs_meeting_outcome") != "CANCELED"
        ],
    }


def _attribute(text: str | None, described: Property, kind: str) -> str | float | None:
    if not text:
        return None
    if kind == "number":
        return _number(text)
    if kind == "timestamp":
        return text
    return ";".join(described.labels.get(part, part) for part in text.split(";"))


def _number(text: str) -> str | float:
    """A number, or the text that is none, which the server names."""
    try:
        return float(text)
    except ValueError:
        return text


def _interaction(kind: str, activity: Properties, reading: Reading) -> dict[str, Any]:
    def words(name: str) -> list[str]:
        """A value, by its label and as HubSpot stores it."""
        value = activity.get(name)
        described = reading.activities[kind].get(name)
        label = described.labels.get(value) if described and value else None
        return [word for word in (label, value) if word]

    channel = {"calls": "phone", "emails": "email", "meetings": "meeting"}[kind]
    direction = words("hs_call_direction") or words("hs_email_direction")
    stored = activity.get("hs_call_direction") or activity.get("hs_email_direction")
    if stored:
        is_inbound = stored in {"INBOUND", "INCOMING_EMAIL"}
        direction = [*direction, "Inbound" if is_inbound else "Outbound"]
        direction.append("inbound" if is_inbound else "outbound")
    labels = {
        "kind": [kind.removesuffix("s"), kind.removesuffix("s").capitalize()],
        "channel": [channel],
        "direction": direction,
        "outcome": words("hs_call_disposition") or words("hs_meeting_outcome"),
        "agent": [reading.owners.get(activity.get("hubspot_owner_id") or "", "")],
    }
    interaction: dict[str, Any] = {
        "occurred_at": activity["hs_timestamp"],
        "recorded_at": activity.get("hs_createdate") or None,
    }
    for label, candidates in labels.items():
        known, sent = reading.vocabulary.get(label), [word for word in candidates if word]
        if known and sent:  # of a label of which the model reads nothing, nothing is sent
            interaction[label] = next((word for word in sent if word in known), sent[0])
    seconds = _seconds(activity)
    if seconds is not None and "duration_seconds" in reading.measures:
        interaction["measures"] = {"duration_seconds": seconds}
    return interaction


def _seconds(activity: Properties) -> float | None:
    """How long an activity took; None where nobody said, which is not 0."""
    milliseconds = activity.get("hs_call_duration")
    if milliseconds:
        return float(milliseconds) / 1000
    start, end = activity.get("hs_meeting_start_time"), activity.get("hs_meeting_end_time")
    if start and end:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return None


def properties_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """Properties to write for an answer of the server; a refused contact keeps its earlier score.

    Parameters
    ----------
    answer : mapping
        A score, or the problem in its place.
    """
    if "status" in answer:
        return {PROBLEM: "\n".join(_problem_lines(answer))}
    until = datetime.fromisoformat(answer["valid_until"]).astimezone(UTC)
    return {
        BAND: answer["band"],
        PROBABILITY: str(answer["hot_probability"]),
        WHY: "\n".join(reason["text"] for reason in answer["reasons"]),
        UNTIL: str(int(1000 * until.timestamp())),
        PROBLEM: "",
    }


def _problem_lines(problem: Mapping[str, Any]) -> Iterable[str]:
    errors = problem.get("errors") or [{"detail": problem.get("detail")}]
    for error in errors:
        parts = (error.get(name) for name in ("field", "law", "found", "way_out", "detail"))
        yield " ".join(str(part) for part in parts if part)


def described_properties() -> list[dict[str, Any]]:
    """The properties that the app writes, as HubSpot creates them."""
    group = {"groupName": "contactinformation"}
    options = [{"label": band.capitalize(), "value": band} for band in ("cold", "warm", "hot")]
    return [
        {
            "name": BAND,
            "label": "Lead temperature",
            "type": "enumeration",
            "fieldType": "select",
            "options": options,
            **group,
        },
        {
            "name": PROBABILITY,
            "label": "Chance to buy soon",
            "type": "number",
            "fieldType": "number",
            **group,
        },
        *(
            {"name": name, "label": label, "type": "string", "fieldType": "textarea", **group}
            for name, label in ((WHY, "Temperature: reasons"), (PROBLEM, "Not scored because"))
        ),
        {
            "name": UNTIL,
            "label": "Temperature: use until",
            "type": "datetime",
            "fieldType": "date",
            **group,
        },
    ]
