"""The OpenAPI document of one bundle, with examples that work.

The examples are made from the bundle's own schema and answered by its own model, so what the
document shows is what the server says, and "try it out" scores a lead.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from features.spec import AttributeKind
from serving.model import ServedModel
from serving.problem import MEDIA_TYPE, Problem, problem
from serving.schemas import (
    BatchAnswer,
    Health,
    ModelAnswer,
    ScoredLead,
    batch_adapter,
    microseconds,
)
from serving.scorer import scored

_SCHEMAS = "#/components/schemas/"
_DETAILS = {
    400: "The body is not JSON: Expecting value, line 1, column 12.",
    404: "No such page.",
    413: "A body has at most 8388608 bytes; send fewer leads a call.",
    415: "Send JSON, with the header Content-Type: application/json.",
    500: "The server failed. Its log says where, under this request_id.",
}
_ANSWERS: Mapping[str, TypeAdapter[Any]] = {
    answer.__name__: TypeAdapter(answer)
    for answer in (ScoredLead, BatchAnswer, ModelAnswer, Health, Problem)
}


def example_leads(model: ServedModel) -> list[dict[str, Any]]:
    """Two leads of the bundle's schema, as of the end of the data that it was trained on."""
    end = datetime.fromisoformat(model.bundle.card["data_end"])
    end = (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    created_at, occurred_at, as_of = (
        (end - timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (10, 2, 0)
    )
    lead = {"lead_id": "L-1001", "created_at": created_at, "as_of": as_of}
    values: Mapping[AttributeKind, Any] = {"number": 10, "category": "any", "timestamp": created_at}
    attributes = {
        name: model.levels[name][0] if model.levels.get(name) else values[kind]
        for name, kind in model.bundle.spec.attribute_kinds.items()
    }
    interaction = {
        "occurred_at": occurred_at,
        "recorded_at": occurred_at,
        **{str(field): known[0] for field, known in model.vocabulary.items()},
        "measures": dict.fromkeys(model.bundle.spec.measures, 120.5),
    }
    whole = {**lead, "attributes": attributes, "interactions": [interaction]}
    return [whole, {**lead, "lead_id": "L-1002"}]


def takes(schema: str, example: object) -> dict[str, Any]:
    """OpenAPI of a route's request body."""
    content = {"application/json": {"schema": _reference(schema), "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def gives(schema: str, example: object) -> dict[int | str, dict[str, Any]]:
    """OpenAPI of a route's good answer."""
    return {200: _content("The answer", "application/json", schema, example)}


def refuses(*statuses: int, example: object = None) -> dict[int | str, dict[str, Any]]:
    """OpenAPI of the problems that a route may answer with; `example` in place of the usual one."""
    found = {status: example or problem(status, _DETAILS[status]) for status in statuses}
    return {
        status: _content(HTTPStatus(status).phrase, MEDIA_TYPE, "Problem", refusal)
        for status, refusal in found.items()
    }


def answers_to(model: ServedModel, leads: list[dict[str, Any]]) -> list[ScoredLead | Problem]:
    """What the model says to examples, whatever the time is now."""
    return scored(model, leads, microseconds(example_leads(model)[0]["as_of"]), 3)


def document(app: FastAPI, model: ServedModel) -> dict[str, Any]:
    """The application's OpenAPI document."""
    inputs: Mapping[str, TypeAdapter[Any]] = {
        "Lead": model.adapter,
        "Batch": batch_adapter(model.settings),
    }
    _, shared = TypeAdapter.json_schemas(
        [
            *((name, "validation", adapter) for name, adapter in inputs.items()),
            *((name, "serialization", adapter) for name, adapter in _ANSWERS.items()),
        ],
        ref_template=_SCHEMAS + "{model}",
    )
    found = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = shared["$defs"]
    schemas["Batch"]["properties"]["leads"]["items"] = _reference("Lead")
    found.setdefault("components", {})["schemas"] = schemas
    return found


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


def _content(description: str, media_type: str, schema: str, example: object) -> dict[str, Any]:
    plain = _ANSWERS[schema].dump_python(example, mode="json", exclude_none=True)
    content = {media_type: {"schema": _reference(schema), "example": plain}}
    return {"description": description, "content": content}
