"""The routes that score: one lead, or many at once.

A score is made in steps that each have a file of their own: `body` reads JSON, `scorer` answers,
`problem` says no. What does not depend on a request is prepared when the routes are made.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from serving.answers.course import Part
from serving.answers.examples import example_answers, example_leads
from serving.answers.json_text import json_value
from serving.answers.model import ServedModel
from serving.answers.passes import Passes
from serving.answers.problem import Names, Problem, invalid_fields
from serving.answers.schemas import BatchAnswer, ScoredLead, as_json, batch_adapter
from serving.answers.scorer import scored
from serving.http.body import json_body
from serving.http.guard import problem_response
from serving.http.load import Load
from serving.http.openapi import gives, mends, refuses, takes
from serving.http.straight import ASKED
from serving.http.telemetry import Telemetry

INLINE_BYTES = 64 * 1024
"""Shorter bodies are scored on the event loop, which is faster; longer ones would hold it up."""


def _split(texts: list[str]) -> list[str]:
    """Words of a parameter that may come once, with commas, or several times."""
    return [word for text in texts for word in text.split(",")]


class Asked(BaseModel):
    """What may stand in the query of a route that scores."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[int, Field(ge=0, le=20, description="How many signals to name.")] = 3
    include: Annotated[
        list[Part],
        BeforeValidator(_split),
        Field(min_length=1, description="What else to answer, with commas between."),
    ] = []


InQuery = Annotated[Asked, Query()]
_NAMES: Names = {("query",): tuple(Asked.model_fields)}


def scoring_routes(
    bundle_model: ServedModel,
    clock: Callable[[], int],
    telemetry: Telemetry,
    load: Load,
    body_seconds: float,
) -> APIRouter:
    """Routes that score."""
    router = APIRouter(tags=["score"], default_response_class=Response)
    limits = bundle_model.limits
    limit, batch = limits.max_body_bytes, batch_adapter(limits)
    leads, answers = example_leads(bundle_model), example_answers(bundle_model)
    whole = example_answers(bundle_model, include=("trend", "forecast"))
    refused = refuses(400, 408, 413, 415)
    passes = Passes(clock)

    @router.post(
        "/v1/score",
        summary="Score one lead",
        openapi_extra=takes("Lead", leads[0]),
        responses=gives(answers[0], {"?include=trend,forecast": whole[0]})
        | refused
        | mends("created_at"),
    )
    async def score(request: Request, query: InQuery) -> Response:
        model = _model(request)
        request.scope["state"][ASKED] = query
        body = await json_body(request, limit, body_seconds)

        def answered() -> ScoredLead | Problem:
            return scored(
                model, [json_value(body, model.most_names)], clock(), query.reasons, query.include
            )[0]

        if len(body) > INLINE_BYTES:
            with load.batch():
                answer = await run_in_threadpool(answered)
        elif query.include:  # it takes its own pass, of many instants
            answer = answered()
        else:
            answer = await passes.scored(model, json_value(body, model.most_names), query.reasons)
        if isinstance(answer, Problem):
            return problem_response(answer, request.scope)
        telemetry.scored([answer])
        return json_response(as_json(replace(answer, request_id=request.state.request_id)))

    @router.post(
        "/v1/score/batch",
        summary="Score many leads",
        openapi_extra=takes("Batch", {"leads": leads}),
        responses=gives(BatchAnswer(tuple(answers))) | refused | mends("leads"),
    )
    async def score_batch(request: Request, query: InQuery) -> Response:
        model = _model(request)
        request.scope["state"][ASKED] = query
        body = await json_body(request, limit, body_seconds)
        request_id: str = request.state.request_id

        def answered() -> bytes | Problem:
            try:
                found = batch.validate_python(json_value(body, model.most_names))["leads"]
            except ValidationError as error:
                return invalid_fields(error.errors(include_url=False), {(): ("leads",)})
            results = tuple(
                replace(one, request_id=request_id)
                for one in scored(model, found, clock(), query.reasons, query.include)
            )
            telemetry.scored(results)
            return as_json(BatchAnswer(results))

        with load.batch():
            answer = await run_in_threadpool(answered)
        return (
            problem_response(answer, request.scope)
            if isinstance(answer, Problem)
            else json_response(answer)
        )

    return router


async def query_problem(request: Request, error: RequestValidationError) -> Response:
    """Problem for a query parameter."""
    return problem_response(invalid_fields(error.errors(), _NAMES), request.scope)


def _model(request: Request) -> ServedModel:
    found: ServedModel = request.app.state.model
    return found


def json_response(content: bytes) -> Response:
    """Answer that is JSON already."""
    return Response(content, media_type="application/json")
