"""The OpenAPI document of one bundle, with examples that work.

The examples are made from the bundle's own schema and answered by its own model, so what the
document shows is what the server says.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from features.kinds import AttributeKind
from models.bundle import REPORT
from serving.guard import PROBLEM_TYPE
from serving.load import overload
from serving.model import ServedModel
from serving.problem import FieldError, invalid, problem
from serving.schemas import ANSWERS, Answer, ScoredLead, as_json, batch_adapter, microseconds
from serving.scorer import scored
from serving.security import KEY_SCHEME

NO_REPORT = (
    f"The bundle has no report; `lead-temperature report` makes one. Put it into the bundle's "
    f"folder as {REPORT}, and the server shows it when it has looked there again."
)
_SCHEMAS = "#/components/schemas/"
_PROBLEMS = (
    problem(400, "The body is not JSON: Expecting value, line 1, column 12."),
    problem(
        401,
        "No known API key came with the request. Send a key with the role score: "
        "Authorization: Bearer KEY.",
    ),
    problem(403, "The key 'crm' has the role score; this needs the role report."),
    problem(404, NO_REPORT),
    problem(408, "A body must arrive within 10 s of its head; send it at once."),
    problem(
        409,
        "The bundle in the folder is not served: bundle is not whole: hot.txt is missing. "
        "Pull it again. Meanwhile 2026-01-01-0123456789ab is served as before.",
    ),
    problem(413, "A body has at most 8388608 bytes; send fewer leads a call."),
    problem(415, "Send JSON, with the header Content-Type: application/json."),
    invalid([FieldError("created_at", "Is required", "nothing", "Send it.")]),
    problem(500, "The server failed. Its log says where, under this request_id."),
    problem(503, str(overload().detail)),
)
_REQUEST_ID = "0f8fad5bd9cb469fa16570867728950e"


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


def gives(answer: Answer) -> dict[int | str, dict[str, Any]]:
    """OpenAPI of a route's good answer, with an example."""
    return {200: _content("The answer", "application/json", answer)}


def refuses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI of the problems that a route may answer with, with examples."""
    return {
        example.status: _content(
            example.title, PROBLEM_TYPE, replace(example, request_id=_REQUEST_ID)
        )
        for example in _PROBLEMS
        if example.status in statuses
    }


def example_answers(model: ServedModel) -> list[ScoredLead]:
    """What the model says to the example leads, whatever the time is now."""
    leads = example_leads(model)
    answers = scored(model, leads, microseconds(leads[0]["as_of"]), reasons=3)
    return [answer for answer in answers if isinstance(answer, ScoredLead)]


def document(app: FastAPI, model: ServedModel, keys: bool) -> dict[str, Any]:
    """The application's OpenAPI document.

    Parameters
    ----------
    app : FastAPI
    model : ServedModel
    keys : bool
        Whether routes that may answer 401 need an API key.
    """
    inputs: Mapping[str, TypeAdapter[Any]] = {
        "Lead": model.adapter,
        "Batch": batch_adapter(model.limits),
    }
    _, shared = TypeAdapter.json_schemas(
        [
            *((name, "validation", adapter) for name, adapter in inputs.items()),
            *((kind.__name__, "serialization", adapter) for kind, adapter in ANSWERS.items()),
        ],
        ref_template=_SCHEMAS + "{model}",
    )
    found = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = shared["$defs"]
    schemas["Batch"]["properties"]["leads"]["items"] = _reference("Lead")
    found.setdefault("components", {})["schemas"] = schemas
    if keys:
        found["components"]["securitySchemes"] = {"key": KEY_SCHEME}
        for route in (one for routes in found["paths"].values() for one in routes.values()):
            if "401" in route["responses"]:
                route["security"] = [{"key": []}]
    return found


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


def _content(description: str, media_type: str, example: Answer) -> dict[str, Any]:
    schema = _reference(type(example).__name__)
    content = {"schema": schema, "example": json.loads(as_json(example))}
    return {"description": description, "content": {media_type: content}}
