"""A candidate bundle is proved in a process of its own before a process that answers reads it.

Whoever can write into the bundle's folder could otherwise end or stall the server: by a tree whose
child is no node, a file that never ends, a link to the machine's secrets. The prover is a child
process with limits on memory, time and files. It opens the folder by its descriptor and takes
regular files of bounded size alone, each with the hash that the manifest lists; it checks the
signature, if a key is set; it writes the bytes that it checked to a private folder; and there it
does all that a worker would do: it loads the model, replays the golden leads, builds every page and
answers requests. Only the private copy is ever loaded by a worker. A prover that dies, hangs or
runs out of memory is a refusal.

`prove` is the side of the server, `main` that of the child.
"""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.json_values import JsonObject, parse_finite_json
from serving.http.settings import Settings
from serving.process.copies import COPY_PREFIX

PROVE_SECONDS = 60
"""Longest time that a proof may take, on a machine however busy."""
PROVE_CPU_SECONDS = 10
"""Most processor time that reading and asking a bundle may take; a usual one takes one second."""
PROVE_BYTES = 1536 * 2**20
"""Most memory that a bundle may take beside the libraries; a usual one takes a tenth."""
MAX_ANSWER_BYTES = 64 * 1024
_MAX_FILES_OPEN = 64

LEAN = "from models.no_laboratory import forgo_laboratory; forgo_laboratory()"
"""What the server's processes run first."""
_PROVER = f"{LEAN}; from serving.process.prover import main; main()"


@dataclass(frozen=True, slots=True)
class ProvedBundle:
    """A private copy of a bundle that may be loaded.

    Parameters
    ----------
    folder : pathlib.Path
        The copy.
    version : str
        The bundle's version.
    """

    folder: Path
    version: str


async def prove(
    folder: Path, private_folder: Path, settings: Settings, environment: Mapping[str, str]
) -> ProvedBundle:
    """Prove the bundle in a folder and copy it.

    Parameters
    ----------
    folder : pathlib.Path
        The candidate, which anybody may have written.
    private_folder : pathlib.Path
        The copy becomes a folder in it.
    settings : Settings
        How golden leads must agree, and the key of signatures.
    environment : mapping of name to text
        Environment of the child; its `PYTHONPATH` must lead to this package.

    Raises
    ------
    ValueError
        The bundle is refused; the message says why.
    """
    copy = Path(tempfile.mkdtemp(prefix=COPY_PREFIX, dir=private_folder))
    try:
        version = await _verdict_of_child(folder, copy, settings, environment)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
        raise
    return ProvedBundle(copy, version)


async def _verdict_of_child(
    folder: Path, copy: Path, settings: Settings, environment: Mapping[str, str]
) -> str:
    """Version of the bundle that the child has copied; ValueError for its refusal or its end."""
    command = [sys.executable, "-P", "-c", _PROVER]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**environment, "OMP_NUM_THREADS": "1"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 - PIPE
    assert process.stdout is not None  # noqa: S101 - PIPE
    order = {"folder": str(folder), "copy": str(copy), "settings": settings.model_dump(mode="json")}
    reading = asyncio.create_task(_output(process.stdout))
    try:
        async with asyncio.timeout(PROVE_SECONDS):
            with contextlib.suppress(ConnectionError):  # it has ended before it read all
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
            process.stdin.close()
            answer, code = await asyncio.shield(reading), await process.wait()
    except TimeoutError:
        raise ValueError(
            f"Its proof took longer than {PROVE_SECONDS} s, which no usual bundle needs. "
            "Pull or train the bundle again."
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await reading
        await process.wait()
    if code != 0:
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        raise ValueError(
            f"It ended the process that proved it, by {ended}. Pull or train the bundle again."
        )
    try:
        verdict = parse_finite_json(answer.decode())
    except (ValueError, RecursionError):
        raise ValueError("It made the process that proved it say what is no verdict.") from None
    if "version" not in verdict:
        raise ValueError(str(verdict.get("refused")))
    return str(verdict["version"])


async def _output(reader: asyncio.StreamReader) -> bytes:
    """All that a child says, cut to `MAX_ANSWER_BYTES`: who stops reading never sees it end."""
    output = b""
    while chunk := await reader.read(MAX_ANSWER_BYTES):
        output = (output + chunk)[:MAX_ANSWER_BYTES]
    return output


def main() -> None:
    """Prove a bundle: the order is a line of JSON on standard input, the verdict one on output."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # LightGBM prints there
        order = json.loads(sys.stdin.buffer.readline())
        import serving.process.proof  # noqa: F401 - the limits are on the bundle, not on libraries

        limit_this_process()
        verdict = proof(
            Path(order["folder"]), Path(order["copy"]), Settings.model_validate(order["settings"])
        )
        output.write(json.dumps(verdict).encode())


def limit_this_process() -> None:
    """Bound the processor time, memory and files of this process from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(usage.ru_utime + usage.ru_stime) + PROVE_CPU_SECONDS
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _MAX_FILES_OPEN)
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, used + PROVE_BYTES)
    signal.alarm(PROVE_SECONDS)  # however its parent ends


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def proof(folder: Path, copy: Path, settings: Settings) -> JsonObject:
    """The verdict on a bundle: its `version`, or why it is `refused`."""
    # The libraries of the model are loaded by the child alone.
    from serving.process.proof import prove_bundle

    try:
        return {"version": prove_bundle(folder, copy, settings)}
    except (ValueError, OSError) as error:  # its message was written for people
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "It needs more memory than a bundle may. Train the bundle again."}
    except Exception as error:
        return {"refused": f"{type(error).__name__} while it was read. Train the bundle again."}
