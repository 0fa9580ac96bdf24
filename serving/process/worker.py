"""A process that answers: one bundle, one event loop, a graceful end.

On SIGTERM or Ctrl+C a worker stops accepting connections, finishes the requests in flight, asks
clients to close their connections, and ends with exit code 0.

`serving.process.supervisor` starts each worker as a process that runs `main`. A worker has the
socket from which all accept, the memory in which all count, and a link to the supervisor. Its
order (bundle and settings) comes over the link first, then pings and other bundles
(`serving.process.link`). If the link breaks, the supervisor is gone, and the worker ends as after
SIGTERM.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from features.json_values import JsonObject, parse_finite_json
from serving.answers.problem import Problem, problem
from serving.http.app import create_app, now_microseconds
from serving.http.figures import shared_regions
from serving.http.live import LiveApp
from serving.http.log import count_dropped_lines, log_as_json_lines
from serving.http.settings import Settings
from serving.http.tallies import DROPPED_LINES
from serving.http.telemetry import Telemetry
from serving.process.link import MAX_LINE_BYTES, line_of, messages, send
from serving.process.protocol import BoundedHttp
from serving.process.traces import TracingApp, tracer_provider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SHUTDOWN_SECONDS = 20
"""Longest time that requests in flight may take after the signal to stop."""
IDLE_SHUTDOWN_SECONDS = 5
"""Longest time that silent connections stay open after the signal to stop."""
SPAN_FLUSH_SECONDS = 3
"""Longest time that sending the last spans may take."""
KEEP_ALIVE_SECONDS = 75
"""Longest time that a connection may be silent: longer than proxies keep one (60 s). So the proxy
closes it, and no request meets a connection that the server is closing."""
SPARE_DESCRIPTORS = 64
"""Descriptors that connections leave for the bundle, the log, the link and the libraries."""
SWITCH_SECONDS = 0.001
"""How long a thread that scores a batch may keep the event loop waiting for the interpreter."""

_LOG = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn that lets clients close their connections before it stops.

    uvicorn itself closes every connection that is silent when the signal comes; a request that is
    on its way is then lost. Here the next answer asks the client to close, by `Connection: close`.
    """

    def __init__(
        self, app: ASGIApp, live: LiveApp, settings: Settings, link: socket.socket | None
    ) -> None:
        connection = partial(
            BoundedHttp,
            seconds=settings.body_seconds,
            count=live.refused_unread,
            max_connections=connections_within(settings.max_connections, _descriptor_limit()),
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,  # type: ignore[arg-type]  # uvicorn only calls it
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._live, self._link = live, link
        self._writer: asyncio.StreamWriter | None = None
        self._reloads: dict[int, asyncio.Future[JsonObject]] = {}
        self._ordered = 0
        self._serving: asyncio.Task[None] | None = None

    async def main_loop(self) -> None:
        """Serve until a signal comes or the supervisor ends."""
        if self._link is None:
            await super().main_loop()
            return
        reader, writer = await asyncio.open_unix_connection(sock=self._link, limit=MAX_LINE_BYTES)
        self._writer = writer
        self._live.order_reload = self._order_reload
        obeying = asyncio.create_task(self._obey(reader, writer))
        send(writer, ready=True)
        await super().main_loop()
        obeying.cancel()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async for message in messages(reader):
                match message:
                    case {"ping": number}:
                        send(writer, pong=number)
                    case {"serve": folder}:
                        self._serving = asyncio.create_task(self._take_bundle(writer, Path(folder)))
                    case {"reloaded": number, **outcome} if number in self._reloads:
                        self._reloads.pop(number).set_result(outcome)
        finally:  # the supervisor is gone, or this worker ends
            self.should_exit = True
            for ordered in self._reloads.values():
                ordered.cancel()

    async def _take_bundle(self, writer: asyncio.StreamWriter, folder: Path) -> None:
        """Serve another bundle, and say so."""
        try:
            send(writer, served=await self._live.serve(folder))
        except Exception as error:
            _LOG.exception("a bundle that was proved cannot be served")
            send(writer, refused=f"{type(error).__name__} where it was to be served: {error}")

    async def _order_reload(self) -> str | Problem:
        """Ask the supervisor for a reload: the version that is served, or why it is not."""
        number = self._ordered = self._ordered + 1
        ordered = self._reloads[number] = asyncio.get_running_loop().create_future()
        if self._writer is not None:
            send(self._writer, reload=number)
        try:
            outcome = await ordered
        except asyncio.CancelledError:
            if not ordered.cancelled():  # the request itself was cancelled
                raise
            return problem(503, "The server ends. Ask again when it has started.", "ending")
        if "version" in outcome:
            return str(outcome["version"])
        return problem(409, str(outcome["refused"]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, wait until clients have closed their connections, then end."""
        self._live.load.draining = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + IDLE_SHUTDOWN_SECONDS
        # A connection that was accepted just before is counted only after a turn of the loop.
        await asyncio.sleep(0.1)
        while self.server_state.connections and not self.force_exit and loop.time() < end:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def connections_within(requested: int, descriptors: int) -> int:
    """Most connections that leave a process descriptors for everything else.

    Parameters
    ----------
    requested : int
        As many as an operator wants.
    descriptors : int
        Most files and connections that the system lets the process have.

    Examples
    --------
    >>> connections_within(1_000, 65_536), connections_within(1_000, 256)
    (1000, 192)
    """
    return max(1, min(requested, descriptors - SPARE_DESCRIPTORS))


def _descriptor_limit() -> int:
    """Most descriptors of this process, after the limit was raised as far as it may be."""
    if sys.platform == "win32":
        return 512
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = hard if hard != resource.RLIM_INFINITY else 2**20
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    return highest


def serve(
    live: LiveApp,
    listener: socket.socket,
    settings: Settings,
    traces: "TracerProvider | None" = None,
    link: socket.socket | None = None,
) -> None:
    """Answer requests on a socket until the process gets a signal to stop.

    Parameters
    ----------
    live : LiveApp
        The application, from `serving.http.app.create_app`.
    listener : socket.socket
        A socket that listens; it is closed at the end.
    settings : Settings
        The settings of the application; `body_seconds` also bounds the connections.
    traces : opentelemetry.sdk.trace.TracerProvider, optional
        Exports a span of each request; it is shut down at the end.
    link : socket.socket, optional
        Connection to the supervisor, if there is one.
    """
    app = live if traces is None else TracingApp(live, traces)
    server = _Server(app, live, settings, link)
    # When uvicorn has finished, it raises the signal again for the handlers that were installed
    # before its own. Its own handler is therefore installed here, too: so the process ends with
    # exit code 0, however early the signal comes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    if live.keeper is not None:
        live.keeper.close()
    if traces is not None:
        # A collector that hangs may cost the last spans, but must not delay the end.
        ending = threading.Thread(target=traces.shutdown, daemon=True)
        ending.start()
        ending.join(SPAN_FLUSH_SECONDS)


def main() -> None:
    """Serve as a worker: the arguments are the file descriptors of listener, link and figures."""
    listener, link = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    with link.makefile("rb") as lines:
        line = lines.readline()
    if not line:  # the supervisor has ended, or there is no bundle to serve
        return
    order = parse_finite_json(line.decode())
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = Settings.model_validate(order["settings"])
    log_as_json_lines(settings.log_level)
    regions = shared_regions(int(sys.argv[3]), order["regions"])
    try:
        region = regions[order["region"]]
        telemetry = Telemetry(now_microseconds, region, regions)
        dropped = region.slot(DROPPED_LINES)
        count_dropped_lines(lambda lines: region.add((dropped, lines)))
        # The supervisor looks at the folder.
        own_settings = settings.model_copy(update={"reload_seconds": 0.0})
        live = create_app(Path(order["bundle"]), own_settings, telemetry=telemetry)
        traces = tracer_provider(os.environ)
    except (ValueError, OSError, ImportError) as error:
        link.sendall(line_of(failed=str(error)))
        sys.exit(1)
    serve(live, listener, settings, traces, link)
