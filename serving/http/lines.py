"""An answer that is sent while it is computed: one JSON value a line.

Tests: tests/serving/http/test_preferences.py.
"""

import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from fastapi import Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from serving.answers.problem import problem_of
from serving.answers.schemas import as_json
from serving.http.preferences import NDJSON

_GZIP = 31
"""Window bits by which zlib writes gzip's format."""


class LinesResponse(Response):
    """Response of lines that come in parts; a refusal on the way is its last line.

    Parameters
    ----------
    parts : async iterator of list of bytes
        JSON values.
    at_work : AsyncExitStack
        Is closed when all is sent or the client has gone: the request is no longer at work.
    headers : mapping of str to str
        Further headers.
    is_packed : bool
        Whether to pack by gzip.
    """

    def __init__(
        self,
        parts: AsyncIterator[list[bytes]],
        at_work: AsyncExitStack,
        headers: Mapping[str, str],
        *,
        is_packed: bool,
    ) -> None:
        coding = {"Content-Encoding": "gzip"} if is_packed else {}
        super().__init__(headers={**headers, **coding}, media_type=NDJSON)
        del self.headers["content-length"]
        self._parts, self._at_work = parts, at_work
        self._packer = zlib.compressobj(1, wbits=_GZIP) if is_packed else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the answer."""
        async with self._at_work:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            try:
                async for texts in self._parts:
                    await self._send(send, b"".join(text + b"\n" for text in texts))
            except HTTPException as refused:
                refusal = replace(problem_of(refused), request_id=scope["state"]["request_id"])
                await self._send(send, as_json(refusal) + b"\n")
            end = self._packer.flush() if self._packer else b""
            await send({"type": "http.response.body", "body": end})

    async def _send(self, send: Send, content: bytes) -> None:
        if self._packer:
            content = self._packer.compress(content) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        await send({"type": "http.response.body", "body": content, "more_body": True})
