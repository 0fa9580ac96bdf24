"""The supervisor: it proves bundles, keeps workers answering, and cannot be stopped by either.

Workers share the socket that they accept from and the memory that they count in. If one is killed,
the others go on and accept the connections that wait in the socket's queue. The supervisor loads no
model and answers nothing. It

- proves every bundle that comes into the folder (`serving.process.prover`) and hands the private
  copy to one worker first, to the others once that one answers; where a worker dies on a bundle,
  all go back to the copy before it;
- replaces a worker that has ended, or whose event loop does not answer for `HANG_SECONDS`, and
  waits longer the more often it fails;
- reloads on SIGHUP, on an operator's request and when the folder changes; on SIGTERM or Ctrl+C it
  ends the workers, after `WORKER_END_SECONDS` by force;
- tells systemd that it is ready, reloading, alive or about to end (`serving.process.notify`).
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from features.json_values import JsonObject
from serving.http.figures import Region, make_shared_memory, shared_regions
from serving.http.folder_watch import FolderWatch
from serving.http.log import LOG_FIELDS, count_dropped_lines
from serving.http.settings import Settings
from serving.http.tallies import BUNDLE_REFUSED, DROPPED_LINES, RELOADS
from serving.process.copies import (
    last_good_copy,
    private_folder,
    remember_last_good,
    remove_other_copies,
)
from serving.process.link import MAX_LINE_BYTES, messages, send
from serving.process.notify import ALIVE, READY, STOPPING, notify, reloading
from serving.process.prover import LEAN, ProvedBundle, prove

HANG_SECONDS = 10
"""How long a worker's event loop may be silent before the worker is killed."""
START_SECONDS = 180
"""How long a worker may take to become ready before it is killed."""
SERVE_SECONDS = 60
"""How long a worker may take to load a bundle that was proved."""
PROBATION_SECONDS = 600
"""How long after a reload a worker that crashes brings back the bundle before."""
STEADY_SECONDS = 60
"""A worker that lived so long is replaced at once; one that did not, later and later."""
MAX_RESTART_SECONDS = 30.0
"""Longest wait before a worker is replaced."""
WORKER_END_SECONDS = 30
"""How long workers may take to end before they are killed; they need 28 s at most."""

_BEAT_SECONDS = 1.0
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
_LOG = logging.getLogger(__name__)
_WORKER = f"{LEAN}; from serving.process.worker import main; main()"


@dataclass(slots=True, eq=False)
class _Worker:
    """A process that answers, or will."""

    number: int
    process: Process
    writer: StreamWriter
    began: float
    bundle: ProvedBundle | None = None
    """The bundle that it serves."""
    is_ready: bool = False
    silent_beats: int = 0
    """Pings since it was last heard of."""
    failure: str = ""
    """Why it cannot serve, in its own words."""
    handover: asyncio.Future[None] | None = None
    """Is done when it serves the bundle that was handed over to it."""

    @property
    def has_ended(self) -> bool:
        """Whether its process has ended: it answers nothing any more."""
        return self.process.returncode is not None

    def end_handover(self, refusal: str = "") -> bool:
        """Say that it serves the bundle handed over, or why not; whether it was taking one."""
        if self.handover is None or self.handover.done():
            return False
        if refusal:
            self.handover.set_exception(ValueError(refusal))
        else:
            self.handover.set_result(None)
        return True

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            self.process.kill()


