"""How much the server has taken on, and that it takes on no more.

Beyond a number of requests at work at once a request is refused at once with 503 and `Retry-After`,
which costs next to nothing, so that those at work are answered in time: a queue without end would
make all of them late. What works in threads has a smaller number of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.answers.problem import Reason, Refused

RETRY_SECONDS = 1


class Load:
    """Requests at work; asked from the event loop alone.

    Parameters
    ----------
    most, most_batches : int
        How many at once, and how many of them in threads.
    tell : callable
        Told how many are at work whenever it changes.
    """

    def __init__(
        self, max_requests: int, max_batches: int, report_running: Callable[[int], None]
    ) -> None:
        self._most, self._most_batches, self._tell = max_requests, max_batches, report_running
        self.requests = self.batches = 0
        self.draining = False
        """Whether the process is about to end: it answers, and asks clients to go elsewhere."""

    @contextmanager
    def request(self) -> Iterator[None]:
        """Place for a request.

        Raises
        ------
        Refused
            503: there is none.
        """
        if self.requests >= self._most:
            raise overload_refusal()
        self.requests += 1
        self._tell(self.requests)
        try:
            yield
        finally:
            self.requests -= 1
            self._tell(self.requests)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Place for a request that works in a thread.

        Raises
        ------
        Refused
            503: there is none.
        """
        if self.batches >= self._most_batches:
            raise overload_refusal()
        self.batches += 1
        try:
            yield
        finally:
            self.batches -= 1


def overload_refusal(
    detail: str = "The server has as much to do as it can.", reason: Reason = "overload"
) -> Refused:
    """Refusal for now."""
    way_out = f"Ask again in {RETRY_SECONDS} s or later."
    return Refused(503, reason, f"{detail} {way_out}", {"Retry-After": str(RETRY_SECONDS)})
