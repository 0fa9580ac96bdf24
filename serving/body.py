"""Reading a request body: bounded, UTF-8, and JSON without ambiguity.

Python's own JSON reader takes more than JSON (NaN, the last of two equal names). Here everything
that two readers could understand differently is refused, and a body that is too long is refused
before it is read to its end, and so is one that takes too long.
"""

import asyncio
import json
from collections import Counter
from functools import lru_cache, partial
from typing import Any

from fastapi import Request

from serving.problem import Reason, Refused, shown


async def json_body(request: Request, limit: int, seconds: float) -> bytes:
    """Bytes of a JSON body.

    Raises
    ------
    Refused
        415 when it is not declared to be plain JSON, 413 when it is longer than `limit`, 408 when
        it takes longer than `seconds` to arrive.
    """
    headers = dict(reversed(request.scope["headers"]))  # of a name that comes twice, the first
    declared = headers.get(b"content-type", b"")
    if declared.partition(b";")[0].strip().lower() != b"application/json":
        law = "Send JSON, with the header Content-Type: application/json."
        raise Refused(415, "other_type", law)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        law = "Send the body uncompressed, without Content-Encoding."
        raise Refused(415, "compressed", law)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_long(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_long(limit)
    except TimeoutError as error:
        late = f"A body must arrive within {seconds:g} s of its head; send it at once."
        raise Refused(408, "slow_body", late, {"Connection": "close"}) from error
    return bytes(body)


def _too_long(limit: int) -> Refused:
    return Refused(413, "long_body", f"A body has at most {limit} bytes; send fewer leads a call.")


def json_value(body: bytes, most_names: int) -> Any:
    """The JSON value that the body is.

    Parameters
    ----------
    body : bytes
    most_names : int
        So many names one object may have.

    Raises
    ------
    Refused
        400: it is not UTF-8, not JSON, nested too deeply, or an object in it has a name twice or
        too many names.
    """
    reason: Reason
    try:
        return _decoder(most_names).decode(body.decode())
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: the byte at {error.start} is not text."
        reason = "not_utf8"
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        reason = "not_json"
    except RecursionError:
        detail, reason = "The body is nested too deeply.", "too_deep"
    except ValueError:
        # What Python's own reader refuses apart from grammar: integers of thousands of digits.
        detail, reason = "A number in the body has too many digits.", "too_many_digits"
    raise Refused(400, reason, detail)


@lru_cache(maxsize=8)
def _decoder(most_names: int) -> json.JSONDecoder:
    hook = partial(_members, most_names)
    return json.JSONDecoder(object_pairs_hook=hook, parse_constant=_no_constant)


def _members(most: int, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > most:
        detail = (
            f"An object in the body has {len(pairs)} names, at most {most} are read. "
            "Send only those that GET /v1/model names."
        )
        raise Refused(400, "too_many", detail)
    members = dict(pairs)
    if len(members) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        detail = f"An object in the body has the name {shown(twice)} twice."
        raise Refused(400, "name_twice", detail)
    return members


def _no_constant(name: str) -> Any:
    detail = f"{name} is not JSON; leave the value out when it is unknown."
    raise Refused(400, "not_finite", detail)
