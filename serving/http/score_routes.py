"""The routes that score: one lead, or many at once.

Each step of a request has a module of its own: `body` reads the bytes, `serving.answers.json_text`
the JSON, and `serving.answers.scorer` computes the answers or problems. Short bodies are scored on
the event loop, together with other leads that arrive at the same time
(`serving.answers.passes`); long ones and batches in a thread, in short turns that let single leads
go first (`serving.answers.turns`). What does not depend on a request is prepared when the routes
are made.

Tests: tests/serving/http/test_app.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ledger.record import PURPOSES, Purpose
from serving.answers.course import Part
from serving.answers.examples import example_answers, example_leads
from serving.answers.json_text import parse_json
from serving.answers.lenient import with_warning, without_unknown_names
from serving.answers.model import ServedModel
from serving.answers.passes import SharedPasses
from serving.answers.problem import Names, Problem, validation_problem
from serving.answers.recording import Recording
from serving.answers.schemas import BatchAnswer, ScoredLead, as_json, batch_adapter
from serving.answers.scorer import score_leads
from serving.answers.turns import Turns
from serving.http.batches import Batches
from serving.http.body import read_json_body
from serving.http.guard import problem_response
from serving.http.keeping import Keeper
from serving.http.load import Load
from serving.http.openapi import (
    answer_responses,
    invalid_fields_responses,
    problem_responses,
    request_body,
)
from serving.http.preferences import is_lenient
from serving.http.query_shortcut import PARSED_QUERY
from serving.http.telemetry import Telemetry

LENIENT_APPLIED = {"Preference-Applied": "handling=lenient"}
MAX_INLINE_BYTES = 64 * 1024
"""Longest body that is scored on the event loop, which is faster; longer ones would hold it up."""


def _split_words(texts: list[str]) -> list[str]:
    """Words of a parameter that may come once, with commas, or several times."""
    return [word for text in texts for word in text.split(",")]


class ScoreQuery(BaseModel):
    """Query of a route that scores."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[int, Field(ge=0, le=20, description="How many signals to name.")] = 3
    include: Annotated[
        list[Part],
        BeforeValidator(_split_words),
        Field(
            default_factory=list,
            min_length=1,
            description="What else to answer, with commas between.",
        ),
    ]
    purpose: Annotated[
        Purpose | None,
        Field(
            description="What the answers are for, as the server's ledger notes it: `work`, which "
            "is the default for one lead, `batch`, that for many, or `try`, which counts for no "
            "grade."
        ),
    ] = None


InQuery = Annotated[ScoreQuery, Query()]
_NAMES: Names = {("query",): tuple(ScoreQuery.model_fields)}


def scoring_routes(
    bundle_model: ServedModel,
    clock: Callable[[], int],
    telemetry: Telemetry,
    load: Load,
    turns: Turns,
    body_seconds: float,
    keeper: Keeper | None = None,
) -> APIRouter:
    """Routes that score.

    Parameters
    ----------
    bundle_model : ServedModel
        The model that scores.
    clock : callable
        Returns the present, in microseconds since the epoch.
    telemetry : Telemetry
        Counts the scores.
    load : Load
        Limits the requests at work.
    turns : Turns
        Lets single leads go before batches.
    body_seconds : float
        How long a body may take to come.
    keeper : Keeper, optional
        Keeps the answers in a ledger.
    """
    router = APIRouter(tags=["score"], default_response_class=Response)
    limit = bundle_model.limits.max_body_bytes
    batch = batch_adapter(bundle_model.limits)
    leads, answers = example_leads(bundle_model), example_answers(bundle_model)
    full_answers = example_answers(bundle_model, include=("trend", "forecast"))
    body_problems = problem_responses(400, 408, 413, 415)
    passes = SharedPasses(clock)
    # Made once, so that leads of one purpose share a pass.
    recordings: Mapping[Purpose, Recording] = (
        {}
        if keeper is None
        else {
            purpose: keeper.recording_for(purpose, bundle_model.contract.version)
            for purpose in PURPOSES
        }
    )

    @router.post(
        "/v1/score",
        summary="Score one lead",
        openapi_extra=request_body("Lead", leads[0]),
        responses=answer_responses(
            answers[0], {"?include=trend,forecast": full_answers[0]}, ["Preference-Applied"]
        )
        | body_problems
        | invalid_fields_responses("created_at"),
    )
    async def score(request: Request, query: InQuery) -> Response:
        """The lead travels with all that is known about it; the server keeps none of that.

        `Prefer: handling=lenient` leaves unknown names out and warns of them.
        """
        model = _served_model(request)
        request.scope["state"][PARSED_QUERY] = query
        body = await read_json_body(request, limit, body_seconds, load)

        lenient, recording = is_lenient(request), recordings.get(query.purpose or "work")

        def read() -> tuple[object, tuple[str, ...]]:
            lead = parse_json(body, model.max_names)
            return without_unknown_names(lead, model.accepted_names) if lenient else (lead, ())

        def compute() -> ScoredLead | Problem:
            lead, unknown = read()
            (answer,) = score_leads(model, [lead], clock(), query.reasons, query.include, recording)
            return with_warning(answer, unknown)

        async with load.request(_key_name(request)):
            if len(body) > MAX_INLINE_BYTES:
                with load.batch():
                    answer = await turns.take(compute)
            elif query.include:  # it needs a pass of its own, with many instants
                answer = compute()
            else:
                lead, unknown = read()
                scored = await passes.score(model, lead, query.reasons, recording)
                answer = with_warning(scored, unknown)
            if keeper is not None:
                answer = await keeper.keep(answer)
        if isinstance(answer, Problem):
            return problem_response(answer, request.scope)
        telemetry.count_scores([answer])
        headers = LENIENT_APPLIED if lenient else None
        return json_response(as_json(replace(answer, request_id=request.state.request_id)), headers)

    @router.post(
        "/v1/score/batch",
        summary="Score many leads",
        openapi_extra=request_body("Batch", {"leads": leads}),
        responses=answer_responses(BatchAnswer(tuple(answers)), headers=["Preference-Applied"])
        | body_problems
        | invalid_fields_responses("leads"),
    )
    async def score_batch(request: Request, query: InQuery) -> Response:
        """Each lead gets its score or its problem, in their order.

        `Prefer: wait=N` gives the batch up after N seconds; `Accept: application/x-ndjson` asks
        for one answer a line.
        """
        recording = recordings.get(query.purpose or "batch")
        batches = Batches(
            _served_model(request), batch, clock, telemetry, load, turns, keeper, recording
        )
        request.scope["state"][PARSED_QUERY] = query
        body = await read_json_body(request, limit, body_seconds, load)
        return await batches.answer(request, body, query.reasons, query.include)

    return router


async def query_problem(request: Request, error: RequestValidationError) -> Response:
    """Problem of a query that breaks a law."""
    return problem_response(validation_problem(error.errors(), _NAMES), request.scope)


def _key_name(request: Request) -> str | None:
    """Name of the API key that came with a request; None on a server without keys."""
    return getattr(request.state, "client", None)


def _served_model(request: Request) -> ServedModel:
    model: ServedModel = request.app.state.model
    return model


def json_response(content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Response whose content is JSON text already."""
    return Response(content, headers=headers, media_type="application/json")
