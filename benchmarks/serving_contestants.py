"""The servers that are compared, and running one of them until it is no longer needed.

Ours and the bare endpoint run as they are installed for operators, in an environment without the
laboratory; peers in an environment of their own. Both are made by uv where they are not there yet.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.quality_peer_run import require_uv

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements-servers.txt")
READY_SECONDS, END_SECONDS = 180, 20


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server and what it is asked.

    Parameters
    ----------
    name : str
        In words.
    command : tuple of str
        Starts it; ``PORT`` stands for the port.
    path : str
        What is asked for.
    bodies : str
        Name of the script with the bodies.
    environment : mapping of str to str
        What it needs beside that of this process.
    """

    name: str
    command: tuple[str, ...]
    path: str
    bodies: str = "single"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def process(self) -> tuple[str, ...]:
        """What is started: contestants that agree in it share a server."""
        return (*self.command, *(f"{name}={text}" for name, text in self.environment.items()))


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready."""

    pid: int
    address: str


def limit(python: Path) -> Contestant:
    """The bare endpoint."""
    app = ("serving_limit:app", "--app-dir", str(ROOT / "benchmarks"), "--port", "PORT")
    quiet = ("--no-access-log", "--log-level", "warning")
    return Contestant("bare endpoint", (str(python), "-m", "uvicorn", *app, *quiet), "/v1/score")


def ours(python: Path, bundle: Path) -> tuple[Contestant, ...]:
    """Our server, asked for less and for more."""
    command = (str(python), "-m", "lead_temperature", "serve", "--bundle", str(bundle))
    ledger = ("--ledger", str(bundle.with_name("ledger.db")), "--port", "PORT")
    return (
        *_asked(command),
        Contestant("ours with reasons and a ledger", (*command, *ledger), "/v1/score"),
    )


def _asked(command: tuple[str, ...]) -> tuple[Contestant, ...]:
    """One server, asked for less and for more."""
    return tuple(
        Contestant(name, (*command, "--port", "PORT"), path)
        for name, path in (
            ("ours without reasons", "/v1/score?reasons=0"),
            ("ours with reasons", "/v1/score"),
            ("ours with trend", "/v1/score?include=trend"),
            ("ours with trend and forecast", "/v1/score?include=trend,forecast"),
        )
    )


def peers(python: Path, folder: Path) -> tuple[Contestant, ...]:
    """Peers that do the same work."""
    given = {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",  # MLflow calls uvicorn
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "BENTOML_DO_NOT_TRACK": "1",
        "UVICORN_ACCESS_LOG": "false",
    }
    by_pandas = {**given, "SERVING_PEER_PANDAS": "pandas"}

    def peer(name: str, path: str, bodies: str, environment: Mapping[str, str]) -> Contestant:
        what = name.partition(",")[0].lower()
        command = (str(python), "-m", "benchmarks.serving_peer", what, str(folder), "PORT")
        return Contestant(name, command, path, bodies, environment)

    return (
        peer("MLflow, pandas", "/invocations", "mlflow", by_pandas),
        peer("FastAPI, pandas", "/score", "single", by_pandas),
        peer("MLflow, our functions", "/invocations", "mlflow", given),
        peer("FastAPI, our functions", "/score", "single", given),
        peer("BentoML, our functions", "/score", "bentoml", given),
        peer("LitServe, our functions", "/score", "single", given),
    )


def operators() -> dict[str, str]:
    """Environment as an operator's: Python keeps what it has compiled, whatever is set here."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def running(contestant: Contestant, log: Path) -> Iterator[Server]:
    """A contestant's server, from when it is ready until the block ends.

    Raises
    ------
    RuntimeError
        It ended, or was not ready in time; what it said stands in the log that is named.
    """
    port = _free_port()
    command = [word.replace("PORT", str(port)) for word in contestant.command]
    environment = {**operators(), "OMP_NUM_THREADS": "1", **contestant.environment}
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address, contestant.name, log)
        yield Server(process.pid, address)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a server and the processes that it started, which are of its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(END_SECONDS)
        except ProcessLookupError:
            return  # nothing of it is left
        except subprocess.TimeoutExpired:
            continue


def _wait(process: "subprocess.Popen[bytes]", address: str, name: str, log: Path) -> None:
    """Wait until any page is answered."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # it has no such page, but it answers
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{name} was not ready; its output: {log}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def server_python(home: Path) -> Path:
    """Interpreter of an environment with what the server needs and nothing of the laboratory."""
    options = ["--quiet", "--frozen", "--no-default-groups", "--no-install-project"]
    options += ["--extra", "ledger"]
    options.append("--compile-bytecode")  # as pip does
    command = [require_uv(), "sync", *options, "--project", str(ROOT), "--python", sys.executable]
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(home)}
    subprocess.run(command, check=True, env=environment)
    return home / "bin" / "python"
