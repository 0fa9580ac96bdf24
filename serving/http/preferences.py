"""What a client prefers: the header ``Prefer`` and the forms of an answer that it takes.

References
----------
RFC 7240, Prefer Header for HTTP, https://doi.org/10.17487/RFC7240.
"""

import re
from collections.abc import Iterator

from fastapi import Request

NDJSON = "application/x-ndjson"
"""One JSON value a line."""
_HANDLING = re.compile(r"handling\s*=\s*\"?(strict|lenient)\"?")
_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,4})\"?")


def _preferences(request: Request) -> Iterator[str]:
    """Preferences of a request, without parameters, in lower case."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        yield preference.partition(";")[0].strip().lower()


def preferred_wait(request: Request) -> int | None:
    """Seconds that a client is willing to wait, of ``Prefer: wait=N``; None if it does not say."""
    matches = map(_WAIT.fullmatch, _preferences(request))
    return next((int(matched[1]) for matched in matches if matched), None)


def is_lenient(request: Request) -> bool:
    """Whether a client would rather be told of unknown names than refused."""
    handlings = (_HANDLING.fullmatch(preference) for preference in _preferences(request))
    return next((matched[1] == "lenient" for matched in handlings if matched), False)


def takes_gzip(request: Request) -> bool:
    """Whether a client takes an answer that is packed by gzip.

    A coding with a quality of 0 is one that it does not take.
    """
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, parameter = coding.partition(";")
        if name.strip() in ("gzip", "*"):
            return not re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter.strip())
    return False


def wants_lines(request: Request) -> bool:
    """Whether a client asks for one JSON value a line."""
    return NDJSON in request.headers.get("accept", "").lower()
