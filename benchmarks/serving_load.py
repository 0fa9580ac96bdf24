"""Load on a server by wrk, and what the server's processes took of the machine meanwhile."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
_SCRIPT = """\
local bodies, i = {}, 0
for line in io.lines("%s") do
  local headers = {["Content-Type"] = "application/json", ["Host"] = "127.0.0.1"}
  bodies[#bodies + 1] = wrk.format("POST", nil, headers, line)
end
request = function()
  i = i %% #bodies + 1
  return bodies[i]
end
"""
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True, slots=True)
class Run:
    """What a server did under load.

    Parameters
    ----------
    per_second : float
        Requests that were answered.
    processor_us : float
        Microseconds of processor time a request, of all of its processes and threads.
    p50_ms, p99_ms : float
        Time to the answer.
    failed : int
        Requests that were answered by a status other than 2xx or 3xx, or not at all.
    """

    per_second: float
    processor_us: float
    p50_ms: float
    p99_ms: float
    failed: int


def require_wrk() -> str:
    """Path of wrk.

    Raises
    ------
    FileNotFoundError
        It is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise FileNotFoundError(
            "The load is made by wrk, which is not installed. On Debian: apt-get install wrk"
        )
    return found


def write_bodies(bodies: Sequence[Any], folder: Path, name: str) -> Path:
    """Script for wrk that sends JSON values as bodies, one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, script = folder / f"{name}.jsonl", folder / f"{name}.lua"
    lines.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
    script.write_text(_SCRIPT % lines, encoding="utf-8")
    return script


def loaded(pid: int, url: str, script: Path, connections: int, seconds: float) -> Run:
    """Put load on a server.

    Parameters
    ----------
    pid : int
        Its first process.
    url : str
    script : pathlib.Path
        Of `write_bodies`.
    connections : int
        So many requests are under way at any time.
    seconds : float
    """
    options = ["-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "30s", "--latency"]
    before = processor_seconds(pid)
    command = [require_wrk(), *options, "-s", str(script), url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return read_run(told, processor_seconds(pid) - before)


def read_run(told: str, processor: float) -> Run:
    """What wrk printed, and the processor time in seconds, as a value.

    A load in which nothing was answered has failed once.

    Raises
    ------
    ValueError
        That is not what wrk prints.
    """
    requests = int(_found(r"(\d+) requests in", told))
    failed = re.findall(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.findall(r"Socket errors: (.*)", told)  # connect 0, read 1, write 0, timeout 0
    return Run(
        per_second=float(_found(r"Requests/sec:\s+([\d.]+)", told)),
        processor_us=1e6 * processor / max(requests, 1),
        p50_ms=_milliseconds(_found(r"^ +50% +(\S+) *$", told)),
        p99_ms=_milliseconds(_found(r"^ +99% +(\S+) *$", told)),
        failed=sum(map(int, re.findall(r"\d+", " ".join(failed + broken)))) or int(requests == 0),
    )


def middle(runs: Sequence[Run]) -> Run:
    """Median of every figure; failures are added up."""
    return Run(
        per_second=median(run.per_second for run in runs),
        processor_us=median(run.processor_us for run in runs),
        p50_ms=median(run.p50_ms for run in runs),
        p99_ms=median(run.p99_ms for run in runs),
        failed=sum(run.failed for run in runs),
    )


def processor_seconds(pid: int) -> float:
    """User and system time of a process and all that descend from it, so far."""
    return sum(_stat(one)[1] for one in family(pid))


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its descendants, and that share which is theirs alone."""
    totals = {"Rss": 0, "Pss": 0}
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name in totals:
                totals[name] += int(rest.split()[0])
    return totals["Rss"] / 1024, totals["Pss"] / 1024


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                children.setdefault(_stat(int(entry.name))[0], []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    found = [pid]
    for one in found:
        found += children.get(one, ())
    return found


def _stat(pid: int) -> tuple[int, float]:
    """Parent of a process, and its processor time in seconds."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise ValueError(f"wrk did not print {pattern!r}:\n{text}")
    return match.group(1)


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * _MILLISECONDS[unit]
