"""A process that answers: one bundle, one event loop, a graceful end.

SIGTERM and Ctrl+C stop accepting, let requests in flight finish, ask clients to end their
connections and end the process with exit code 0.

`serve` runs in the process that was started, where it is the only one. Where there are several,
`serving.process.supervisor` starts each as a process of its own, which runs `main`: it has the
socket that all accept from, and a link to the supervisor. Over the link come its orders, and then
the word that another worker was told to reload; when the link breaks, the supervisor is gone, and
the worker ends as if it had been told to.
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
"""How long requests in flight may take once the server was told to stop."""
IDLE_SHUTDOWN_SECONDS = 5
"""How long a connection may be silent once the server was told to stop."""
SPAN_FLUSH_SECONDS = 3
"""How long the last spans may take to be sent."""
KEEP_ALIVE_SECONDS = 75
"""How long a connection may be silent: longer than proxies keep one (60 s), so that it is the proxy
that ends it, and no request meets an end that is on its way."""


class _Server(uvicorn.Server):
    """uvicorn, which when told to stop lets clients end their connections before it does.

    uvicorn itself closes every connection that is silent at that moment; a request that is on its
    way there is lost. Here a client is told by `Connection: close` in its next answer.
    """

    def __init__(
        self, app: ASGIApp, live: LiveApp, seconds: float, link: socket.socket | None
    ) -> None:
        connection = partial(BoundedHttp, seconds=seconds, count=live.refused_unread)
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,  # type: ignore[arg-type]  # it is called, and only called
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
        """Serve until told to stop, by a signal or by the end of the supervisor."""
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
        """Stop accepting, wait for the connections, then end."""
        self._live.load.draining = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + IDLE_SHUTDOWN_SECONDS
        # One tick at least: what was accepted just before is a connection only then.
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
    """Answer what comes to a socket until the process is told to stop.

    Parameters
    ----------
    live : Live
    listener : socket.socket
        Listens already; it is closed at the end.
    settings : Settings
    traces : opentelemetry.sdk.trace.TracerProvider, optional
        Where spans of requests go, where they are asked for; it is shut down at the end.
    link : socket.socket, optional
        To the supervisor, where there is one.
    """
    app = live if traces is None else TracingApp(live, traces)
    server = _Server(app, live, settings.body_seconds, link)
    # uvicorn raises the signal that stopped it again when it has finished, for the handlers that
    # stood before it; with its own in that place the process ends well, however early it comes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
    if traces is not None:
        # Spans may be lost to a collector that hangs; the end may not be late.
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