@dataclass(slots=True)
class _Crew:
    """The workers and what they share."""

    listener: socket.socket
    bundle_folder: Path
    private_folder: Path
    settings: Settings
    environment: dict[str, str]
    figures: int
    """Descriptor of the memory that all count in."""
    region: Region
    """Where the supervisor itself counts."""
    missing: set[int]
    """Numbers of the workers that have not become ready since the start."""
    size: int
    report_serving: Callable[[], None]
    watch: FolderWatch
    workers: dict[int, _Worker] = field(default_factory=dict)
    current: ProvedBundle | None = None
    """The bundle that every worker serves or will serve."""
    earlier: ProvedBundle | None = None
    """The bundle before it."""
    reloaded_at: float = 0.0
    first_proof: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to all workers."""
        for worker in self.workers.values():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                worker.process.send_signal(number)

    def interrupt(self) -> None:
        """Stop at the first Ctrl+C; kill the workers at the second."""
        if self.stop.is_set():
            self.send_signal(signal.SIGKILL)
        self.stop.set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside everything else."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)


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
        How many workers answer, from 1.
    report_serving : callable
        Called once, when all workers answer.

    Raises
    ------
    ValueError
        The bundle is refused, or a worker cannot serve it.
    OSError
        There is not enough memory for the figures.
    """
    figures = make_shared_memory(workers + 1)
    # A worker must import the same modules as this process, wherever that was started.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    folder = bundle_folder.absolute()
    with private_folder(settings.copies_folder) as copies:
        crew = _Crew(
            listener=listener,
            bundle_folder=folder,
            private_folder=copies,
            settings=settings,
            environment=environment,
            figures=figures,
            region=shared_regions(figures, workers + 1)[0],
            missing=set(range(1, workers + 1)),
            size=workers,
            report_serving=report_serving,
            watch=FolderWatch(folder, settings.reload_seconds),
        )
        dropped = crew.region.slot(DROPPED_LINES)
        count_dropped_lines(lambda lines: crew.region.add((dropped, lines)))
        asyncio.run(_supervise_crew(crew))


async def _supervise_crew(crew: _Crew) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, crew.stop.set)
    loop.add_signal_handler(signal.SIGINT, crew.interrupt)
    loop.add_signal_handler(signal.SIGHUP, lambda: crew.start(_reload_for(crew)))
    tasks = [asyncio.create_task(_keep_worker(crew, number)) for number in sorted(crew.missing)]
    tasks.append(asyncio.create_task(_prove_first(crew)))
    for task in tasks:
        task.add_done_callback(lambda task: _stop_after(crew, task))
    await crew.stop.wait()
    notify(os.environ, STOPPING)
    crew.listener.close()
    for background in crew.background:
        background.cancel()
    tasks[-1].cancel()
    crew.send_signal(signal.SIGTERM)
    _, unfinished = await asyncio.wait(tasks, timeout=WORKER_END_SECONDS)
    if unfinished:
        _LOG.error("%s of %s workers do not end and are killed", len(unfinished), crew.size)
        crew.send_signal(signal.SIGKILL)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def _stop_after(crew: _Crew, task: asyncio.Task[None]) -> None:
    """Stop when a worker is given up, or the first bundle is refused."""
    if task.cancelled() or task.exception() is not None:
        crew.stop.set()


async def _prove_first(crew: _Crew) -> None:
    """Prove the bundle that is in the folder at the start, and then look after it."""
    await crew.watch.note()
    try:
        crew.current = await _proved(crew, crew.bundle_folder)
    except ValueError as error:
        copy = last_good_copy(crew.private_folder)
        if copy is None:
            raise
        crew.current = await _proved(crew, copy)
        _refuse(crew, str(error))
    _remember(crew, crew.current)
    remove_other_copies(crew.private_folder, {crew.current.folder})
    crew.first_proof.set()
    crew.start(crew.watch.run(lambda: _reload(crew)))
    crew.start(_beat(crew))


async def _proved(crew: _Crew, folder: Path) -> ProvedBundle:
    return await prove(folder, crew.private_folder, crew.settings, crew.environment)


async def _keep_worker(crew: _Crew, number: int) -> None:
    """Run a worker, and another one whenever it ends, until the crew stops."""
    loop, failures = asyncio.get_running_loop(), 0
    while True:
        began = loop.time()
        reason = await _run_worker(crew, number)
        if crew.stop.is_set():
            return
        if number in crew.missing:
            raise ValueError(reason)
        fields = {"worker": number}
        _LOG.error(
            "worker %s: %s Another takes its place.", number, reason, extra={LOG_FIELDS: fields}
        )
        failures = 0 if loop.time() - began >= STEADY_SECONDS else failures + 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(crew.stop.wait(), restart_seconds(failures))


def restart_seconds(failures: int) -> float:
    """How long to wait before a worker is replaced that failed so often in a row.

    Examples
    --------
    >>> [restart_seconds(failures) for failures in (0, 1, 2, 3, 9)]
    [0.0, 0.0, 1.0, 2.0, 30.0]
    """
    return 0.0 if failures < 2 else min(2.0 ** (failures - 2), MAX_RESTART_SECONDS)


