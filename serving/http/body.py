"""Reading the body of a request: bounded in length and time.

`read_json_body` refuses a body that is not declared as plain JSON, one that is too long before it
is read to its end, and one that takes too long to arrive. `serving.answers.json_text` then reads
the bytes.
"""

import asyncio
import zlib

from fastapi import Request

from serving.answers.problem import Refused
from serving.http.load import Load

_GZIP = 31
"""Window bits by which zlib reads gzip's format."""


async def read_json_body(request: Request, limit: int, seconds: float, load: Load) -> bytes:
    """Bytes of a JSON body.

    Parameters
    ----------
    request : Request
        Whose body to read.
    limit : int
        Most bytes.
    seconds : float
        Longest time that it may take to arrive.
    load : Load
        Counts the bytes that are on their way.

    Raises
    ------
    Refused
        415 when it is not declared to be JSON, plain or packed by gzip, and 400 when it is not
        packed so; 413 when it is longer than `limit`, 408 when it takes longer than `seconds` to
        arrive, 503 when too many bodies are on their way.
    """
    headers = dict(reversed(request.scope["headers"]))  # the first of several with one name
    content_type = headers.get(b"content-type", b"")
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        detail = "Send JSON, with the header Content-Type: application/json."
        raise Refused(415, "other_type", detail)
    coding = headers.get(b"content-encoding", b"identity").lower()
    if coding not in (b"identity", b"gzip"):
        detail = "Send the body packed by gzip, or as it is, without Content-Encoding."
        raise Refused(415, "compressed", detail)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_long(limit)
    body = bytearray()
    try:
        with load.body() as hold:
            async with asyncio.timeout(seconds):
                async for chunk in request.stream():
                    hold(len(chunk))
                    body += chunk
                    if len(body) > limit:
                        raise _too_long(limit)
    except TimeoutError as error:
        detail = f"A body must arrive within {seconds:g} s of its head; send it at once."
        raise Refused(408, "slow_body", detail, {"Connection": "close"}) from error
    if coding == b"gzip":
        return await asyncio.to_thread(_unpacked, bytes(body), limit)
    return bytes(body)


def _unpacked(packed: bytes, limit: int) -> bytes:
    """What gzip has packed, of at most so many bytes: a kilobyte may hold a megabyte of zeros."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        detail = "The body is not what its Content-Encoding says, gzip. Send it as one gzip file."
        raise Refused(400, "compressed", detail) from error
    if len(body) > limit:
        raise _too_long(limit)
    if not unpacker.eof or unpacker.unused_data:
        detail = "The packed body is cut off, or something follows it. Send it as one gzip file."
        raise Refused(400, "compressed", detail)
    return body


def _too_long(limit: int) -> Refused:
    return Refused(413, "long_body", f"A body has at most {limit} bytes; send fewer leads a call.")
