"""What all routes share in the OpenAPI document: its head, tags, names of operations and headers.

Generated clients take their classes and methods from it: `operation_name` is the method of a route,
the tag its class. Both are stable: a name here changes only with the contract's first number.

Tests: tests/serving/http/test_openapi.py.
"""

from collections.abc import Mapping
from typing import Any

from fastapi.routing import APIRoute

INFO: Mapping[str, Any] = {
    "description": "Calibrated probabilities that leads buy, with a band and the reasons. The "
    "version is that of the contract: the first number rises when callers must change. Lists and "
    "codes may grow, so treat what is unknown to you by its neighbours: a code by its status. "
    "`GET /v1/contract/changes` tells what each version changed.",
    "contact": {"name": "Whoever runs this server"},
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
SERVERS = ({"url": "/", "description": "The server that this document comes from."},)
TAGS = (
    {"name": "score", "description": "Score leads, one or many."},
    {"name": "model", "description": "What the model reads, promises and reached."},
    {"name": "contract", "description": "What callers may send, whichever model serves."},
    {"name": "operate", "description": "Run the server."},
    {"name": "health", "description": "Whether the process lives and is ready."},
)
_HEADERS: Mapping[str, str] = {
    "X-Request-ID": "The request's own, if it is a plain word, or one that was made for it.",
    "Retry-After": "Seconds after which to ask again.",
    "WWW-Authenticate": "How to send a key.",
    "Preference-Applied": "Preferences of the request that were kept.",
    "RateLimit-Policy": "The key's quota: `q` requests in `w` seconds.",
    "RateLimit": "What is left of it: `r` requests for `t` seconds.",
    "Content-Language": "Language of the page.",
}
_BY_STATUS: Mapping[str, tuple[str, ...]] = {
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After", "RateLimit-Policy", "RateLimit"),
    "503": ("Retry-After",),
}


def operation_name(route: APIRoute) -> str:
    """Name of a route's operation: that of its function, as programs in most languages write it."""
    first, *later = route.name.split("_")
    return first + "".join(word.capitalize() for word in later)


def response_headers(status: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """OpenAPI of the headers of an answer.

    Parameters
    ----------
    status : str
        Its status.
    names : tuple of str
        Headers beside those that every answer of the status has.
    """
    return {
        name: {"description": _HEADERS[name], "schema": {"type": _type_of(name)}}
        for name in ("X-Request-ID", *_BY_STATUS.get(status, ()), *names)
    }


def _type_of(header: str) -> str:
    return "integer" if header == "Retry-After" else "string"
