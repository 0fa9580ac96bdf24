"""The OpenAPI document of one bundle, with examples that work.

The functions that end in ``_responses`` give FastAPI the answers that a route may send, each with
an example; the routes use them where they are declared. `openapi_document` puts the document
together. All examples come from the bundle's own schema and its own model, so the document shows
what the server really answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from models.bundle import REPORT
from serving.answers.examples import EXAMPLE_REQUEST_ID
from serving.answers.model import ServedModel
from serving.answers.problem import FieldError, Problem, invalid_fields_problem, problem
from serving.answers.schemas import ANSWERS, Answer, as_json, batch_adapter
from serving.http.guard import ALWAYS_ANSWERED, PROBLEM_TYPE
from serving.http.load import overload_refusal
from serving.http.openapi_frame import INFO, SERVERS, TAGS, response_headers
from serving.http.openapi_terms import describe_terms
from serving.http.security import KEY_SCHEME, ROLES, Role, other_host_text

OpenApi: TypeAlias = dict[str, Any]
"""A part of the OpenAPI document, still to be completed."""

Responses: TypeAlias = dict[int | str, OpenApi]
"""OpenAPI of a route's answers by status, as FastAPI takes them."""

NO_REPORT = (
    f"The bundle has no report; `lead-temperature report` makes one. Put it into the bundle's "
    f"folder as {REPORT}, and the server shows it when it has looked there again."
)
NO_LIST = (
    "There is no list. `lead-temperature work -o today.html` writes one; set "
    "LEAD_TEMPERATURE_WORK_PAGE to that file, and the server shows it."
)
NO_LEDGER = "The server keeps no ledger; start it with --ledger, and it knows what it answered."
METRICS_EXAMPLE = """# HELP lead_temperature_scored_leads_total Leads scored.
# TYPE lead_temperature_scored_leads_total counter
lead_temperature_scored_leads_total{band="warm"} 2.0
"""
"""Some lines of what `GET /metrics` answers."""
_SCHEMAS = "#/components/schemas/"
_PROBLEMS = (
    problem(400, "The body is not JSON: Expecting value, line 1, column 12.", "not_json"),
    problem(408, "A body must arrive within 10 s of its head; send it at once."),
    problem(
        409,
        "The bundle in the folder is not served: bundle is not whole: hot.txt is missing. "
        "Meanwhile 2026-01-01-0123456789 is served as before.",
    ),
    problem(413, "A body has at most 8388608 bytes; send fewer leads a call."),
    problem(415, "Send JSON, with the header Content-Type: application/json.", "other_type"),
    problem(
        429, "The key 'crm' has made its 600 requests of this minute. Ask again in 30 s or later."
    ),
    problem(500, "The server failed. Its log says where, under this request_id."),
    problem(503, str(overload_refusal().detail)),
)


