"""The routes of one bundle, as a FastAPI application.

`bundle_app` loads a bundle and prepares everything that does not depend on a request: validator,
examples, OpenAPI document, pages. Each bundle has an application of its own, so that nothing of an
earlier bundle can stay behind. The routes that score are in `score_routes`.

Tests: tests/serving/http/test_app.py.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.cors import CORSMiddleware

from features.json_values import JsonObject
from models.bundle import REPORTS, Bundle, load_bundle
from models.contract import Contract, served_contract
from models.golden import GOLDEN
from serving.answers.codes import MEANINGS
from serving.answers.golden import replay_golden_leads
from serving.answers.model import (
    ServedModel,
    describe_contract,
    describe_model,
    list_contract_changes,
    served_model,
)
from serving.answers.problem import PROBLEM_PAGES, Problem, problem_of, quoted_value
from serving.answers.schemas import Health, ModelAnswer, as_json
from serving.answers.turns import Turns
from serving.http.cors import cors_options
from serving.http.docs import docs_page, problem_page
from serving.http.guard import Guard, problem_response
from serving.http.history_routes import history_routes
from serving.http.keeping import Keeper
from serving.http.keys import KeyRing
from serving.http.languages import preferred_language
from serving.http.load import Load, overload_refusal
from serving.http.openapi import (
    METRICS_EXAMPLE,
    NO_LIST,
    NO_REPORT,
    Responses,
    answer_responses,
    missing_page_responses,
    openapi_document,
    other_host_responses,
    page_responses,
    problem_responses,
    required_roles_responses,
    shutdown_responses,
    text_responses,
)
from serving.http.openapi_frame import operation_name
from serving.http.query_shortcut import QueryShortcut
from serving.http.quotas import Quotas
from serving.http.sample_routes import sample_routes
from serving.http.score_routes import json_response, query_problem, scoring_routes
from serving.http.security import ROLES, ApiKey, Role, role_check
from serving.http.settings import Settings
from serving.http.telemetry import Telemetry
from serving.pages.try_page import page_examples, try_pages

_LOG = logging.getLogger(__name__)

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages: own styles and embedded pictures, no script, no network."""


NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""Switches FastAPI's own telemetry off: it would export the paths and values that were sent.
`serving.process.traces` exports neither."""

Reload = Callable[[], Awaitable[str | Problem]]
"""Serves the bundle that is in the folder now: its version, or why the earlier one stays."""


@dataclass(frozen=True, slots=True)
class BundleApp:
    """A bundle as an application."""

    bundle: Bundle
    app: FastAPI


def bundle_app(
    folder: Path,
    settings: Settings,
    clock: Callable[[], int],
    telemetry: Telemetry,
    load: Load,
    keys: KeyRing,
    reload: Reload,
    keeper: Keeper | None = None,
) -> BundleApp:
    """Application of the bundle in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle's folder. Model and reports are read once, now: the report that is shown always
        belongs to the model that scores, even if the folder changes.
    settings : Settings
        Limits, and who may ask.
    clock : callable
        Returns the present, in microseconds since the epoch.
    telemetry : Telemetry
        Counts requests and scores.
    load : Load
        Limits the requests at work.
    keys : KeyRing
        The API keys that are good now.
    reload : async function
        Called when an operator asks for a reload.
    keeper : Keeper, optional
        Keeps the answers in a ledger.

    Returns
    -------
    BundleApp

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The bundle is of another format, was changed after it was written, or does not answer its
        golden leads as where it was made.
    """
    bundle = load_bundle(folder)
    golden = _golden_text(bundle, folder, rounded=settings.golden == "rounded")
    pages = {code: folder / name for code, name in REPORTS.items()}
    reports = {code: page.read_bytes() for code, page in pages.items() if page.exists()}
    contract = served_contract(folder, bundle)
    model = served_model(bundle, settings.limits, contract)
    app = FastAPI(
        title="lead-temperature",
        version=contract.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        generate_unique_id_function=operation_name,
        exception_handlers={
            AnyHTTPException: _http_problem,
            RequestValidationError: query_problem,
        },
    )
    # FastAPI remembers the functions of thousands of routes. The large parts of a bundle are
    # attributes of its application instead, so that an earlier bundle leaves the memory.
    app.state.model, app.state.reports = model, reports
    description = describe_model(model)
    app.state.description = as_json(description)
    admission = _Admission(
        settings,
        keys,
        telemetry,
        Quotas(clock, telemetry.region, telemetry.regions, settings.key_quota),
    )
    turns = Turns(lambda: load.requests > load.batches)
    scoring = scoring_routes(model, clock, telemetry, load, turns, settings.body_seconds, keeper)
    app.include_router(scoring, **admission.access("score", counted=True))
    sampling = sample_routes(model, clock, load, turns, settings.body_seconds)
    app.include_router(sampling, **admission.access("score", counted=True))
    app.include_router(history_routes(model, keeper), **admission.access("score", counted=True))
    app.state.contract = as_json(describe_contract(contract))
    app.state.contract_changes = as_json(list_contract_changes(contract))
    app.include_router(
        _model_routes(description, contract), **admission.access("score", counted=True)
    )
    examples = page_examples(model, golden)
    app.state.try_pages = try_pages(model, examples, needs_key=bool(settings.api_keys))
    app.include_router(_report_routes(), **admission.access("report", counted=True))
    app.include_router(_try_routes(), **admission.access("report", counted=True))
    lists = _work_routes(settings.work_page)
    app.include_router(lists, **admission.access("report", counted=True))
    app.include_router(_operator_routes(model, telemetry, reload), **admission.access("operate"))
    app.include_router(_health_routes(model, load, keeper))
    app.include_router(_problem_routes())
    document = openapi_document(app, model, keys=bool(settings.api_keys))
    app.state.docs, app.state.document = docs_page(document).encode(), _text(document)
    app.include_router(_docs_routes(), **admission.access(*ROLES))
    scoring_by_path = {route.path: route for route in scoring.routes if isinstance(route, APIRoute)}
    app.add_middleware(
        QueryShortcut,
        routes=scoring_by_path,
        admit=admission.check(("score",), counted=True),
    )
    app.add_middleware(Guard, telemetry=telemetry, load=load)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **cors_options(settings.cors_origins))
    return BundleApp(bundle, app)


def _golden_text(bundle: Bundle, folder: Path, *, rounded: bool) -> str | None:
    """The bundle's golden leads, after it has answered them as before; None if it has none."""
    file = folder / GOLDEN
    if not file.exists():
        _LOG.warning("bundle %s has no %s: its answers are not compared", bundle.version, GOLDEN)
        return None
    text = file.read_text(encoding="utf-8")
    replay_golden_leads(bundle, text, rounded=rounded)
    return text


