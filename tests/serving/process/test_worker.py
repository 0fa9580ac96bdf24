"""A worker's end: what it waits for, and what it does not."""

import socket
import threading
from typing import Any, cast

import pytest

from serving.http.settings import Settings
from serving.process import worker


class Hanging:
    """A provider of tracers whose collector never answers."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        self.ended = False

    def get_tracer(self, name: str) -> None:
        """No tracer: no request comes."""

    def shutdown(self) -> None:
        self.begun.set()
        self.released.wait()
        self.ended = True


class Prompt(Hanging):
    """A provider of tracers that is shut down at once."""

    def __init__(self) -> None:
        super().__init__()
        self.released.set()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`worker.serve` with a server that gets its signal before the first request."""
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker.uvicorn.Server, "run", lambda *_, **__: None)
    app = cast("Any", type("App", (), {"refused_unread": None, "keeper": None})())

    def with_traces(traces: object) -> None:
        with socket.socket() as listener:
            worker.serve(app, listener, Settings(), cast("Any", traces))

    return with_traces


def test_a_collector_that_never_answers_does_not_keep_a_worker(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SPAN_FLUSH_SECONDS", 0.01)
    traces = Hanging()
    serve(traces)  # without its limit this would never return
    assert traces.begun.is_set()
    assert not traces.ended
    traces.released.set()


def test_a_worker_waits_until_the_last_spans_are_sent(serve: Any) -> None:
    traces = Prompt()
    serve(traces)
    assert traces.ended
