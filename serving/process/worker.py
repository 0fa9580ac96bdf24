"""A process that answers: one bundle, one event loop, a graceful end.

On SIGTERM or Ctrl+C a worker stops accepting connections, finishes the requests in flight, asks
clients to close their connections, and ends with exit code 0.

A single worker runs `serve` in the process that was started. With several,
`serving.process.supervisor` starts each worker as a process that runs `main`. Such a worker has the
socket from which all accept, and a link to the supervisor. Its orders (bundle and settings) come
over the link first, then a line whenever another worker was asked to reload. If the link breaks,
the supervisor is gone, and the worker ends as after SIGTERM.
"""

import asyncio
import json
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

from serving.http.app import create_app
from serving.http.live import LiveApp
from serving.http.log import log_as_json_lines
from serving.http.settings import Settings
from serving.process.link import READY, RELOAD
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


class _Server(uvicorn.Server):
    """uvicorn that lets clients close their connections before it stops.

    uvicorn itself closes every connection that is silent when the signal comes; a request that is
    on its way is then lost. Here the next answer asks the client to close, by `Connection: close`.
    """

    def __init__(
        self, app: ASGIApp, live: LiveApp, seconds: float, link: socket.socket | None
    ) -> None:
        connection = partial(BoundedHttp, seconds=seconds, count=live.refused_unread)
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

    async def main_loop(self) -> None:
        """Serve until a signal comes or the supervisor ends."""
        if self._link is None:
            await super().main_loop()
            return
        reader, writer = await asyncio.open_unix_connection(sock=self._link)
        self._live.tell_others = lambda: writer.write(RELOAD)
        obeying = asyncio.create_task(self._obey(reader))
        writer.write(READY)
        await super().main_loop()
        obeying.cancel()

    async def _obey(self, reader: asyncio.StreamReader) -> None:
        try:
            while await reader.readline() == RELOAD:
                await self._live.reload()
        finally:  # the supervisor is gone, or this worker ends
            self.should_exit = True

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
    server = _Server(app, live, settings.body_seconds, link)
    # When uvicorn has finished, it raises the signal again for the handlers that were installed
    # before its own. Its own handler is therefore installed here, too: so the process ends with
    # exit code 0, however early the signal comes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    if traces is not None:
        # A collector that hangs may cost the last spans, but must not delay the end.
        ending = threading.Thread(target=traces.shutdown, daemon=True)
        ending.start()
        ending.join(SPAN_FLUSH_SECONDS)


def main() -> None:
    """Serve as one of several: the arguments are the file descriptors of listener and link."""
    listener, link = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    with link.makefile("rb") as lines:
        order = json.loads(lines.readline())
    settings = Settings.model_validate(order["settings"])
    log_as_json_lines(settings.log_level)
    try:
        live, traces = create_app(Path(order["bundle"]), settings), tracer_provider(os.environ)
    except (ValueError, OSError, ImportError) as error:
        link.sendall(json.dumps(str(error)).encode() + b"\n")
        sys.exit(1)
    serve(live, listener, settings, traces, link)