def request_body(schema: str, example: object) -> OpenApi:
    """OpenAPI of a route's request body."""
    content = {"application/json": {"schema": _reference(schema), "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def answer_responses(
    answer: Answer, by_query: Mapping[str, Answer] | None = None, headers: Sequence[str] = ()
) -> Responses:
    """OpenAPI of a route's good answer.

    Parameters
    ----------
    answer : Answer
        An example.
    by_query : mapping of str to Answer, optional
        Other examples by the query that they need.
    headers : sequence of str
        Names of the headers that it may have beside those of every answer.
    """
    content = _content("The answer", "application/json", {"": answer, **(by_query or {})})
    return {200: {**content, "headers": {name: {} for name in headers}}}


def page_responses() -> Responses:
    """OpenAPI of a page in the reader's language."""
    return {200: {"headers": {"Content-Language": {}}}}


def text_responses(media_type: str, text: str) -> Responses:
    """OpenAPI of a route's good answer that is no JSON, with an example."""
    return {200: {"content": {media_type: {"example": json.dumps(text)}}}}


def problem_responses(*statuses: int) -> Responses:
    """OpenAPI of the problems that a route may answer with, with examples."""
    return {status: _problems([p for p in _PROBLEMS if p.status == status]) for status in statuses}


def missing_page_responses(detail: str) -> Responses:
    """OpenAPI of the problem of a page that is not there yet."""
    return {404: _problems([problem(404, detail)])}


def missing_field_responses(field: str) -> Responses:
    """OpenAPI of the problem of a missing field."""
    return {422: _problems([_missing_field_problem(field)])}


def invalid_fields_responses(field: str) -> Responses:
    """OpenAPI of the problem of invalid fields: a missing field, an unknown word in the query."""
    strange = FieldError(
        "query.include[0]",
        "Input should be 'trend', 'forecast' or 'change'",
        '"moon"',
        "Send a value that keeps to this law.",
        "unknown_word",
    )
    return {422: _problems([_missing_field_problem(field), invalid_fields_problem([strange])])}


def _missing_field_problem(field: str) -> Problem:
    return invalid_fields_problem(
        [FieldError(field, "Is required", "nothing", "Send it.", "missing")]
    )


def no_ledger_responses() -> Responses:
    """OpenAPI of the problem of a server that keeps no ledger."""
    return {404: _problems([problem(404, NO_LEDGER, "no_ledger")])}


def shutdown_responses() -> Responses:
    """OpenAPI of the problem of a server that is shutting down."""
    return {
        503: _problems(
            [problem(503, str(overload_refusal("The server is about to end.").detail), "ending")]
        )
    }


def required_roles_responses(*roles: Role) -> Responses:
    """OpenAPI of the problems of a missing key and of a key without one of these roles."""
    roles_text = " or ".join(roles)
    way_out = f"Send a key with the role {roles_text}: Authorization: Bearer KEY."
    unknown = problem(401, f"No known API key came with the request. {way_out}")
    other_role_problems = [
        problem(403, f"The key 'crm' has the role {role}; this needs the role {roles_text}.")
        for role in ROLES
        if role not in roles
    ]
    responses: Responses = {401: _problems([unknown])}
    return (
        responses | {403: _problems(other_role_problems[:1])} if other_role_problems else responses
    )


def other_host_responses() -> Responses:
    """OpenAPI of the problem of a request for another host, on a server without keys."""
    return {421: _problems([problem(421, other_host_text("crm.example"))])}


def openapi_document(app: FastAPI, model: ServedModel, keys: bool) -> OpenApi:
    """The application's OpenAPI document.

    Parameters
    ----------
    app : FastAPI
        The application with all its routes.
    model : ServedModel
        The model that the application serves; its schema becomes the document's.
    keys : bool
        Whether routes that may answer 401 need an API key.

    Raises
    ------
    ValueError
        A route shows no example of an answer.
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
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    document["info"] |= INFO
    document |= {"servers": list(SERVERS), "tags": list(TAGS)}
    schemas = shared["$defs"]
    schemas["Batch"]["properties"]["leads"]["items"] = _reference("Lead")
    if model.translation is not None:
        describe_terms(schemas, model.translation.describe())
    document.setdefault("components", {})["schemas"] = schemas
    if keys:
        document["components"]["securitySchemes"] = {"key": KEY_SCHEME}
    for path, routes in document["paths"].items():
        for route in routes.values():
            if "401" in route["responses"]:
                route["security"] = [{"key": []}]
            _complete(path, route)
    _leave_out_unused(document)
    return document


def _leave_out_unused(document: OpenApi) -> None:
    """Leave out schemas that nothing refers to: those of values that are kept and not sent."""
    schemas = document["components"]["schemas"]
    while unused := {name for name in schemas if f'"{_SCHEMAS}{name}"' not in json.dumps(document)}:
        for name in unused:
            del schemas[name]


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _SCHEMAS + name}


def _problems(examples: Sequence[Problem]) -> OpenApi:
    """OpenAPI of the problems of one status."""
    examples_by_name = {
        example.errors[0].field if example.errors else "": replace(
            example, request_id=EXAMPLE_REQUEST_ID
        )
        for example in examples
    }
    return _content(examples[0].title, PROBLEM_TYPE, examples_by_name)


def _example_name(example: Problem) -> str:
    """The first wrong field; empty for a problem without fields."""
    return example.errors[0].field if example.errors else ""


def _content(description: str, media_type: str, examples: Mapping[str, Answer]) -> OpenApi:
    """OpenAPI of an answer, with its examples by name."""
    (kind,) = {type(example).__name__ for example in examples.values()}
    content: OpenApi = {"schema": _reference(kind)}
    # FastAPI leaves nulls out of the values that it is given, but passes text on as it is.
    texts = {name: as_json(example).decode() for name, example in examples.items()}
    if len(texts) == 1:
        (content["example"],) = texts.values()
    else:
        content["examples"] = {name or "plain": {"value": text} for name, text in texts.items()}
    return {"description": description, "content": {media_type: content}}


def _complete(path: str, route: OpenApi) -> None:
    """Add to a route what all routes have, and read its examples, which are still JSON text."""
    for parameter in route.get("parameters", ()):
        if parameter["schema"].get("type") == "array":
            parameter["explode"] = False  # its words are separated by commas
    common = problem_responses(500) if path in ALWAYS_ANSWERED else problem_responses(500, 503)
    responses = {str(status): answer for status, answer in common.items()} | route["responses"]
    route["responses"] = dict(sorted(responses.items()))
    for status, answer in route["responses"].items():
        answer["headers"] = response_headers(status, tuple(answer.get("headers", ())))
        if "content" not in answer:
            raise ValueError(
                f"The route {path} shows no example of its answer {status}. Declare it with "
                "responses=answer_responses(EXAMPLE), or text_responses for an answer without JSON."
            )
        for body in answer["content"].values():
            if "example" in body:
                body["example"] = json.loads(body["example"])
            for example in body.get("examples", {}).values():
                example["value"] = json.loads(example["value"])
