"""The server as a process: one worker, one bundle, a graceful end.

SIGTERM and Ctrl+C stop accepting, let requests in flight finish, ask clients to end their
connections and end the process with exit
code 0. Standard output stays empty; standard error holds the log, in JSON lines but for one: the
address, as soon as the server answers.
"""

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from serving.app import create_app
from serving.load import Load
from serving.security import is_loopback
from serving.settings import DEFAULTS, PREFIX, Settings
from serving.telemetry import log_as_json_lines

_LOG = logging.getLogger(__name__)

LAST_SECONDS = 20
"""How long requests in flight may take once the server was told to stop."""
QUIET_SECONDS = 5
"""How long a connection may be silent once the server was told to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long a connection may be silent: longer than proxies keep one (60 s), so that it is the proxy
that ends it, and no request meets an end that is on its way."""


class _Server(uvicorn.Server):
    """uvicorn, which when told to stop lets clients end their connections before it does.

    uvicorn itself closes every connection that is silent at that moment; a request that is on its
    way there is lost. Here a client is told by `Connection: close` in its next answer.
    """

    def __init__(self, config: uvicorn.Config, load: Load) -> None:
        super().__init__(config)
        self._load = load

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, wait for the connections, then end."""
        self._load.draining = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + QUIET_SECONDS
        # One tick at least: what was accepted just before is a connection only then.
        await asyncio.sleep(0.1)
        while self.server_state.connections and not self.force_exit and loop.time() < end:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def run(
    bundle_folder: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings = DEFAULTS,
) -> None:
    """Serve a bundle until the process is told to stop.

    Parameters
    ----------
    bundle_folder : pathlib.Path
    host : str
        Address to listen at; the default answers this machine alone.
    port : int
        0 takes a free one; the line on standard error says which.
    settings : Settings

    Raises
    ------
    OSError
        The address cannot be listened at, or the bundle is not there.
    ValueError
        The bundle is not whole, or other machines could ask without an API key.
    """
    log_as_json_lines(settings.log_level)
    if not settings.api_keys:
        _require_loopback(host)
        _LOG.warning("no API keys: every program on this machine may ask")
    app = create_app(bundle_folder, settings)
    listener = _listener(host, port)
    config = uvicorn.Config(
        app,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = _Server(config, app.load)
    # uvicorn raises the signal that stopped it again when it has finished, for the handlers that
    # stood before it; with its own in that place the process ends well, however early it comes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    print(f"serving {_url(listener)}", file=sys.stderr, flush=True)
    server.run(sockets=[listener])


def _require_loopback(host: str) -> None:
    if not is_loopback(host):
        raise ValueError(
            f"Without API keys the server answers this machine alone, and --host is {host}. Set "
            f"{PREFIX}API_KEYS as docs/serving.md tells, or use --host 127.0.0.1."
        )


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise OSError(
            f"Cannot listen at {host}, port {port}: {error}. "
            "Choose another --port (0 takes a free one) or another --host."
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