class _Access(TypedDict):
    """Who may use a router, as FastAPI takes it."""

    dependencies: list[params.Depends]
    responses: Responses


@dataclass(frozen=True, slots=True)
class _Admission:
    """Who is let in, and what is noted of it."""

    settings: Settings
    keys: KeyRing
    telemetry: Telemetry
    quotas: Quotas

    def check(
        self, roles: Sequence[Role], *, counted: bool
    ) -> Callable[[Request], Awaitable[None]]:
        """Check that a request's key has one of the roles and, if it counts, some quota left."""

        def note_use(request: Request, key: ApiKey) -> None:
            self.telemetry.note_key(key.name)
            if counted:
                request.state.quota = self.quotas.take(key)

        return role_check(self.keys, roles, note_use)

    def access(self, *roles: Role, counted: bool = False) -> _Access:
        """Access to a router for the keys that have one of the roles."""
        responses = other_host_responses()
        if self.settings.api_keys:
            responses = required_roles_responses(*roles)
        if counted and self.settings.has_quotas:
            responses |= problem_responses(429)
        check = self.check(roles, counted=counted)
        return {"dependencies": [Depends(check)], "responses": responses}


def _model_routes(description: ModelAnswer, contract: Contract) -> APIRouter:
    """Routes that describe the model, and what callers may send whichever model serves."""
    router = APIRouter(default_response_class=Response)
    example = replace(description, card={"data_end": description.card["data_end"]})

    @router.get(
        "/v1/model", tags=["model"], summary="The model", responses=answer_responses(example)
    )
    async def show_model(request: Request) -> Response:
        """What it promises, which names and words it reads, and its card."""
        return json_response(request.app.state.description)

    @router.get(
        "/v1/contract",
        tags=["contract"],
        summary="The contract: names, types and words",
        responses=answer_responses(describe_contract(contract)),
    )
    async def show_contract(request: Request) -> Response:
        """Every name that a lead may have, retired ones with the day until which they are kept."""
        return json_response(request.app.state.contract)

    @router.get(
        "/v1/contract/changes",
        tags=["contract"],
        summary="The contract's versions",
        responses=answer_responses(list_contract_changes(contract)),
    )
    async def show_contract_changes(request: Request) -> Response:
        """All versions of the contract, the newest first, with what each changed."""
        return json_response(request.app.state.contract_changes)

    return router


def _health_routes(model: ServedModel, load: Load, keeper: Keeper | None) -> APIRouter:
    """Routes by which an orchestrator checks the process; they need no key."""
    router = APIRouter(tags=["health"], default_response_class=Response)
    version = model.bundle.version
    alive, ready = Health("alive", version), Health("ready", version)

    @router.get("/healthz", summary="The process lives", responses=answer_responses(alive))
    async def healthz() -> Response:
        """Answers as long as the process does, and needs no key."""
        health = alive if keeper is None else replace(alive, ledger=keeper.health)
        return json_response(as_json(health))

    @router.get(
        "/readyz",
        summary="A model is loaded",
        responses=answer_responses(ready) | shutdown_responses(),
    )
    async def readyz() -> Response:
        """Answers 200 while new requests may come, and needs no key."""
        if load.draining:
            raise overload_refusal("The server is about to end.", "ending")
        return json_response(as_json(ready))

    return router


