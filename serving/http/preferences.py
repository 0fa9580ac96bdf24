"""What a client prefers: the header ``Prefer`` and the forms of an answer that it takes.

References
----------
RFC 7240, Prefer Header for HTTP, https://doi.org/10.17487/RFC7240.
"""

import re

from fastapi import Request

NDJSON = "application/x-ndjson"
"""One JSON value a line."""
_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,4})\"?")


def preferred_wait(request: Request) -> int | None:
    """Seconds that a client is willing to wait, of ``Prefer: wait=N``; None if it does not say."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        matched = _WAIT.fullmatch(preference.partition(";")[0].strip().lower())
        if matched:
            return int(matched[1])
    return None


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
