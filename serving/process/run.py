"""The server as a command: start here to read `serving.process`.

`run` opens the socket and serves a bundle until the process gets SIGTERM or Ctrl+C. This process
supervises (`serving.process.supervisor`): it has every bundle proved in a child
(`serving.process.prover`) and starts each worker that answers (`serving.process.worker`) as a
process of its own; the two talk over a link (`serving.process.link`). In a worker, every connection
is read by `serving.process.protocol`, and `serving.process.traces` exports traces where the
environment asks for them. Windows has no such processes: there this process answers by itself,
unsupervised, and bundles are not proved before they are loaded.

Standard output stays empty. Standard error holds the log as JSON lines, and one line of plain text:
the address, as soon as the server answers.
"""

import logging
import os
import socket
import sys
from pathlib import Path

from serving.http.keeping import require_ledger
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
        Folder of the bundle; a new bundle may replace it there at any time.
    host : str
        Address to listen at; the default answers this machine alone.
    port : int
        0 takes a free one; the line on standard error says which.
    settings : Settings
        Limits, and who may ask.
    workers : int
        How many processes answer, from 1.

    Raises
    ------
    OSError
        The server cannot listen at the address.
    ValueError
        The bundle or the ledger is refused, other machines could ask without an API key, or the
        environment asks for traces in a way that is not offered.
    """
    log_as_json_lines(settings.log_level)
    if not settings.api_keys:
        _require_loopback(host)
        _LOG.warning("no API keys: every program on this machine may ask")
    if settings.ledger is not None:
        require_ledger(settings.ledger)
    elif settings.ledger_strict:
        raise ValueError("--ledger-strict needs --ledger: say where answers are kept.")
    listener = _listener(host, port)
    if sys.platform == "win32":
        from serving.http.app import create_app
        from serving.process.traces import tracer_provider
        from serving.process.worker import serve

        live, traces = create_app(bundle_folder, settings), tracer_provider(os.environ)
        _print_address(listener)
        serve(live, listener, settings, traces)
    else:
        from serving.process.supervisor import supervise

        supervise(listener, bundle_folder, settings, workers, lambda: _print_address(listener))


def _require_loopback(host: str) -> None:
    if not is_loopback(host):
        raise ValueError(
            f"Without API keys the server answers this machine alone, and --host is {host}. Set "
            f"{PREFIX}API_KEYS as docs/serving.md tells, or use --host 127.0.0.1."
        )


def _reason(error: OSError | OverflowError) -> str:
    """The system's own message, without Python's description of the call."""
    if isinstance(error, OverflowError | socket.gaierror) or error.errno is None:
        return str(error)
    return os.strerror(error.errno)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # "Any address" means those of both kinds.
    is_dual = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host, port), family=family, backlog=2048, dualstack_ipv6=is_dual
        )
    except (OSError, OverflowError) as error:
        raise OSError(
            f"Cannot listen at {host}, port {port}: {_reason(error)}. "
            "Choose another --port (0 takes a free one) or another --host."
        ) from error


def _print_address(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"serving http://{address}", file=sys.stderr, flush=True)
