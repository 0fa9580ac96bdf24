"""The route that checks a sample of leads before a CRM goes live: a dry run.

Tests: tests/serving/http/test_sample_routes.py.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request, Response

from serving.answers.examples import example_leads, example_sample
from serving.answers.model import ServedModel
from serving.answers.problem import Problem
from serving.answers.sample import Sample
from serving.answers.schemas import as_json, batch_adapter
from serving.answers.turns import Turns
from serving.http.batches import batch_at_work, in_turns, leads_of_body
from serving.http.body import read_json_body
from serving.http.guard import problem_response
from serving.http.load import Load
from serving.http.openapi import (
    answer_responses,
    missing_field_responses,
    problem_responses,
    request_body,
)
from serving.http.preferences import preferred_wait
from serving.http.score_routes import json_response


def sample_routes(
    bundle_model: ServedModel,
    clock: Callable[[], int],
    load: Load,
    turns: Turns,
    body_seconds: float,
) -> APIRouter:
    """Route that checks a sample of leads.

    Parameters
    ----------
    bundle_model : ServedModel
        The model that would score them.
    clock : callable
        Returns the present, in microseconds since the epoch.
    load : Load
        Limits the samples at work, as batches.
    turns : Turns
        Lets single leads go first.
    body_seconds : float
        How long a body may take to come.
    """
    router = APIRouter(tags=["score"], default_response_class=Response)
    adapter, limits = batch_adapter(bundle_model.limits), bundle_model.limits

    @router.post(
        "/v1/validate",
        summary="Check a sample of leads: a dry run",
        openapi_extra=request_body("Batch", {"leads": example_leads(bundle_model)}),
        responses=answer_responses(example_sample(bundle_model), headers=["Preference-Applied"])
        | problem_responses(400, 408, 413, 415)
        | missing_field_responses("leads"),
    )
    async def validate_sample(request: Request) -> Response:
        """What a CRM's leads differ in from training: names, words, formats, ranges, bands.

        Send some hundred leads as they would be scored. They count in no figure of the server.
        """
        model: ServedModel = request.app.state.model
        body = await read_json_body(request, limits.max_body_bytes, body_seconds, load)
        async with batch_at_work(load, request):
            leads_json = await turns.take(partial(leads_of_body, body, adapter, model.max_names))
            if isinstance(leads_json, Problem):
                return problem_response(leads_json, request.scope)
            sample = Sample(model)
            work = partial(sample.add, current_time=clock())
            async for _ in in_turns(request, turns, leads_json, work):
                pass
            answer = await turns.take(sample.answer)
        wait = preferred_wait(request)
        headers = {} if wait is None else {"Preference-Applied": f"wait={wait}"}
        return json_response(as_json(replace(answer, request_id=request.state.request_id)), headers)

    return router
