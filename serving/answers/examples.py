"""Example leads of a bundle's own schema, and the model's answers to them.

The OpenAPI document and the page on which a person tries a lead show them, so every example works
with the bundle that is served.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from features.engine.history import MICROSECONDS_PER_DAY
from features.json_values import JsonObject
from features.language.kinds import AttributeKind
from features.refusals import REFUSAL_KINDS, REFUSED_AT
from ledger.record import Answered
from serving.answers.course import Part
from serving.answers.model import ServedModel
from serving.answers.recording import Recording
from serving.answers.sample import Sample
from serving.answers.sample_schemas import SampleAnswer
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import microseconds, rfc3339

EXAMPLE_REQUEST_ID = "0f8fad5bd9cb469fa16570867728950e"
"""Request id that every example answer bears."""


def example_leads(model: ServedModel) -> list[JsonObject]:
    """Leads of the bundle's schema, as of the end of the data that it was trained on.

    One says all that the schema has, one nothing but its creation. Where the bundle looks at
    refused leads, a third one was refused.
    """
    end = model.bundle.card.served.data_end
    end = (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    created_at, occurred_at, as_of = (
        (end - timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (10, 2, 0)
    )
    lead = {"lead_id": "L-1001", "created_at": created_at, "as_of": as_of}
    values: Mapping[AttributeKind, Any] = {"number": 10, "category": "any", "timestamp": created_at}
    values_by_name = {
        name: model.levels[name][0] if model.levels.get(name) else values[kind]
        for name, kind in model.bundle.spec.attribute_kinds.items()
    }
    attributes = {
        name: value for name, value in values_by_name.items() if name not in REFUSAL_KINDS
    }
    interaction = {
        "occurred_at": occurred_at,
        "recorded_at": occurred_at,
        **{str(field): known[0] for field, known in model.vocabulary.items()},
        "measures": dict.fromkeys(model.bundle.spec.measures, 120.5),
    }
    complete = {**lead, "attributes": attributes, "interactions": [interaction]}
    leads: list[JsonObject] = [complete, {**lead, "lead_id": "L-1002"}]
    if REFUSED_AT in values_by_name:
        with_refusal = {**values_by_name, REFUSED_AT: occurred_at}
        leads.append({**complete, "lead_id": "L-1003", "attributes": with_refusal})
    return leads


def example_records(model: ServedModel) -> list[Answered]:
    """What a ledger would hold of the first example lead, three days before and at its instant."""
    lead = example_leads(model)[0]
    instant = microseconds(lead["as_of"])
    earlier = {**lead, "as_of": rfc3339(instant - 3 * MICROSECONDS_PER_DAY)}
    recording = Recording("work", model.contract.version)
    answers = score_leads(model, [earlier, lead], instant, reasons=3, recording=recording)
    return [
        answer.record
        for answer in answers
        if isinstance(answer, ScoredLead) and answer.record is not None
    ]


def example_answers(model: ServedModel, include: Collection[Part] = ()) -> list[ScoredLead]:
    """The model's answers to the example leads; they do not depend on the present."""
    leads = example_leads(model)
    answers = score_leads(model, leads, microseconds(leads[0]["as_of"]), reasons=3, include=include)
    return [
        replace(answer, request_id=EXAMPLE_REQUEST_ID)
        for answer in answers
        if isinstance(answer, ScoredLead)
    ]


def example_sample(model: ServedModel) -> SampleAnswer:
    """What the example leads show as a sample; it does not depend on the present."""
    leads = example_leads(model)
    sample = Sample(model)
    sample.add(leads, microseconds(leads[0]["as_of"]))
    return replace(sample.answer(), request_id=EXAMPLE_REQUEST_ID)
