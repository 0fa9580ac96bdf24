"""HTTP as it comes over a connection, within bounds.

Between a connection and the application stands uvicorn's parser. It takes a head of any length, and
waits for one as long as a client likes; here neither head nor framing may be long, and all of a
request must have come in time. Nor does it mind a client that takes no answers, which would hold
places of requests at work for as long as it likes; here such a connection is ended. What is no HTTP
is refused like everything else, by a problem.
"""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.answers.problem import Reason, problem
from serving.answers.schemas import as_json
from serving.http.guard import PROBLEM_TYPE, SECURITY_HEADERS

MAX_HEAD_BYTES = 64 * 1024
"""Longest head, and most of what is neither head nor body, beyond as many bytes as the body has."""

_OF_BODIES = (b"content-length", b"transfer-encoding")

CountRefusal = Callable[[int, Reason], None]


class BoundedHttp(HttpToolsProtocol):
    """A connection whose requests are bounded in length and time.

    Parameters
    ----------
    *args, **kwargs : what uvicorn gives
    seconds : float
        How long a request may take to come, from its first byte, or from the connection's beginning
        where it is the first one; and how long a client that is sent something may take none of it.
    count : callable
        Told status and reason of what is refused here.
    """

    def __init__(self, *args: Any, seconds: float, count: CountRefusal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds, self._count = seconds, count
        self._received = self._body = 0
        self._coming: Literal["head", "body"] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        if self._running is not None and not self._running.response_complete:
            # uvicorn tells the request that came last; the one at work may be an earlier one.
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._in_time()
        self._taken()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """More waits to be taken than a connection holds."""
        super().pause_writing()
        self._taking = self.loop.call_later(self._seconds, self._untaken, self._waits())

    def resume_writing(self) -> None:
        """It was taken."""
        super().resume_writing()
        self._taken()

    def data_received(self, data: bytes) -> None:
        """Take what has come, as long as it is in proportion."""
        self._received += len(data)
        if self._coming is None:  # between requests uvicorn waits for a silent client alone
            self._wait()
        super().data_received(data)
        if self._received - 2 * self._body <= MAX_HEAD_BYTES:
            return
        if self._coming == "head":
            law = f"The head of a request has at most {MAX_HEAD_BYTES} bytes."
            self._refuse(431, "long_head", f"{law} Send leads in the body.")
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._received = self._body = 0
        self._coming = "head"
        self._in_time()
        self._wait()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._coming = "body"
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in _OF_BODIES for name, _ in self.headers):
            # The parser takes what follows for another protocol: the body would be lost.
            way_out = "Leave the header Upgrade out; Java's client does with Version.HTTP_1_1."
            self._refuse(400, "not_http", f"A request with a body asks for an Upgrade. {way_out}")
            return
        super().on_headers_complete()
        if upgrade:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It is whole."""
        super().on_message_complete()
        self._coming = None
        self._in_time()

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._seconds, self._late)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _waits(self) -> int:
        """Bytes that the client has not taken yet."""
        unsent: int = self.transport.get_write_buffer_size()
        with contextlib.suppress(OSError, ImportError):  # not every kernel tells what it holds
            import fcntl
            import termios

            queued = fcntl.ioctl(
                self.transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4)
            )
            unsent += int.from_bytes(queued, sys.byteorder)
        return unsent

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _untaken(self, waiting_before: int) -> None:
        """End a connection whose client took nothing; one that takes slowly is waited for."""
        if (waiting := self._waits()) < waiting_before:
            self._taking = self.loop.call_later(self._seconds, self._untaken, waiting)
        else:
            self.transport.abort()

    def _late(self) -> None:
        self._deadline = None
        if self._coming == "head":
            law = f"The head of a request must arrive within {self._seconds:g} s."
            self._refuse(408, "slow_head", f"{law} Send it at once.")
        elif not self._answering():
            # Nothing has come, nothing but line ends, or a body that nobody reads still comes.
            self.transport.close()

    def _answering(self) -> bool:
        """Whether a request is at work; before the first one uvicorn has no cycle at all."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says no more than this
        """Refuse what is no HTTP."""
        self._refuse(400, "not_http", "The request is not HTTP/1.1. Use an HTTP library.")

    def _refuse(self, status: int, reason: Reason, detail: str) -> None:
        if self.transport.is_closing():
            return
        self._count(status, reason)
        request_id = uuid.uuid4().hex
        content = as_json(replace(problem(status, detail, reason), request_id=request_id))
        headers = {
            "content-type": PROBLEM_TYPE,
            "content-length": str(len(content)),
            "connection": "close",
            "x-request-id": request_id,
            **SECURITY_HEADERS,
        }
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + content)
        self.transport.close()
