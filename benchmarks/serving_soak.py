"""Whether the server's memory stays flat: many requests of all kinds, and its size over time.

`python -m benchmarks.serving_soak` asks a server 100,000 times and prints its resident memory
twenty times on the way. Every request is another one: scores with and without reasons, batches,
forecasts, what is refused, pages that do not exist, connections that are given up. What a server
keeps of each would show: a kilobyte a request is a hundred megabytes in the end. `--bundle` asks
about one of your own, `--workers` several processes, whose memory is added up.
"""

import http.client
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from benchmarks.serving_contestants import Contestant, Server, ours, running
from benchmarks.serving_load import memory_mib

BENCH = Path(__file__).resolve().parents[1] / "artifacts" / "bench"

REQUESTS, SAMPLES, CLIENTS = 100_000, 20, 4
MOST_MIB = 8.0
"""What memory may grow by from the second quarter to the last one."""
JSON = {"content-type": "application/json"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """The server after a number of requests."""

    requests: int
    seconds: float
    mib: float


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of many requests."""

    samples: tuple[Sample, ...]
    statuses: Counter[int]

    @property
    def growth_mib(self) -> float:
        """By how much the largest memory of the last quarter exceeds that of the second one."""
        quarter = len(self.samples) // 4
        early, late = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        return max(one.mib for one in late) - max(one.mib for one in early)


Ask = tuple[str, str, bytes]
"""Method, path and body of a request."""


def asks(lead: dict[str, Any]) -> Iterator[Ask]:
    """Requests without end, no two alike, made of one lead that the server takes."""
    for number in itertools.count():
        one = {**lead, "lead_id": f"{number:x}", "interactions": lead["interactions"][number % 7 :]}
        match number % 50:
            case 10:
                body: Any = {"leads": [one | {"lead_id": f"{number}.{i}"} for i in range(20)]}
                yield "POST", "/v1/score/batch", json.dumps(body).encode()
            case 20:
                yield "POST", "/v1/score", json.dumps(one | {f"field_{number}": number}).encode()
            case 25:
                yield "POST", "/v1/score", b"{" + str(number).encode()
            case 30:
                yield "GET", f"/page/{number}", b""
            case 40:
                yield "GET", "/metrics", b""
            case 45:
                yield "POST", "/v1/score?include=trend,forecast", json.dumps(one).encode()
            case place:
                yield "POST", f"/v1/score?reasons={place % 4}", json.dumps(one).encode()


def soak(
    server: Server, lead: dict[str, Any], requests: int, tell: Callable[[Sample], None]
) -> Soak:
    """Ask a server many times and look at its memory on the way.

    Parameters
    ----------
    server : Server
        Its resident memory counts, of all of its processes.
    lead : dict
        A lead that the server takes.
    requests : int
    tell : callable
        Told each sample as it is taken.
    """
    source, lock = asks(lead), threading.Lock()
    statuses: Counter[int] = Counter()
    began, samples = time.monotonic(), list[Sample]()
    failures: list[BaseException] = []

    def ask(many: int) -> None:
        connection = _connection(server)
        try:
            for number in range(many):
                with lock:
                    method, path, body = next(source)
                connection.request(method, path, body or None, JSON)
                answer = connection.getresponse()
                answer.read()
                with lock:
                    statuses[answer.status] += 1
                if number % 500 == 499:
                    connection.request("GET", "/openapi.json")
                    connection.close()  # nobody waits for that answer; the next asks on another one
        except BaseException as error:  # the thread that waits raises it
            failures.append(error)
        finally:
            connection.close()

    for number in range(1, SAMPLES + 1):
        threads = [
            threading.Thread(target=ask, args=(requests // SAMPLES // CLIENTS,))
            for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        asked = number * (requests // SAMPLES // CLIENTS) * CLIENTS
        samples.append(Sample(asked, time.monotonic() - began, memory_mib(server.pid)[0]))
        tell(samples[-1])
    return Soak(tuple(samples), statuses)


def example_lead(server: Server) -> dict[str, Any]:
    """The lead that the server's own document shows, with ten interactions."""
    connection = _connection(server)
    connection.request("GET", "/openapi.json")
    document = json.loads(connection.getresponse().read())
    connection.close()
    route = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    lead: dict[str, Any] = route["example"]
    return lead | {"interactions": lead["interactions"] * 10}


def _connection(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)


def quiet(bundle: Path, workers: int) -> Contestant:
    """Our server in this environment, without a line in its log for every request."""
    server = ours(Path(sys.executable), bundle)[0]
    return replace(
        server,
        command=(*server.command, "--workers", str(workers)),
        environment={"LEAD_TEMPERATURE_LOG_LEVEL": "warning"},
    )


@app.command()
def main(
    bundle: Annotated[
        Path | None, typer.Option(help="To ask about. [default: one of a made-up CRM]")
    ] = None,
    requests: Annotated[int, typer.Option(min=SAMPLES * CLIENTS)] = REQUESTS,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Ask a server many times and print its memory on the way."""
    if bundle is None:
        from benchmarks.serving_data import prepare

        prepare(BENCH / "serving-small", small=True)
        bundle = BENCH / "serving-small" / "bundle"
    BENCH.mkdir(parents=True, exist_ok=True)
    with running(quiet(bundle.resolve(), workers), BENCH / "soak.log") as server:
        print(f"{'requests':>9}  {'seconds':>7}  {'MiB':>7}")

        def tell(one: Sample) -> None:
            print(f"{one.requests:>9,}  {one.seconds:>7.0f}  {one.mib:>7.1f}", flush=True)

        found = soak(server, example_lead(server), requests, tell)
    print(", ".join(f"{count:,} × {status}" for status, count in sorted(found.statuses.items())))
    flat = found.growth_mib <= MOST_MIB and not any(status >= 500 for status in found.statuses)
    print(
        f"From the second quarter to the last: {found.growth_mib:+.1f} MiB; "
        f"goal at most {MOST_MIB:g} MiB and no 5xx: {'ok' if flat else 'missed'}"
    )


if __name__ == "__main__":
    app()
