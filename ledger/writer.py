"""Keeps the answers of a server without holding it up: a thread, and a queue that has an end.

Whoever answers puts its answers into the queue and goes on. A thread takes all that wait and adds
them in one transaction; only then are they called kept. Where the database is full, locked or gone,
the answers wait and are tried again, and what finds no room in the queue is lost: it is counted,
and the log says so once a minute. Answers that no database can take keep no others out.

The thread, and with it the database's driver, starts with the first answer.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from ledger.record import Answered

MAX_WAITING_ANSWERS = 10_000
"""Most answers that wait to be kept."""
MAX_PASS_ANSWERS = 2_000
"""Most answers in one transaction."""
GATHER_SECONDS = 0.5
"""How long answers wait for others, so that many share a transaction."""
RETRY_LEDGER_SECONDS = 1.0
"""How long a database that failed is left alone."""
LOG_SECONDS = 60.0

_LOG = logging.getLogger(__name__)


class Store(Protocol):
    """What the writer needs of a ledger; `ledger.store.Ledger` is one."""

    def append(self, answers: Sequence[Answered]) -> None:
        """Add answers in one transaction; OSError where the database does not take them now."""

    def close(self) -> None:
        """Close all connections."""


@dataclass(frozen=True, slots=True)
class WriterState:
    """How a writer is.

    Parameters
    ----------
    kept_answers, lost_answers : int
        Answers since the last report.
    waiting : int
        Answers that wait.
    failing : bool
        Whether the database took nothing at the last try.
    """

    kept_answers: int
    lost_answers: int
    waiting: int
    failing: bool


@dataclass(frozen=True, slots=True)
class _Group:
    """Answers that were put together, and the future of whoever asks whether they are kept."""

    answers: Sequence[Answered]
    is_kept: Future[bool] | None


class LedgerWriter:
    """Keeps answers; `put` and `offer` may be called by any thread.

    Parameters
    ----------
    open_store : callable
        Opens the ledger; OSError where it cannot now. Called again after each failure.
    report : callable
        Told how the writer is, after every try and every loss.
    gather_seconds : float
        How long answers wait for others.
    max_waiting : int
        Most answers that wait.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        report: Callable[[WriterState], None] = lambda state: None,
        gather_seconds: float = GATHER_SECONDS,
        max_waiting: int = MAX_WAITING_ANSWERS,
    ) -> None:
        self._open_store, self._report = open_store, report
        self._gather_seconds, self._max_waiting = gather_seconds, max_waiting
        self._queue: deque[_Group] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self.is_failing = False
        self._next_line, self._lost_since_line = 0.0, 0

    def put(self, answers: Sequence[Answered]) -> Future[bool]:
        """Let answers wait to be kept.

        Parameters
        ----------
        answers : sequence of Answered
            They are kept in one transaction. Cancelling the future takes back what still waits.

        Returns
        -------
        Future of bool
            True once they are on the disk; False, perhaps at once, where they are lost.
        """
        is_kept: Future[bool] = Future()
        if not self._enqueue(_Group(answers, is_kept)):
            is_kept.set_result(False)
        return is_kept

    def offer(self, answers: Sequence[Answered]) -> bool:
        """Let answers wait to be kept; False where they are lost at once.

        Parameters
        ----------
        answers : sequence of Answered
            They are kept in one transaction. Nobody is told when: that makes it cheaper than `put`.
        """
        return self._enqueue(_Group(answers, None))

    def _enqueue(self, group: _Group) -> bool:
        count = len(group.answers)
        with self._changed:
            has_room = self._waiting + count <= self._max_waiting
            if has_room and not self._is_ending.is_set():
                self._queue.append(group)
                self._waiting += count
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, daemon=True, name="ledger")
                    self._thread.start()
                if len(self._queue) == 1:
                    self._changed.notify()
                return True
        self._lose(count, "the queue is full")
        return False

    def close(self, seconds: float) -> None:
        """Keep what waits and end; what cannot be kept in time is lost.

        Parameters
        ----------
        seconds : float
            How long to wait.
        """
        self._is_ending.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            groups, self._waiting = list(self._queue), 0
            self._queue.clear()
        if groups:
            self._lose(sum(len(group.answers) for group in groups), "the process ends")
        _say(groups, is_kept=False)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_ending.is_set():
                    self._changed.wait()
                if not self._queue:
                    break
            self._is_ending.wait(self._gather_seconds)
            if not self._keep(self._next_pass()):
                if self._is_ending.is_set():
                    break
                self._is_ending.wait(RETRY_LEDGER_SECONDS)
        self._close_store()

    def _next_pass(self) -> list[_Group]:
        """Groups for one transaction; those that were taken back are left out."""
        groups: list[_Group] = []
        count = 0
        with self._changed:
            while self._queue and count < MAX_PASS_ANSWERS:
                group = self._queue.popleft()
                if group.is_kept is not None and group.is_kept.cancelled():
                    self._waiting -= len(group.answers)
                else:
                    groups.append(group)
                    count += len(group.answers)
        return groups

    def _keep(self, groups: Sequence[_Group]) -> bool:
        """Whether the database took groups, or refused them for good; else they wait again."""
        try:
            if self._store is None:
                self._store = self._open_store()
            self._store.append([answer for group in groups for answer in group.answers])
        except OSError as error:
            self._wait_again(groups, error)
            return False
        except Exception as error:
            # What no database can take must not keep all others out.
            if len(groups) > 1:
                outcomes = [self._keep([group]) for group in groups]
                return all(outcomes)
            self._settle(groups, is_kept=False)
            self._lose(sum(len(group.answers) for group in groups), type(error).__name__)
            return True
        self.is_failing = False
        self._settle(groups, is_kept=True)
        return True

    def _settle(self, groups: Sequence[_Group], *, is_kept: bool) -> None:
        count = sum(len(group.answers) for group in groups)
        with self._changed:
            self._waiting -= count
        _say(groups, is_kept=is_kept)
        if is_kept:
            self._report(WriterState(count, 0, self._waiting, self.is_failing))

    def _wait_again(self, groups: Sequence[_Group], error: OSError) -> None:
        self.is_failing = True
        self._close_store()
        with self._changed:
            self._queue.extendleft(reversed(groups))
        self._report(WriterState(0, 0, self._waiting, failing=True))
        self._tell(f"answers wait to be kept: {error}")

    def _lose(self, count: int, reason: str) -> None:
        with self._changed:
            self._lost_since_line += count
        self._report(WriterState(0, count, self._waiting, self.is_failing))
        self._tell(f"answers are not kept: {reason}")

    def _tell(self, words: str) -> None:
        """Log at once, and then once a minute at most."""
        with self._changed:
            if time.monotonic() < self._next_line:
                return
            self._next_line = time.monotonic() + LOG_SECONDS
            lost, self._lost_since_line = self._lost_since_line, 0
        _LOG.warning(
            "%s (%d waiting, %d lost since the last such line)", words, self._waiting, lost
        )

    def _close_store(self) -> None:
        if self._store is not None:
            store, self._store = self._store, None
            store.close()


def _say(groups: Sequence[_Group], *, is_kept: bool) -> None:
    for group in groups:
        if group.is_kept is not None and group.is_kept.set_running_or_notify_cancel():
            group.is_kept.set_result(is_kept)
