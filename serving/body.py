"""Reading a request body: bounded, UTF-8, and JSON without ambiguity.

Python's own JSON reader takes more than JSON (NaN, the last of two equal names). Here everything
that two readers could understand differently is refused, and a body that is too long is refused
before it is read to its end, and so is one that takes too long.
"""

import asyncio
import json
from collections import Counter
from typing import Any

from fastapi import HTTPException, Request

from serving.problem import shown


async def json_body(request: Request, limit: int, seconds: float) -> bytes:
    """Bytes of a JSON body.

    Raises
    ------
    fastapi.HTTPException
        415 when it is not declared to be plain JSON, 413 when it is longer than `limit`, 408 when
        it takes longer than `seconds` to arrive.
    """
    declared = request.headers.get("content-type", "")
    if declared.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send JSON, with the header Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "Send the body uncompressed, without Content-Encoding.")
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    law = f"A body has at most {limit} bytes; send fewer leads a call."
                    raise HTTPException(413, law)
    except TimeoutError as error:
        late = f"A body must arrive within {seconds:g} s of its head; send it at once."
        raise HTTPException(408, late, {"Connection": "close"}) from error
    return bytes(body)


def json_value(body: bytes) -> Any:
    """The JSON value that the body is.

    Raises
    ------
    fastapi.HTTPException
        400: it is not UTF-8, not JSON, nested too deeply, or has a name twice in one object.
    """
    try:
        return _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: the byte at {error.start} is not text."
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
    except RecursionError:
        detail = "The body is nested too deeply."
    except _AmbiguousError as error:
        detail = str(error)
    except ValueError:
        # What Python's own reader refuses apart from grammar: integers of thousands of digits.
        detail = "A number in the body has too many digits."
    raise HTTPException(400, detail)


class _AmbiguousError(ValueError):
    """JSON that readers understand differently."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise _AmbiguousError(f"An object in the body has the name {shown(twice)} twice.")
    return members


def _no_constant(name: str) -> Any:
    raise _AmbiguousError(f"{name} is not JSON; leave the value out when it is unknown.")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
