"""The HTTP protocol of one connection, bounded in length and time.

uvicorn's parser stands between a connection and the application. It accepts a head of any length,
waits for one without end, and lets a client that takes no answers occupy requests at work without
end. `BoundedHttp` adds the bounds: head and framing may not be long, a whole request must arrive in
time, and a connection whose client takes nothing is ended. There are so many connections at most;
where another one comes, the one that has been idle for longest makes room. Bytes that are no HTTP
are refused by a problem, like every other mistake. A client that has said all and closes its half
of the connection still gets its answers.
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
"""Longest head of a request; also how far its framing may exceed the length of its body."""

_OF_BODIES = (b"content-length", b"transfer-encoding")

CountRefusal = Callable[[int, Reason], None]


class BoundedHttp(HttpToolsProtocol):
    """A connection whose requests are bounded in length and time.

    Parameters
    ----------
    *args, **kwargs : Any
        The arguments of uvicorn's own protocol.
    seconds : float
        Longest time that a request may take to arrive, from its first byte, or from the start of
        the connection for its first request. Also the longest time that a client may take nothing
        of an answer that waits for it.
    count : callable
        Called with status and reason of each request that is refused here.
    max_connections : int
        Most connections at the same time.
    """

    def __init__(
        self,
        *args: Any,
        seconds: float,
        count: CountRefusal,
        max_connections: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._seconds, self._count_refusal = seconds, count
        self._max_connections = max_connections
        self._idle_since = 0.0
        self._received = self._body = 0
        self._incoming: Literal["head", "body"] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._cycle_at_work: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request; without room for it, refuse the connection."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._start_deadline()
        if len(self.connections) > self._max_connections and not self._make_room():
            law = f"The server has {self._max_connections} connections, as many as it takes."
            self._refuse(503, "crowd", f"{law} Close idle ones, and ask again in a second.")

    def _make_room(self) -> bool:
        """Close the connection that has been idle for longest; whether there was one."""
        idle = [
            connection
            for connection in self.connections
            if isinstance(connection, BoundedHttp) and connection is not self
            if connection._is_idle()
        ]
        if not idle:
            return False
        min(idle, key=lambda connection: connection._idle_since).transport.close()
        return True

    def _is_idle(self) -> bool:
        """Whether nothing is at work here, and nothing of a request has come."""
        is_silent = self._incoming is None and not self._is_answering()
        return is_silent and not self.transport.is_closing()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what has come whole, though the client sends no more; else close."""
        if self._incoming is not None or not self._is_answering():
            return False
        self.cycle.keep_alive = False  # the last answer closes the connection
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers, and tell the request at work that its client has gone."""
        if self._cycle_at_work is not None and not self._cycle_at_work.response_complete:
            # uvicorn tells only the request that came last; the one at work may be an earlier one.
            self._cycle_at_work.disconnected = True
            self._cycle_at_work.message_event.set()
        super().connection_lost(exc)
        self._cancel_deadline()
        self._cancel_write_timer()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._cycle_at_work = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Watch whether the client takes anything: the write buffer is full."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(
            self._seconds, self._check_client_takes, self._untaken_bytes()
        )

    def resume_writing(self) -> None:
        """Stop watching: the client has taken what waited."""
        super().resume_writing()
        self._cancel_write_timer()

    def data_received(self, data: bytes) -> None:
        """Read bytes, and refuse a head or framing that is too long."""
        self._received += len(data)
        if self._incoming is None:  # uvicorn's own timer is for silent clients
            self._start_deadline()
        super().data_received(data)
        if self._received - 2 * self._body <= MAX_HEAD_BYTES:
            return
        if self._incoming == "head":
            law = f"The head of a request has at most {MAX_HEAD_BYTES} bytes."
            self._refuse(431, "long_head", f"{law} Send leads in the body.")
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the deadline of a request."""
        super().on_message_begin()
        self._received = self._body = 0
        self._incoming = "head"
        self._cancel_deadline()
        self._start_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what trails a body is none: a key there was seen by no proxy."""
        if self._incoming == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Expect the body; refuse one that is framed in doubt, or that an upgrade would lose."""
        self._incoming = "body"
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in _OF_BODIES for name, _ in self.headers):
            # The parser takes the bytes that follow for another protocol and would lose the body.
            way_out = "Leave the header Upgrade out; Java's client does with Version.HTTP_1_1."
            self._refuse(400, "not_http", f"A request with a body asks for an Upgrade. {way_out}")
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            way_out = "Send one header Host, with the name and port that are asked."
            self._refuse(400, "no_host", f"A request must have one Host, found {hosts}. {way_out}")
            return
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        is_chunked = codings == [b"chunked"] and self.parser.get_http_version() != "1.0"
        if codings and not is_chunked:
            # Whoever reads it otherwise sees another request after it than we do.
            way_out = "Send Content-Length, or Transfer-Encoding: chunked alone, by HTTP/1.1."
            self._refuse(400, "not_http", f"The body's framing is in doubt. {way_out}")
            return
        super().on_headers_complete()
        if upgrade or self.expect_100_continue:  # who is refused sends no body, and we await one
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the deadline: the request has arrived in time."""
        super().on_message_complete()
        self._incoming = None
        self._idle_since = self.loop.time()
        self._cancel_deadline()

    def _start_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._seconds, self._deadline_passed)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _untaken_bytes(self) -> int:
        """How many bytes the client has not taken yet, as far as the kernel says."""
        unsent: int = self.transport.get_write_buffer_size()
        with contextlib.suppress(OSError, ImportError):  # not every kernel says
            import fcntl
            import termios

            queued = fcntl.ioctl(
                self.transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4)
            )
            unsent += int.from_bytes(queued, sys.byteorder)
        return unsent

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _check_client_takes(self, waiting_before: int) -> None:
        """End the connection if the client took nothing; wait on for one that takes slowly."""
        if (waiting := self._untaken_bytes()) < waiting_before:
            self._write_timer = self.loop.call_later(
                self._seconds, self._check_client_takes, waiting
            )
        else:
            self.transport.abort()

    def _deadline_passed(self) -> None:
        self._deadline = None
        if self._incoming == "head":
            law = f"The head of a request must arrive within {self._seconds:g} s."
            self._refuse(408, "slow_head", f"{law} Send it at once.")
        elif not self._is_answering():
            # Nothing came, or only line ends, or a body still comes that nobody reads.
            self.transport.close()

    def _is_answering(self) -> bool:
        """Whether a request is at work; before the first one uvicorn has no cycle."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message says no more than ours
        """Refuse bytes that are no HTTP."""
        self._refuse(400, "not_http", "The request is not HTTP/1.1. Use an HTTP library.")

    def _refuse(self, status: int, reason: Reason, detail: str) -> None:
        if self.transport.is_closing():
            return
        self._count_refusal(status, reason)
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