async def _run_worker(crew: _Crew, number: int) -> str:
    """Run a worker to its end: why it ended."""
    own_end, worker_end = socket.socketpair()
    descriptors = (crew.listener.fileno(), worker_end.fileno(), crew.figures)
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
        reader, writer = await asyncio.open_unix_connection(sock=own_end, limit=MAX_LINE_BYTES)
    except OSError as error:
        own_end.close()
        return f"It cannot be started: {error}."
    worker = _Worker(number, process, writer, asyncio.get_running_loop().time())
    crew.workers[number] = worker
    if crew.stop.is_set():
        process.terminate()
    await _either(crew.first_proof, crew.stop)
    if crew.current is not None:
        worker.bundle = crew.current
        settings = crew.settings.model_dump(mode="json")
        order = {"bundle": str(crew.current.folder), "settings": settings}
        send(writer, **order, region=number, regions=crew.size + 1)
    try:
        await _listen(crew, worker, reader)
    except (ValueError, RecursionError):  # of a line: too long, or no JSON
        worker.failure = "It said what is no message and was killed."
        worker.kill()
    code = await process.wait()
    writer.close()
    crew.workers.pop(number)
    was_taking_bundle = worker.end_handover("A worker ended while it took the bundle.")
    is_bundle_suspect = not was_taking_bundle and worker.is_ready and -code in _CRASHES
    if is_bundle_suspect and worker.bundle is crew.current:
        await _put_back_earlier(crew, code)
    if worker.failure:
        return worker.failure
    return f"It ended by signal {-code}." if code < 0 else f"It ended with code {code}."


