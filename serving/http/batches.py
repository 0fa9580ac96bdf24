"""How a batch is answered: in turns, within a time, whole or line by line, plain or packed.

Tests: tests/serving/http/test_preferences.py.
"""

import asyncio
import gzip
import math
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from serving.answers.course import Part
from serving.answers.json_text import parse_json
from serving.answers.lenient import with_warning, without_unknown_names
from serving.answers.model import ServedModel
from serving.answers.problem import Problem, validation_problem
from serving.answers.recording import Recording
from serving.answers.schemas import as_json
from serving.answers.scorer import score_leads
from serving.answers.turns import TURN_LEADS, TURN_LEADS_WITH_COURSE, Turns
from serving.http.guard import problem_response
from serving.http.keeping import Keeper
from serving.http.lines import LinesResponse
from serving.http.load import Load, overload_refusal
from serving.http.preferences import is_lenient, preferred_wait, takes_gzip, wants_lines
from serving.http.telemetry import Telemetry

Result = TypeVar("Result")
MIN_PACKED_BYTES, PACK_LEVEL = 1_024, 1
"""Shortest answer that is packed, and how hard: the fastest way saves four fifths."""


@dataclass(frozen=True, slots=True)
class Batches:
    """What answering batches needs beside a request.

    Parameters
    ----------
    model : ServedModel
        The model that scores.
    adapter : TypeAdapter
        Validator of the object around the leads.
    clock : callable
        Returns the present, in microseconds since the epoch.
    telemetry : Telemetry
        Counts the scores.
    load : Load
        Limits the batches at work.
    turns : Turns
        Lets single leads go first.
    keeper : Keeper or None
        Keeps the answers in a ledger.
    recording : Recording or None
        How they are recorded for it.
    """

    model: ServedModel
    adapter: TypeAdapter[Mapping[str, list[object]]]
    clock: Callable[[], int]
    telemetry: Telemetry
    load: Load
    turns: Turns
    keeper: Keeper | None = None
    recording: Recording | None = None

    async def answer(
        self, request: Request, body: bytes, reasons: int, include: Collection[Part]
    ) -> Response:
        """Answer a batch whose body has come.

        Parameters
        ----------
        request : Request
            Its headers say how long the client waits, and which forms it takes.
        body : bytes
            JSON text.
        reasons : int
            How many signals to name for each lead.
        include : collection of "trend", "forecast"
            What else to answer.

        Raises
        ------
        Refused
            400: the body is no JSON; 503: too much is at work, or the client's time is over.
        """
        is_packed = takes_gzip(request)
        headers = {"Vary": "Accept, Accept-Encoding"}
        applied = ["handling=lenient"] if is_lenient(request) else []
        if (wait := preferred_wait(request)) is not None:
            applied.insert(0, f"wait={wait}")
        headers |= {"Preference-Applied": ", ".join(applied)} if applied else {}
        async with AsyncExitStack() as at_work:
            await at_work.enter_async_context(batch_at_work(self.load, request))
            leads_json = await self.turns.take(partial(self._leads, body))
            if isinstance(leads_json, Problem):
                return problem_response(leads_json, request.scope)
            work = partial(
                self._texts,
                request_id=request.state.request_id,
                reasons=reasons,
                include=include,
                lenient=is_lenient(request),
            )
            step = TURN_LEADS_WITH_COURSE if include else TURN_LEADS
            parts = in_turns(request, self.turns, leads_json, work, step)
            if wants_lines(request):
                return LinesResponse(parts, at_work.pop_all(), headers, is_packed=is_packed)
            texts = [text async for some in parts for text in some]
            content = b'{"results":[' + b",".join(texts) + b"]}"
            if is_packed and len(content) > MIN_PACKED_BYTES:
                content = await self.turns.take(partial(gzip.compress, content, PACK_LEVEL))
                headers |= {"Content-Encoding": "gzip"}
        return Response(content, headers=headers, media_type="application/json")

    def _leads(self, body: bytes) -> list[object] | Problem:
        return leads_of_body(body, self.adapter, self.model.max_names)

    def _texts(
        self,
        leads_json: Sequence[object],
        *,
        request_id: str,
        reasons: int,
        include: Collection[Part],
        lenient: bool,
    ) -> list[bytes]:
        """JSON texts of the answers to some leads."""
        unknown_names: Sequence[Sequence[str]] = [()] * len(leads_json)
        if lenient:
            known_parts = [
                without_unknown_names(lead, self.model.accepted_names) for lead in leads_json
            ]
            leads_json, unknown_names = zip(*known_parts, strict=True)
        answers = score_leads(
            self.model, leads_json, self.clock(), reasons, include, self.recording
        )
        if self.keeper is not None:
            answers = self.keeper.keep_in_thread(answers)
        results = [
            replace(with_warning(answer, unknown), request_id=request_id)
            for answer, unknown in zip(answers, unknown_names, strict=True)
        ]
        self.telemetry.count_scores(results)
        return [as_json(result) for result in results]


@asynccontextmanager
async def batch_at_work(load: Load, request: Request) -> AsyncIterator[None]:
    """Count a request as being at work, and as working in threads.

    Raises
    ------
    Refused
        503: too much is at work.
    """
    async with load.request(getattr(request.state, "client", None)):
        with load.batch():
            yield


def leads_of_body(
    body: bytes, adapter: TypeAdapter[Mapping[str, list[object]]], max_names: int
) -> list[object] | Problem:
    """Leads of a batch's body, each still to be validated.

    Parameters
    ----------
    body : bytes
        JSON text.
    adapter : TypeAdapter
        Validator of the object around the leads.
    max_names : int
        Most names that an object may have.

    Raises
    ------
    Refused
        400: the body is no JSON.
    """
    try:
        return adapter.validate_python(parse_json(body, max_names))["leads"]
    except ValidationError as error:
        return validation_problem(error.errors(include_url=False), {(): ("leads",)})


async def in_turns(
    request: Request,
    turns: Turns,
    leads_json: Sequence[object],
    work: Callable[[Sequence[object]], Result],
    step: int = TURN_LEADS,
) -> AsyncIterator[Result]:
    """Results of work on leads, some at a time, while the client waits.

    Parameters
    ----------
    request : Request
        It says how long its client waits (``Prefer: wait=N``).
    turns : Turns
        Lets single leads go first.
    leads_json : sequence of JSON values
        The leads.
    work : callable
        Is called in a thread with some of the leads.
    step : int
        How many leads at a time.

    Raises
    ------
    Refused
        503: the client's time is over.
    ClientDisconnect
        The client has gone.
    """
    loop, wait = asyncio.get_running_loop(), preferred_wait(request)
    deadline = math.inf if wait is None else loop.time() + wait
    for begin in range(0, len(leads_json), step):
        if loop.time() > deadline:
            detail = f"Of {len(leads_json)} leads {begin} were scored within {wait} s."
            raise overload_refusal(detail, "deadline")
        if await request.is_disconnected():
            raise ClientDisconnect
        yield await turns.take(partial(work, leads_json[begin : begin + step]))
