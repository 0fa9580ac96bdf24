"""Several processes that answer at one address, and the process that sees to it that they do.

Workers share nothing but files and the socket that they accept from, so what kills one leaves the
others answering: connections that wait in the socket's queue are theirs to accept. The supervisor
loads no model and answers nothing. It starts the workers, puts another one in the place of one that
has ended, passes on the word to reload, and when it is told to stop it tells them and waits. Each
worker keeps its figures in a file of its own, in a folder that any of them adds up; so they neither
need the supervisor nor die with their worker (`prometheus_client.multiprocess`).
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.multiprocess import mark_process_dead

from serving.http.log import FIELDS
from serving.http.settings import Settings
from serving.http.telemetry import METRICS_FOLDER_VARIABLE
from serving.process.link import READY, RELOAD

RESTART_SECONDS = 5
"""How long after a worker that did not become ready another one is started."""
WORKER_END_SECONDS = 30
"""How long workers may take to end before they are killed; they need 28 s at most."""

_LOG = logging.getLogger(__name__)
_WORKER = "from serving.process.worker import main; main()"


@dataclass(slots=True)
class _Crew:
    """What the places of all workers share."""

    listener: socket.socket
    order: bytes
    environment: dict[str, str]
    missing: set[int]
    """Places whose first worker is not ready yet."""
    serving: Callable[[], None]
    processes: set[Process] = field(default_factory=set)
    links: set[StreamWriter] = field(default_factory=set)
    reloads: int = 0
    """How often an operator has ordered a reload."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, number: signal.Signals) -> None:
        """Send all workers a signal."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                process.send_signal(number)

    def interrupt(self) -> None:
        """Stop at the first Ctrl+C; wait for nobody at the second."""
        if self.stop.is_set():
            self.tell(signal.SIGKILL)
        self.stop.set()


def supervise(
    listener: socket.socket,
    bundle_folder: Path,
    settings: Settings,
    workers: int,
    serving: Callable[[], None],
) -> None:
    """Keep workers answering until the process is told to stop.

    Parameters
    ----------
    listener : socket.socket
        Listens already; it is closed at the end.
    bundle_folder : pathlib.Path
    settings : Settings
    workers : int
    serving : callable
        Called once, when all of them answer.

    Raises
    ------
    ValueError
        A worker cannot serve the bundle.
    """
    values = {"bundle": str(bundle_folder.resolve()), "settings": settings.model_dump(mode="json")}
    with TemporaryDirectory(prefix="lead-temperature-") as figures:
        # A worker imports what this process would, wherever it was started.
        paths = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, METRICS_FOLDER_VARIABLE: figures, "PYTHONPATH": paths}
        places = set(range(1, workers + 1))
        order = json.dumps(values).encode() + b"\n"
        asyncio.run(_supervised(_Crew(listener, order, environment, places, serving)))


async def _supervised(crew: _Crew) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, crew.stop.set)
    loop.add_signal_handler(signal.SIGINT, crew.interrupt)
    slots = [asyncio.create_task(_place(crew, number)) for number in sorted(crew.missing)]
    for slot in slots:
        slot.add_done_callback(lambda _: crew.stop.set())
    await crew.stop.wait()
    crew.listener.close()
    crew.tell(signal.SIGTERM)
    _, unfinished = await asyncio.wait(slots, timeout=WORKER_END_SECONDS)
    if unfinished:
        _LOG.error("%s of %s workers do not end and are killed", len(unfinished), len(slots))
        crew.tell(signal.SIGKILL)
    await asyncio.gather(*slots)


async def _place(crew: _Crew, number: int) -> None:
    """Keep a worker in a place, one after the other, until all are told to stop."""
    while True:
        was_ready, reason = await _worker(crew, number)
        if crew.stop.is_set():
            return
        if number in crew.missing:
            raise ValueError(reason)
        fields = {"worker": number}
        _LOG.error("worker %s: %s Another takes its place.", number, reason, extra={FIELDS: fields})
        if not was_ready:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(crew.stop.wait(), RESTART_SECONDS)


async def _worker(crew: _Crew, number: int) -> tuple[bool, str]:
    """Start a worker and see it through its life: whether it became ready, and why it ended."""
    own_end, worker_end = socket.socketpair()
    descriptors = (crew.listener.fileno(), worker_end.fileno())
    command = [sys.executable, "-P", "-c", _WORKER, *map(str, descriptors)]
    try:
        with worker_end:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=crew.environment,
                pass_fds=descriptors,
                stdin=DEVNULL,
                start_new_session=True,  # Ctrl+C is for the supervisor alone
            )
    except OSError as error:
        own_end.close()
        return False, f"It cannot be started: {error}."
    crew.processes.add(process)
    if crew.stop.is_set():
        process.terminate()
    reader, writer = await asyncio.open_unix_connection(sock=own_end)
    reloads = crew.reloads
    writer.write(crew.order)
    word = await _line(reader)
    was_ready = word == READY
    if was_ready:
        if crew.missing == {number}:
            crew.serving()
        crew.missing.discard(number)
        crew.links.add(writer)
        if crew.reloads != reloads:  # it may have read the bundle that lay there before
            writer.write(RELOAD)
        while await _line(reader) == RELOAD:
            crew.reloads += 1
            for link in crew.links - {writer}:
                link.write(RELOAD)
        crew.links.discard(writer)
    code = await process.wait()
    writer.close()
    crew.processes.discard(process)
    mark_process_dead(process.pid, crew.environment[METRICS_FOLDER_VARIABLE])  # type: ignore[no-untyped-call]
    if word.endswith(b"\n") and not was_ready:
        return False, str(json.loads(word))
    return was_ready, f"It ended by signal {-code}." if code < 0 else f"It ended with code {code}."


async def _line(reader: StreamReader) -> bytes:
    """Next line from a worker; nothing when it has ended."""
    try:
        return await reader.readline()
    except ConnectionError:  # it had not read all that was said to it
        return b""
