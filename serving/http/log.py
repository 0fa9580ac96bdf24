"""The server's log: JSON lines on standard error, which nobody ever waits for.

A line never holds data of a lead. For an exception it holds the type and the stack, but not the
message, which may quote a lead. `log_as_json_lines` sets the whole process up.

Whoever reads standard error may stop reading. So a thread of its own writes; what it cannot write
waits in a bounded queue, and what does not fit there is dropped and counted. Requests that are
refused again and again are told once a minute: the first at once, then how many more there were.
"""

import json
import logging
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

LOG_FIELDS = "fields"
"""Attribute of a log record that holds a mapping of further members of its line."""
MAX_WAITING_LINES = 1_000
"""Most lines that wait to be written."""
SUM_SECONDS = 60.0
"""How long refusals of one kind are counted before their number is told."""
FLUSH_SECONDS = 1.0
"""How long the end of the process waits for lines to be written."""

_TICK_SECONDS = 1.0
_STANDARD_ERROR = 2
_MAX_LINE_LETTERS = 32_000

RefusalKind = tuple[str, str, int]
"""Name of the client's key, route and status."""


class JsonLines(logging.Formatter):
    """Formatter that writes each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        time_text = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {
            "time": time_text,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MAX_LINE_LETTERS],
            **getattr(record, LOG_FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["places"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


class RefusalSums:
    """Counts refused requests of a kind after the first one in a minute.

    Parameters
    ----------
    clock : callable
        Returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[RefusalKind, int] = {}
        self._began: dict[RefusalKind, float] = {}
        self._lock = threading.Lock()

    def is_repeated(self, record: logging.LogRecord) -> bool:
        """Whether a record tells of a refusal of a kind that was told already; it is counted."""
        fields = getattr(record, LOG_FIELDS, {})
        status = fields.get("status", 0)
        if record.levelno != logging.INFO or not 400 <= status < 500:
            return False
        kind = (str(fields.get("client")), str(fields.get("route")), int(status))
        with self._lock:
            if kind in self._began:
                self._counts[kind] = self._counts.get(kind, 0) + 1
                return True
            self._began[kind] = self._clock()
            return False

    def due(self) -> list[tuple[RefusalKind, int]]:
        """Kinds whose minute is over, with how many more there were; they begin anew."""
        seconds = self._clock()
        with self._lock:
            over = [kind for kind, began in self._began.items() if seconds - began >= SUM_SECONDS]
            for kind in over:
                del self._began[kind]
            return [(kind, self._counts.pop(kind)) for kind in over if kind in self._counts]


class BoundedHandler(logging.Handler):
    """Handler that never waits: a thread writes the lines.

    Parameters
    ----------
    descriptor : int
        File that is written to.
    max_lines : int
        Most lines that wait.
    """

    def __init__(self, descriptor: int, max_lines: int = MAX_WAITING_LINES) -> None:
        super().__init__()
        self.count_dropped: Callable[[int], None] = lambda lines: None
        """Called with the number of lines that were dropped."""
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(max_lines)
        self._dropped, self._dropping = 0, threading.Lock()
        self._sums = RefusalSums()
        self.setFormatter(JsonLines())
        self._thread = threading.Thread(target=self._write_lines, daemon=True, name="log")
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Let a record wait to be written; drop it where too many wait."""
        if self._sums.is_repeated(record):
            return
        try:
            self._lines.put_nowait(self.format(record).encode("utf-8", "replace") + b"\n")
        except queue.Full:
            with self._dropping:
                self._dropped += 1
            self.count_dropped(1)

    def flush(self) -> None:
        """Wait until all is written, or `FLUSH_SECONDS`."""
        end = time.monotonic() + FLUSH_SECONDS
        while self._lines.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.005)

    def _write_lines(self) -> None:
        while True:
            try:
                line = self._lines.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                self._tell_sums()
                continue
            self._write(line)
            self._lines.task_done()
            self._tell_sums()
            if self._dropped and self._lines.empty():
                with self._dropping:
                    dropped, self._dropped = self._dropped, 0
                words = f"{dropped} lines of the log were dropped, because nobody took them."
                self._write_words(logging.WARNING, words, {"dropped": dropped})

    def _tell_sums(self) -> None:
        for (client, route, status), count in self._sums.due():
            words = f"{count} more requests were refused within {SUM_SECONDS:g} s"
            fields: dict[str, str | int] = {"client": client, "route": route}
            fields |= {"status": status, "refused": count}
            self._write_words(logging.INFO, words, fields)

    def _write_words(self, level: int, words: str, fields: dict[str, str | int]) -> None:
        record = logging.LogRecord(__name__, level, "", 0, words, None, None)
        setattr(record, LOG_FIELDS, fields)
        self._write(self.format(record).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:  # nobody reads any more, or the disk is full
            self.count_dropped(1)


def log_as_json_lines(level: str) -> None:
    """Send the whole process's log to standard error as JSON lines.

    Parameters
    ----------
    level : str
        Lowest level of the server's own records, such as "info"; libraries log from "warning" on.
    """
    handler = BoundedHandler(_STANDARD_ERROR)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(level.upper())
    # Anybody could fill the log with warnings by sending what is no HTTP; a metric counts it.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def count_dropped_lines(count: Callable[[int], None]) -> None:
    """Let a function count the lines of this process's log that are dropped."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, BoundedHandler):
            handler.count_dropped = count
