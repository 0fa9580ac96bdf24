"""The outermost layer of a bundle's application: ids, limits, headers, and no exception gets out.

`Guard` does for every request what does not depend on its route:

- It gives the request an id: the client's own `X-Request-ID` if that is a plain word, else a new
  one. The id comes back as a header and in every problem, and stands in the log.
- It refuses a request before reading any of it while too many others are at work. A request with a
  body is counted by its route, once the body has come.
- It answers HEAD, which load balancers and monitors send, as GET without the body.
- It adds headers that keep browsers from doing more with an answer than showing it.
- It turns an exception that nobody expected into a problem. The log gets the stack but not the
  message, which may quote a lead.
"""

import logging
import re
import time
import traceback
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.answers.problem import Problem, problem, problem_of
from serving.answers.schemas import as_json
from serving.http.load import Load
from serving.http.log import LOG_FIELDS
from serving.http.quotas import QuotaUse
from serving.http.telemetry import Telemetry

ALWAYS_ANSWERED = ("/healthz", "/readyz", "/metrics", "/v1/model/reload")
"""Paths that are answered however many requests are at work."""

COUNTED_BY_ROUTE = ("/v1/score", "/v1/score/batch", "/v1/validate")
"""Paths whose requests have a body, and are at work only when it has come."""

PROBLEM_TYPE = "application/problem+json"

SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Headers of every answer that does not set them itself: no caching, no framing, no guessing of
types. None of them lets other sites read an answer, so CORS is closed."""

_LOG = logging.getLogger(__name__)
_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_Header = tuple[bytes, bytes]
_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def problem_response(
    problem: Problem, scope: Scope, headers: Mapping[str, str] | None = None
) -> Response:
    """Response with a problem; its reason is kept in the request's state, to be counted."""
    state = scope["state"]
    state["reason"] = problem.code
    content = as_json(replace(problem, request_id=state["request_id"]))
    return Response(content, problem.status, headers, PROBLEM_TYPE)


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
        The application inside.
    telemetry : Telemetry
        Counts every request.
    load : Load
        Counts the requests at work and refuses more than its limit.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, load: Load) -> None:
        self._app, self._telemetry, self._load = app, telemetry, load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        only_head = scope["method"] == "HEAD"
        # A copy: the ASGI server that called must still see the method that the client sent.
        get_scope = {**scope, "method": "GET"} if only_head else scope
        began, status, is_recorded = time.perf_counter(), 0, False

        def record() -> None:
            nonlocal is_recorded
            if not is_recorded:
                is_recorded = True
                scope["route"] = get_scope.get("route")
                self._record(scope, status, time.perf_counter() - began)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_own(
                    message["headers"], request_id, scope["state"].get("quota")
                )
            elif message["type"] == "http.response.body":
                if only_head:
                    message["body"] = b""
                if not message.get("more_body"):
                    record()  # before: what a client has is counted, whenever the process ends
            await send(message)

        try:
            if scope["path"] in ALWAYS_ANSWERED:
                await self._app(get_scope, receive, send_with_id)
            elif scope["path"] in COUNTED_BY_ROUTE:
                self._load.require_room()
                await self._app(get_scope, receive, send_with_id)
            else:
                async with self._load.request():
                    await self._app(get_scope, receive, send_with_id)
        except HTTPException as refused:
            response = problem_response(problem_of(refused), scope, refused.headers)
            await response(scope, receive, send_with_id)
        except ClientDisconnect:
            pass  # its status stays 0, as the log shows
        except Exception as error:
            _log_failure(error, request_id)
            if not status:
                detail = "The server failed. Its log says where, under this request_id."
                response = problem_response(problem(500, detail), scope)
                await response(scope, receive, send_with_id)
        finally:
            record()

    def _with_own(
        self, headers: Iterable[_Header], request_id: str, quota: QuotaUse | None
    ) -> list[_Header]:
        """An answer's headers, and those of every answer."""
        headers = [*headers, (b"x-request-id", request_id.encode())]
        if quota is not None:
            headers += [(name.encode(), text.encode()) for name, text in quota.headers.items()]
        header_names = {name for name, _ in headers}
        headers += [header for header in _SECURITY if header[0] not in header_names]
        if self._load.draining:
            headers = [header for header in headers if header[0] != b"connection"]
            headers.append((b"connection", b"close"))
        return headers

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log a request that has ended; status 0 means that its client went away."""
        route = getattr(scope.get("route"), "path", "unknown")
        self._telemetry.count_request(route, status, seconds, scope["state"].get("reason"))
        level = _level(status)
        if _LOG.isEnabledFor(level):
            state = scope["state"]
            fields = {
                "request_id": state["request_id"],
                "client": state.get("client"),
                "method": scope["method"],
                "route": route,
                "status": status,
                "seconds": round(seconds, 6),
            }
            _LOG.log(
                level, "request %(request_id)s: %(status)s", fields, extra={LOG_FIELDS: fields}
            )


def _log_failure(error: Exception, request_id: str) -> None:
    """Log the stack of an exception that nobody expected, but not its message."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    arguments = (request_id, type(error).__name__, stack)
    fields = {"request_id": request_id}
    _LOG.error("request %s failed: %s\n%s", *arguments, extra={LOG_FIELDS: fields})


def _level(status: int) -> int:
    """Log level of a request with this status."""
    if 0 < status < 400 or status == 503:  # overload comes in crowds: a metric counts it
        return logging.DEBUG
    return logging.WARNING if status >= 500 else logging.INFO


def _request_id(client_id: str) -> str:
    return client_id if _PLAIN.fullmatch(client_id) else uuid.uuid4().hex
