"""A short way to the routes that score, for queries that were read before.

FastAPI reads a query, solves a route's dependencies and walks through its routers anew for every
request, which costs as much as a quarter of a score. It alone says what a query may be: a request
whose query is new goes through it. The query that it accepted is remembered, and later requests
with the same one go straight to the function that FastAPI would have called.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

PARSED_QUERY = "asked"
"""Where in a request's state a route leaves the query that FastAPI read for it."""
MAX_QUERIES, MAX_QUERY_BYTES = 256, 200


class QueryShortcut:
    """ASGI middleware inside of `Guard`, which answers what is refused here.

    Parameters
    ----------
    app : ASGI application
        FastAPI's, for all else.
    routes : mapping of path to APIRoute
        Routes of the method POST that take a request and one query and share what a query may be.
    admit : async function of a request
        Raises HTTPException where the request may not ask.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Mapping[str, APIRoute],
        admit: Callable[[Request], Awaitable[None]],
    ) -> None:
        self._app, self._routes, self._admit = app, routes, admit
        self._known: dict[bytes, object] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes.get(scope["path"]) if scope.get("method") == "POST" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        text = scope["query_string"]
        query = self._known.get(text)
        if query is None:
            await self._app(scope, receive, send)
            self._remember(text, scope["state"].get(PARSED_QUERY))
            return
        scope["route"] = route
        request = Request(scope, receive)
        await self._admit(request)
        response = await route.endpoint(request, query)
        await response(scope, receive, send)

    def _remember(self, text: bytes, query: object | None) -> None:
        if query is not None and len(self._known) < MAX_QUERIES and len(text) <= MAX_QUERY_BYTES:
            self._known[text] = query
