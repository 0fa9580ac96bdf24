"""The server as processes of its own, whose log is read while they run."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
SERVER = """
import os, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from serving.process.run import run
from serving.http.settings import settings_from

run(Path(sys.argv[1]), port=0, settings=settings_from(os.environ), workers=int(sys.argv[2]))
"""


class Ended(NamedTuple):
    """How the server ended."""

    code: int
    output: str


@dataclass
class Served:
    """A server, its address and what it has logged."""

    process: "subprocess.Popen[str]"
    host: str = ""
    port: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    """Lines that are no JSON."""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def children(self) -> set[int]:
        """Processes that it has started and that live."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return set(map(int, told.split()))

    def ended(self, seconds: float = 120) -> Ended:
        """Wait for its end."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        return Ended(self.process.wait(seconds), output)


@contextmanager
def customized(code: str) -> Iterator[str]:
    """A folder for PYTHONPATH that lets processes which run a worker run a code before."""
    with TemporaryDirectory() as folder:
        is_worker = "any('serving.process.worker' in word for word in sys.orig_argv)"
        text = f"import sys\nif {is_worker}:\n    exec({code!r})\n" if code else ""
        Path(folder, "sitecustomize.py").write_text(text)
        yield folder


@contextmanager
def served(
    bundle: Path,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    in_workers: str = "",
) -> Iterator[Served]:
    """A server that answers; it is killed at the end of the block if it still lives.

    `in_workers` is code that each worker runs before everything else.
    """
    with (
        customized(in_workers) as folder,
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(bundle), str(workers)],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
                **(environment or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        server, answers = Served(process), threading.Event()

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("serving http://"):
                    address = line.split()[1].removeprefix("http://")
                    server.host, _, port = address.rpartition(":")
                    server.port = int(port)
                    answers.set()
                elif line.startswith("{"):
                    server.log.append(json.loads(line))
                else:
                    server.plain.append(line)
            answers.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            assert answers.wait(200)
            assert server.port, (server.log, server.plain)
            yield server
        finally:
            process.kill()
            reader.join(20)