def _operator_routes(model: ServedModel, telemetry: Telemetry, reload: Reload) -> APIRouter:
    """Routes for those who run the server."""
    router = APIRouter(tags=["operate"])
    example = Health("ready", model.bundle.version)

    @router.post(
        "/v1/model/reload",
        summary="Serve the bundle that lies in the folder now",
        response_class=Response,
        responses=answer_responses(example) | problem_responses(409),
    )
    async def reload_model(request: Request) -> Response:
        """Proves it first; a bundle that is refused changes nothing."""
        version = await reload()
        if isinstance(version, Problem):
            return problem_response(version, request.scope)
        return json_response(as_json(Health("ready", version)))

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=PlainTextResponse,
        responses=text_responses("text/plain", METRICS_EXAMPLE),
    )
    async def show_metrics() -> Response:
        """Figures of all workers in Prometheus' text format."""
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def _report_routes() -> APIRouter:
    """Route of the managers' report, in the reader's language."""
    router = APIRouter(tags=["model"])

    @router.get("/", include_in_schema=False)
    @router.get(
        "/report",
        summary="The managers' report",
        response_class=HTMLResponse,
        responses=page_responses() | missing_page_responses(NO_REPORT),
    )
    async def show_report(request: Request) -> Response:
        """The page that training wrote, in the browser's language or that of `?lang=`."""
        reports = request.app.state.reports
        if not reports:
            raise HTTPException(404, NO_REPORT)
        code = _language(request, reports)
        return _with_language(_page(reports[code]), code)

    return router


def _work_routes(page: str | None) -> APIRouter:
    """Route of the day's lists, which a command wrote: the server itself makes none."""
    router = APIRouter(tags=["model"])

    @router.get(
        "/work",
        summary="The day's list of every salesperson",
        response_class=HTMLResponse,
        responses=page_responses() | missing_page_responses(NO_LIST),
    )
    async def show_work_page() -> Response:
        """The page that `lead-temperature work` wrote last."""
        if page is None:
            raise HTTPException(404, NO_LIST)
        try:
            return _page(await asyncio.to_thread(Path(page).read_bytes))
        except OSError as error:
            raise HTTPException(404, NO_LIST) from error

    return router


def _try_routes() -> APIRouter:
    """Route of the page on which a person tries a lead."""
    router = APIRouter(tags=["score"])

    @router.get(
        "/leads/try",
        summary="A page to try a lead on",
        response_class=HTMLResponse,
        responses=page_responses(),
    )
    async def show_try_page(request: Request) -> Response:
        """A page for people, in the browser's language or that of `?lang=`."""
        pages = request.app.state.try_pages
        code = _language(request, pages)
        return _with_language(_page(pages[code].content, pages[code].policy), code)

    return router


def _problem_routes() -> APIRouter:
    """Route of the pages that the types of problems name; they need no key."""
    router = APIRouter()

    @router.get(f"{PROBLEM_PAGES}/{{code}}", include_in_schema=False)
    async def show_problem_page(code: str) -> Response:
        for known_code, meaning in MEANINGS.items():
            if code == known_code:
                return _page(problem_page(known_code, meaning).encode())
        raise HTTPException(404, f"There is no code {quoted_value(code)}.")

    return router


def _docs_routes() -> APIRouter:
    """Routes that document the routes: a page for people, OpenAPI for programs."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def show_docs(request: Request) -> Response:
        return _page(request.app.state.docs)

    @router.get("/openapi.json", include_in_schema=False)
    async def show_document(request: Request) -> Response:
        return json_response(request.app.state.document)

    return router


def _language(request: Request, offered: Collection[str]) -> str:
    """Language that ``?lang=`` names if it is offered, else the one that the browser prefers."""
    requested = request.query_params.get("lang")
    if requested is not None and requested in offered:
        return requested
    return preferred_language(request.headers.get("accept-language"), list(offered))


def _with_language(answer: Response, code: str) -> Response:
    """Add the headers that say the language and that it depends on the browser."""
    answer.headers.update({"Content-Language": code, "Vary": "Accept-Language"})
    return answer


def _text(document: JsonObject) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _page(content: bytes, policy: str = PAGE_POLICY) -> Response:
    return HTMLResponse(content, headers={"Content-Security-Policy": policy})


async def _http_problem(request: Request, error: AnyHTTPException) -> Response:
    """Problem for an HTTPException of FastAPI or of a route."""
    detail = error.detail
    if error.status_code == 404 and detail == "Not Found":
        detail = f"No such page: {quoted_value(request.url.path)}. GET /openapi.json lists them."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{quoted_value(request.method)} is not for this page; it takes {allowed}."
    refusal = replace(problem_of(error), detail=detail)
    return problem_response(refusal, request.scope, error.headers)
