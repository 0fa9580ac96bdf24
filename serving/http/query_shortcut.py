"""A shortcut past FastAPI to the routes that score, for queries that were read before.

For every request FastAPI reads the query, solves the route's dependencies and walks through its
routers, which costs a quarter of a score. FastAPI alone decides which queries are valid: a request
with a new query goes through it. `QueryShortcut` remembers each query that FastAPI accepted; later
requests with the same query go directly to the function that FastAPI would have called.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

PARSED_QUERY = "asked"
"""Key in a request's state where a route leaves the query that FastAPI read for it."""
MAX_QUERIES, MAX_QUERY_BYTES = 256, 200


class QueryShortcut:
    """ASGI middleware inside `Guard`, which answers the exceptions that are raised here.

    Parameters
    ----------
    app : ASGI application
        FastAPI's application, for all other requests.
    routes : mapping of path to APIRoute
        POST routes whose functions take a request and a query; all share one query model.
    admit : async function of a request
        Raises HTTPException if the request may not use these routes.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Mapping[str, APIRoute],
        admit: Callable[[Request], Awaitable[None]],
    ) -> None:
        self._app, self._routes, self._admit = app, routes, admit
        self._queries: dict[bytes, object] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes.get(scope["path"]) if scope.get("method") == "POST" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        text = scope["query_string"]
        query = self._queries.get(text)
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
        if query is not None and len(self._queries) < MAX_QUERIES and len(text) <= MAX_QUERY_BYTES:
            self._queries[text] = query
