"""The limit on requests at work at the same time.

A request beyond the limit is refused at once with 503 and `Retry-After`, which costs next to
nothing. The requests at work are thus answered in time; an endless queue would make all of them
late. A request is at work once its body has come: clients that send slowly take nobody's place, and
the bodies that are on their way have a limit of their own, in bytes. Requests that work in threads
(batches and long bodies) have a smaller limit, and so has each API key.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from serving.answers.problem import Reason, Refused

RETRY_SECONDS = 1
MAX_BODY_BYTES = 256 * 2**20
"""Most bytes of bodies that are on their way at the same time."""


class Load:
    """The requests at work; to be used from the event loop only.

    Parameters
    ----------
    max_requests : int
        Most requests at work at the same time.
    max_batches : int
        Most of them that work in threads.
    report_running : callable
        Called with the number of requests at work whenever it changes.
    max_key_requests : int, optional
        Most of them that one API key may have; by default as many as all together.
    """

    def __init__(
        self,
        max_requests: int,
        max_batches: int,
        report_running: Callable[[int], None],
        max_key_requests: int | None = None,
    ) -> None:
        self._max_requests, self._max_batches, self._report_running = (
            max_requests,
            max_batches,
            report_running,
        )
        self._max_key_requests = max_key_requests or max_requests
        self._requests_of_key: Counter[str] = Counter()
        self.requests = self.batches = self.body_bytes = 0
        self.draining = False
        """Whether the process is shutting down: it answers, and then closes connections."""

    def require_room(self) -> None:
        """Refuse a request before its body has come, if it had no chance.

        Raises
        ------
        Refused
            503: too many requests are at work.
        """
        if self.requests >= self._max_requests:
            raise overload_refusal()

    @asynccontextmanager
    async def request(self, key: str | None = None) -> AsyncIterator[None]:
        """Count a request as being at work; all that came with it are counted before it works.

        Parameters
        ----------
        key : str, optional
            Name of the client's API key.

        Raises
        ------
        Refused
            503: too many requests are at work, or too many of this key.
        """
        self.require_room()
        if key is not None and self._requests_of_key[key] >= self._max_key_requests:
            detail = f"The key '{key}' has {self._max_key_requests} requests at work, all it may."
            raise overload_refusal(detail, "key_overload")
        self.requests += 1
        if key is not None:
            self._requests_of_key[key] += 1
        self._report_running(self.requests)
        try:
            await asyncio.sleep(0)
            yield
        finally:
            self.requests -= 1
            if key is not None:
                self._requests_of_key[key] -= 1
            self._report_running(self.requests)

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of a body on its way; call what this gives with each piece's length.

        Raises
        ------
        Refused
            503, from the call: too many bytes are on their way.
        """
        held = 0

        def hold(length: int) -> None:
            nonlocal held
            if self.body_bytes + length > MAX_BODY_BYTES:
                raise overload_refusal("Too many long bodies are on their way.")
            held += length
            self.body_bytes += length

        try:
            yield hold
        finally:
            self.body_bytes -= held

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Count a request as working in a thread.

        Raises
        ------
        Refused
            503: too many requests work in threads.
        """
        if self.batches >= self._max_batches:
            raise overload_refusal()
        self.batches += 1
        try:
            yield
        finally:
            self.batches -= 1


def overload_refusal(
    detail: str = "The server has as much to do as it can.", reason: Reason = "overload"
) -> Refused:
    """Refusal of a request that may succeed later."""
    way_out = f"Ask again in {RETRY_SECONDS} s or later."
    return Refused(503, reason, f"{detail} {way_out}", {"Retry-After": str(RETRY_SECONDS)})
