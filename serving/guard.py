"""The outermost layer of the server: every request has an id, no exception gets out.

What can be read can be asked for its head alone, by load balancers and monitors: HEAD is GET
without the body.

The id is the client's own `X-Request-ID` where it is a plain word, a new one otherwise; it comes
back as a header and in every problem, and stands in the log. An exception that nobody expected is
logged with the places it passed through but without its message, which may quote a lead.
"""

import logging
import re
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problem import Problem, problem
from serving.schemas import as_json

PROBLEM_TYPE = "application/problem+json"

_LOG = logging.getLogger(__name__)
_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def problem_response(
    found: Problem, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer a request with a problem."""
    content = as_json(replace(found, request_id=request_id))
    return Response(content, found.status, headers, PROBLEM_TYPE)


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        only_head = scope["method"] == "HEAD"
        # A copy: the server that called must still know what was asked.
        asked = {**scope, "method": "GET"} if only_head else scope
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["x-content-type-options"] = "nosniff"
            elif only_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._app(asked, receive, send_with_id)
        except ClientDisconnect:
            _LOG.info("request %s: the client went away before its body had arrived", request_id)
        except Exception as error:
            places = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("request %s failed: %s\n%s", request_id, type(error).__name__, places)
            if not started:
                detail = "The server failed. Its log says where, under this request_id."
                response = problem_response(problem(500, detail), request_id)
                await response(scope, receive, send_with_id)


def _request_id(given: str) -> str:
    return given if _PLAIN.fullmatch(given) else uuid.uuid4().hex