async def _either(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _listen(crew: _Crew, worker: _Worker, reader: StreamReader) -> None:
    """Hear what a worker says, until it ends."""
    async for message in messages(reader):
        worker.silent_beats = 0
        match message:
            case {"ready": _}:
                _count_ready(crew, worker)
            case {"failed": reason}:
                worker.failure = str(reason)
            case {"served": _}:
                worker.end_handover()
            case {"refused": reason}:
                worker.end_handover(str(reason))
            case {"reload": number}:
                crew.start(_reload_for(crew, worker, number))


def _count_ready(crew: _Crew, worker: _Worker) -> None:
    worker.is_ready = True
    if crew.missing == {worker.number}:
        notify(os.environ, READY)
        crew.report_serving()
    crew.missing.discard(worker.number)
    if worker.bundle is not crew.current:  # another one was handed out meanwhile
        crew.start(_catch_up(crew, worker))


async def _catch_up(crew: _Crew, worker: _Worker) -> None:
    async with crew.reload_lock:
        if crew.current is not None and worker.bundle is not crew.current:
            with contextlib.suppress(ValueError):  # its end is logged where it is waited for
                await _hand_over(worker, crew.current)


async def _beat(crew: _Crew) -> None:
    """Ask every worker whether it lives, and kill who has not answered for too long."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        notify(os.environ, ALIVE)
        for worker in list(crew.workers.values()):
            # Beats are counted, not seconds: where this process itself was stopped, none passed.
            if worker.is_ready and worker.silent_beats * _BEAT_SECONDS >= HANG_SECONDS:
                worker.failure = f"It hangs: it was silent for {HANG_SECONDS} s and was killed."
            elif not worker.is_ready and loop.time() - worker.began > START_SECONDS:
                worker.failure = f"It was not ready within {START_SECONDS} s and was killed."
            else:
                worker.silent_beats += 1
                send(worker.writer, ping=worker.silent_beats)
                continue
            worker.kill()


async def _reload_for(
    crew: _Crew, worker: _Worker | None = None, number: int | None = None
) -> None:
    """Reload because somebody asks for it, and tell the worker that passed the request on."""
    await _either(crew.first_proof, crew.stop)
    outcome = await _reload(crew, worker)
    if worker is not None:
        send(worker.writer, reloaded=number, **outcome)


async def _reload(crew: _Crew, asked_by: _Worker | None = None) -> JsonObject:
    """Serve the bundle that is in the folder now: its `version`, or why it is `refused`."""
    async with crew.reload_lock:
        notify(os.environ, reloading())
        await crew.watch.note()
        try:
            candidate = await _proved(crew, crew.bundle_folder)
            await _roll_out(crew, candidate, asked_by)
        except (ValueError, OSError) as error:
            return _refuse(crew, str(error))
        finally:
            if not crew.missing:  # else the last worker to become ready says so
                notify(os.environ, READY)
        crew.region.add((crew.region.slot((*RELOADS, "served")), 1))
        crew.region.put(crew.region.slot(BUNDLE_REFUSED), 0)
        return {"version": candidate.version}


def _refuse(crew: _Crew, reason: str) -> JsonObject:
    crew.region.add((crew.region.slot((*RELOADS, "refused")), 1))
    crew.region.put(crew.region.slot(BUNDLE_REFUSED), 1)
    served = crew.current.version if crew.current is not None else "nothing"
    detail = f"The bundle in the folder is not served: {reason} "
    detail += f"Meanwhile {served} is served as before."
    _LOG.error(detail)
    return {"refused": detail}


async def _roll_out(crew: _Crew, candidate: ProvedBundle, asked_by: _Worker | None) -> None:
    """Hand a bundle over to one worker after the other; to none, if one does not take it."""
    ready = [worker for worker in crew.workers.values() if worker.is_ready]
    switched: list[_Worker] = []
    try:
        # Who waits for the outcome is not risked first.
        for worker in sorted(ready, key=lambda one: one is asked_by):
            if worker.has_ended:  # of something else; another one takes its place
                continue
            await _hand_over(worker, candidate)
            switched.append(worker)
    except ValueError:
        await _hand_back(crew, switched)
        await asyncio.to_thread(shutil.rmtree, candidate.folder, ignore_errors=True)
        raise
    crew.earlier, crew.current = crew.current, candidate
    crew.reloaded_at = asyncio.get_running_loop().time()
    for worker in crew.workers.values():
        if worker.is_ready and worker.bundle is not candidate:  # it became ready meanwhile
            crew.start(_catch_up(crew, worker))
    _remember(crew, candidate)
    kept_copies = {bundle.folder for bundle in (crew.current, crew.earlier) if bundle is not None}
    await asyncio.to_thread(remove_other_copies, crew.private_folder, kept_copies)


def _remember(crew: _Crew, bundle: ProvedBundle) -> None:
    """Name the copy that a later server begins with; a full disk costs that name alone."""
    try:
        remember_last_good(crew.private_folder, bundle.folder)
    except OSError as error:
        _LOG.error("%s serves, but a later start will not know of it: %s", bundle.version, error)


async def _hand_over(worker: _Worker, bundle: ProvedBundle) -> None:
    """Wait until a worker serves a bundle.

    Raises
    ------
    ValueError
        It ended, did not answer in time, or cannot load the bundle.
    """
    if worker.has_ended:
        raise ValueError("A worker ended before it took the bundle.")
    worker.handover = asyncio.get_running_loop().create_future()
    send(worker.writer, serve=str(bundle.folder))
    try:
        async with asyncio.timeout(SERVE_SECONDS):
            await worker.handover
    except TimeoutError:
        worker.kill()
        raise ValueError(f"A worker did not take it within {SERVE_SECONDS} s.") from None
    finally:
        worker.handover = None
    worker.bundle = bundle


async def _hand_back(crew: _Crew, workers: list[_Worker]) -> None:
    """Let workers serve the current bundle again."""
    for worker in workers:
        with contextlib.suppress(ValueError):  # then it ends, and another one reads the good copy
            if crew.current is not None:
                await _hand_over(worker, crew.current)


async def _put_back_earlier(crew: _Crew, code: int) -> None:
    """After a crash soon after a reload: serve the bundle before, whose copy is still there."""
    async with crew.reload_lock:
        age = asyncio.get_running_loop().time() - crew.reloaded_at
        if crew.earlier is None or crew.current is None or age > PROBATION_SECONDS:
            return
        bad, crew.current, crew.earlier = crew.current, crew.earlier, None
        _remember(crew, crew.current)
        await _hand_back(crew, [worker for worker in crew.workers.values() if worker.is_ready])
        _refuse(crew, f"A worker that served {bad.version} ended by signal {-code}.")
