"""The HTTP application: one bundle, a few routes, nothing global.

`create_app` loads the bundle, prepares all that does not depend on a request, and returns a FastAPI
application; two of them can live in one process. A score is made in steps that each have a file of
their own: `body` reads JSON, `scorer` answers, `problem` says no.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException as AnyHTTPException

from models.bundle import REPORT, load_bundle
from serving.body import json_body, json_value
from serving.docs import docs_page
from serving.guard import Guard, problem_response
from serving.model import ServedModel, described, served_model
from serving.openapi import (
    NO_REPORT,
    document,
    example_answers,
    example_leads,
    gives,
    refuses,
    takes,
)
from serving.problem import Names, Problem, invalid_fields, problem, shown
from serving.schemas import BatchAnswer, Health, ScoredLead, as_json, batch_adapter
from serving.scorer import scored
from serving.settings import DEFAULTS, Settings

INLINE_BYTES = 64 * 1024
"""Shorter bodies are scored on the event loop, which is faster; longer ones would hold it up."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Pages may style themselves and show pictures that they carry: no script, no network."""


class Asked(BaseModel):
    """What may stand in the query of a route that scores."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[int, Field(ge=0, le=20, description="How many signals to name.")] = 3


InQuery = Annotated[Asked, Query()]
_NAMES: Names = {("query",): tuple(Asked.model_fields)}


def now_microseconds() -> int:
    """The system's clock."""
    return time.time_ns() // 1000


def create_app(
    bundle_folder: Path,
    settings: Settings = DEFAULTS,
    clock: Callable[[], int] = now_microseconds,
) -> FastAPI:
    """Application that serves one bundle.

    Parameters
    ----------
    bundle_folder : pathlib.Path
        A bundle's folder. Its model and report are read once, now, so that the report that is
        shown is on the model that scores, whatever becomes of the folder.
    settings : Settings
        Limits.
    clock : callable
        The present, in microseconds since the epoch.

    Returns
    -------
    FastAPI

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The bundle is of another format or was changed after it was written.
    """
    bundle, report = load_bundle(bundle_folder), bundle_folder / REPORT
    report_page = report.read_bytes() if report.exists() else None
    model = served_model(bundle, settings)
    app = FastAPI(
        title="lead-temperature",
        version=model.bundle.version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            AnyHTTPException: _http_problem,
            RequestValidationError: _query_problem,
        },
    )
    app.include_router(_scoring(model, clock))
    app.include_router(_reading(model))
    app.include_router(_report(report_page))
    found = document(app, model)
    app.openapi = lambda: found  # type: ignore[method-assign]
    app.include_router(_docs(found))
    app.add_middleware(Guard)
    return app


def _scoring(model: ServedModel, clock: Callable[[], int]) -> APIRouter:
    """Routes that score."""
    router = APIRouter(tags=["score"], default_response_class=Response)
    limit, batch = model.settings.max_body_bytes, batch_adapter(model.settings)
    leads, answers = example_leads(model), example_answers(model)
    refused = refuses(400, 413, 415, 422, 500)

    @router.post(
        "/v1/score",
        summary="Score one lead",
        openapi_extra=takes("Lead", leads[0]),
        responses=gives(answers[0]) | refused,
    )
    async def score(request: Request, query: InQuery) -> Response:
        body = await json_body(request, limit)

        def answered() -> ScoredLead | Problem:
            return scored(model, [json_value(body)], clock(), query.reasons)[0]

        answer = answered() if len(body) <= INLINE_BYTES else await run_in_threadpool(answered)
        if isinstance(answer, Problem):
            return problem_response(answer, request.state.request_id)
        return _json(as_json(answer))

    @router.post(
        "/v1/score/batch",
        summary="Score many leads",
        openapi_extra=takes("Batch", {"leads": leads}),
        responses=gives(BatchAnswer(tuple(answers))) | refused,
    )
    async def score_batch(request: Request, query: InQuery) -> Response:
        body = await json_body(request, limit)
        request_id: str = request.state.request_id

        def answered() -> bytes | Problem:
            try:
                found = batch.validate_python(json_value(body))["leads"]
            except ValidationError as error:
                return invalid_fields(error.errors(include_url=False), {(): ("leads",)})
            results = (
                replace(one, request_id=request_id) if isinstance(one, Problem) else one
                for one in scored(model, found, clock(), query.reasons)
            )
            return as_json(BatchAnswer(tuple(results)))

        answer = await run_in_threadpool(answered)
        return (
            problem_response(answer, request_id) if isinstance(answer, Problem) else _json(answer)
        )

    return router


def _reading(model: ServedModel) -> APIRouter:
    """Routes that tell about the model and the process."""
    router = APIRouter(tags=["model"], default_response_class=Response)
    version = model.bundle.version
    description, alive, ready = described(model), Health("alive", version), Health("ready", version)
    description_json = as_json(description)
    example = replace(description, card={"data_end": description.card["data_end"]})

    @router.get("/v1/model", summary="The model", responses=gives(example))
    async def show_model() -> Response:
        return _json(description_json)

    @router.get("/healthz", summary="The process lives", responses=gives(alive))
    async def healthz() -> Response:
        return _json(as_json(alive))

    @router.get("/readyz", summary="A model is loaded", responses=gives(ready))
    async def readyz() -> Response:
        return _json(as_json(ready))

    return router


def _report(page: bytes | None) -> APIRouter:
    """Route of the managers' report."""
    router = APIRouter(tags=["model"])

    @router.get("/", include_in_schema=False)
    @router.get(
        "/report",
        summary="The managers' report",
        response_class=HTMLResponse,
        responses=refuses(404),
    )
    async def show_report() -> Response:
        if page is None:
            raise HTTPException(404, NO_REPORT)
        return _page(page)

    return router


def _docs(found: dict[str, Any]) -> APIRouter:
    """Route of the page on the routes."""
    router = APIRouter()
    page = docs_page(found).encode()

    @router.get("/docs", include_in_schema=False)
    async def show_docs() -> Response:
        return _page(page)

    return router


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _page(content: bytes) -> Response:
    return HTMLResponse(content, headers={"Content-Security-Policy": PAGE_POLICY})


async def _http_problem(request: Request, error: AnyHTTPException) -> Response:
    """Problem for what the framework or a route refuses with a status."""
    detail = error.detail
    if error.status_code == 404 and detail == "Not Found":
        detail = f"No such page: {shown(request.url.path)}. GET /openapi.json lists them."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{shown(request.method)} is not for this page; it takes {allowed}."
    found = problem(error.status_code, detail)
    return problem_response(found, request.state.request_id, error.headers)


async def _query_problem(request: Request, error: RequestValidationError) -> Response:
    """Problem for a query parameter."""
    return problem_response(invalid_fields(error.errors(), _NAMES), request.state.request_id)
