"""The server as a command: what it needs to listen, and one process that answers, or several.

Standard output stays empty; standard error holds the log, in JSON lines but for one: the address,
as soon as the server answers.
"""

import logging
import os
import socket
import sys
from pathlib import Path

from serving.http.log import log_as_json_lines
from serving.http.security import is_loopback
from serving.http.settings import DEFAULTS, PREFIX, Settings

_LOG = logging.getLogger(__name__)


def run(
    bundle_folder: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings = DEFAULTS,
    workers: int = 1,
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
    workers : int
        Processes that answer; with one of them it is this process.

    Raises
    ------
    OSError
        The address cannot be listened at, or the bundle is not there.
    ValueError
        The bundle is not whole, other machines could ask without an API key, or traces are to go on
        a way that is not offered.
    ImportError
        Traces are asked for, and OpenTelemetry is not installed.
    """
    log_as_json_lines(settings.log_level)
    if not settings.api_keys:
        _require_loopback(host)
        _LOG.warning("no API keys: every program on this machine may ask")
    listener = _listener(host, port)
    # Only who answers needs the libraries of the model, and only who supervises the supervisor.
    if workers == 1:
        from serving.http.app import create_app
        from serving.process.traces import tracer_provider
        from serving.process.worker import serve

        live, traces = create_app(bundle_folder, settings), tracer_provider(os.environ)
        _tell(listener)
        serve(live, listener, settings, traces)
    else:
        from serving.process.supervisor import supervise

        supervise(listener, bundle_folder, settings, workers, lambda: _tell(listener))


def _require_loopback(host: str) -> None:
    if not is_loopback(host):
        raise ValueError(
            f"Without API keys the server answers this machine alone, and --host is {host}. Set "
            f"{PREFIX}API_KEYS as docs/serving.md tells, or use --host 127.0.0.1."
        )


def _reason(error: OSError | OverflowError) -> str:
    """What the system says, without Python's own account of the call."""
    if isinstance(error, OverflowError | socket.gaierror) or error.errno is None:
        return str(error)
    return os.strerror(error.errno)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise OSError(
            f"Cannot listen at {host}, port {port}: {_reason(error)}. "
            "Choose another --port (0 takes a free one) or another --host."
        ) from error


def _tell(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"serving http://{address}", file=sys.stderr, flush=True)
