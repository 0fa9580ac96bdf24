"""The limit on requests at work at the same time.

A request beyond the limit is refused at once with 503 and `Retry-After`, which costs next to
nothing. The requests at work are thus answered in time; an endless queue would make all of them
late. Requests that work in threads (batches and long bodies) have a smaller limit of their own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.answers.problem import Reason, Refused

RETRY_SECONDS = 1


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
    """

    def __init__(
        self, max_requests: int, max_batches: int, report_running: Callable[[int], None]
    ) -> None:
        self._max_requests, self._max_batches, self._report_running = (
            max_requests,
            max_batches,
            report_running,
        )
        self.requests = self.batches = 0
        self.draining = False
        """Whether the process is shutting down: it answers, and then closes connections."""

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as being at work.

        Raises
        ------
        Refused
            503: too many requests are at work.
        """
        if self.requests >= self._max_requests:
            raise overload_refusal()
        self.requests += 1
        self._report_running(self.requests)
        try:
            yield
        finally:
            self.requests -= 1
            self._report_running(self.requests)

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
