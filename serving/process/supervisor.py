"""Several processes that answer at one address, and the supervisor that keeps them running.

Workers share only files and the socket that they accept from. If one is killed, the others go on
and accept the connections that wait in the socket's queue. The supervisor loads no model and
answers nothing: it starts the workers, replaces a worker that has ended, passes requests to reload
on to all of them, and on SIGTERM or Ctrl+C ends them and waits. Each worker keeps its metrics in a
file in a shared folder, and any worker can add all files up. So the metrics do not depend on the
supervisor, and those of a worker that has ended stay (`prometheus_client.multiprocess`).
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

from serving.http.log import LOG_FIELDS
from serving.http.settings import Settings
from serving.http.telemetry import METRICS_FOLDER_VARIABLE
from serving.process.link import READY, RELOAD

RESTART_SECONDS = 5
"""How long to wait before replacing a worker that did not become ready."""
WORKER_END_SECONDS = 30
"""How long workers may take to end before they are killed; they need 28 s at most."""

_LOG = logging.getLogger(__name__)
_WORKER = "from serving.process.worker import main; main()"


@dataclass(slots=True)
class _Crew:
    """What the tasks of all workers share."""

    listener: socket.socket
    order: bytes
    environment: dict[str, str]
    missing: set[int]
    """Numbers of the workers that have not become ready since the start."""
    report_serving: Callable[[], None]
    processes: set[Process] = field(default_factory=set)
    links: set[StreamWriter] = field(default_factory=set)
    reloads: int = 0
    """How often an operator has asked for a reload."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to all workers."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                process.send_signal(number)

    def interrupt(self) -> None:
        """Stop at the first Ctrl+C; kill the workers at the second."""
        if self.stop.is_set():
            self.send_signal(signal.SIGKILL)
        self.stop.set()


def supervise(
    listener: socket.socket,
    bundle_folder: Path,
    settings: Settings,
    workers: int,
    report_serving: Callable[[], None],
) -> None:
    """Keep workers answering until the process is told to stop.

    Parameters
    ----------
    listener : socket.socket
        A socket that listens; it is closed at the end.
    bundle_folder : pathlib.Path
        Folder of the bundle.
    settings : Settings
        Limits, and who may ask.
    workers : int
        How many workers answer, from 2.
    report_serving : callable
        Called once, when all workers answer.

    Raises
    ------
    ValueError
        A worker cannot serve the bundle.
    """
    values = {"bundle": str(bundle_folder.resolve()), "settings": settings.model_dump(mode="json")}
    with TemporaryDirectory(prefix="lead-temperature-") as metrics_folder:
        # A worker must import the same modules as this process, wherever that was started.
        paths = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, METRICS_FOLDER_VARIABLE: metrics_folder, "PYTHONPATH": paths}
        numbers = set(range(1, workers + 1))
        order = json.dumps(values).encode() + b"\n"
        asyncio.run(_supervise_crew(_Crew(listener, order, environment, numbers, report_serving)))


async def _supervise_crew(crew: _Crew) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, crew.stop.set)
    loop.add_signal_handler(signal.SIGINT, crew.interrupt)
    tasks = [asyncio.create_task(_keep_worker(crew, number)) for number in sorted(crew.missing)]
    for task in tasks:
        task.add_done_callback(lambda _: crew.stop.set())
    await crew.stop.wait()
    crew.listener.close()
    crew.send_signal(signal.SIGTERM)
    _, unfinished = await asyncio.wait(tasks, timeout=WORKER_END_SECONDS)
    if unfinished:
        _LOG.error("%s of %s workers do not end and are killed", len(unfinished), len(tasks))
        crew.send_signal(signal.SIGKILL)
    await asyncio.gather(*tasks)


async def _keep_worker(crew: _Crew, number: int) -> None:
    """Run a worker, and another one whenever it ends, until the crew stops."""
    while True:
        was_ready, reason = await _run_worker(crew, number)
        if crew.stop.is_set():
            return
        if number in crew.missing:
            raise ValueError(reason)
        fields = {"worker": number}
        _LOG.error(
            "worker %s: %s Another takes its place.", number, reason, extra={LOG_FIELDS: fields}
        )
        if not was_ready:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(crew.stop.wait(), RESTART_SECONDS)


async def _run_worker(crew: _Crew, number: int) -> tuple[bool, str]:
    """Run a worker to its end: whether it became ready, and why it ended."""
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
    word = await _read_line(reader)
    was_ready = word == READY
    if was_ready:
        if crew.missing == {number}:
            crew.report_serving()
        crew.missing.discard(number)
        crew.links.add(writer)
        if crew.reloads != reloads:  # it may have read the earlier bundle
            writer.write(RELOAD)
        while await _read_line(reader) == RELOAD:
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


async def _read_line(reader: StreamReader) -> bytes:
    """Next line from a worker; empty when it has ended."""
    try:
        return await reader.readline()
    except ConnectionError:  # it ended without reading everything
        return b""
