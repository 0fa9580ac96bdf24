"""The route that tells what the ledger holds about a lead."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.record import Answered
from serving.answers.examples import example_records
from serving.answers.history import lead_history
from serving.answers.model import ServedModel
from serving.answers.problem import Refused
from serving.answers.schemas import as_json
from serving.http.keeping import Keeper
from serving.http.load import overload_refusal
from serving.http.openapi import NO_LEDGER, answer_responses, no_ledger_responses
from serving.http.score_routes import json_response

_LEAD_ID = {
    "name": "lead_id",
    "in": "path",
    "required": True,
    "description": "The lead, as it was named in the requests.",
    "schema": {"type": "string"},
}


def history_routes(model: ServedModel, keeper: Keeper | None) -> APIRouter:
    """Route of a lead's history.

    Parameters
    ----------
    model : ServedModel
        The model; its answers to the example lead are the example.
    keeper : Keeper or None
        Has the ledger.
    """
    router = APIRouter(tags=["score"], default_response_class=Response)
    example = lead_history("L-1001", example_records(model))

    @router.get(
        "/v1/leads/{lead_id:path}/history",
        summary="What was answered about a lead",
        openapi_extra={"parameters": [_LEAD_ID]},
        responses=answer_responses(example) | no_ledger_responses(),
    )
    async def show_history(request: Request) -> Response:
        """The latest 100 answers that the ledger holds, and how each differs from the one before.

        Empty for a lead that the ledger does not know, or has erased.
        """
        if keeper is None:
            raise Refused(404, "no_ledger", NO_LEDGER)
        lead_id = request.path_params["lead_id"]
        answers = await run_in_threadpool(_answers, keeper, lead_id)
        return json_response(as_json(lead_history(lead_id, answers)))

    return router


def _answers(keeper: Keeper, lead_id: str) -> tuple[Answered, ...]:
    try:
        return keeper.history(lead_id)
    except OSError as error:
        raise overload_refusal("The ledger cannot be read now.") from error
