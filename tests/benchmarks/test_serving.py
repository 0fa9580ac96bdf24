"""The benchmark of the server on tiny data: what it reads, asks and concludes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from benchmarks.serving import app as bench
from benchmarks.serving_contestants import Contestant, limit, running
from benchmarks.serving_data import ATTRIBUTES, INTERACTIONS, prepare, write_bodies_of
from benchmarks.serving_figures import Runs, load_figures
from benchmarks.serving_load import (
    Run,
    family,
    memory_mib,
    middle,
    processor_seconds,
    read_run,
)
from benchmarks.serving_soak import app as soak
from models.bundle import save_bundle
from tests.support.bundles import small_bundle
from tests.support.required import require_command

ROOT = Path(__file__).parents[2]
TOLD = """\
Running 1s test @ http://127.0.0.1:8000/v1/score
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.18ms    2.51ms  12.02ms   76.50%
    Req/Sec     1.38k   158.33     1.55k    80.99%
  Latency Distribution
     50%  500.00us
     75%    2.10ms
     90%   10.00ms
     99%    1.20s
  2000 requests in 1.00s, 3.00MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:   1999.50
Transfer/sec:      3.00MB
"""
RUN = Run(per_second=100.0, processor_us=500.0, p50_ms=1.0, p99_ms=2.0, failed=0)


def runs(**fast: float) -> Runs:
    """Loads at 8 connections, the bare endpoint having 1,000 requests a second."""
    names = {
        "bare endpoint": 1_000.0,
        "ours without reasons": 700.0,
        "ours with reasons": 300.0,
        "ours with reasons and a ledger": 290.0,
    }
    found = {(name, 8): replace(RUN, per_second=rate) for name, rate in (names | fast).items()}
    found["ours with reasons", 1] = replace(RUN, per_second=200.0)
    return found | {("ours, batches of 1,000", 1): replace(RUN, per_second=1.4)}


def verdicts(found: Runs) -> dict[str, str]:
    return {figure.what: figure.verdict for figure in load_figures(found)}


def test_what_wrk_prints_is_read() -> None:
    found = read_run(TOLD.replace("1.20s", "1.20s "), processor=0.5)  # as wrk pads some times
    assert found == Run(1999.5, 250.0, 0.5, 1200.0, failed=7)


def test_a_server_that_answers_nothing_has_failed() -> None:
    silent = "\n".join(TOLD.splitlines()[:-4]).replace("2000 requests", "0 requests")
    found = read_run(f"{silent}\nRequests/sec:   0.00", processor=0.5)
    assert (found.per_second, found.failed) == (0.0, 1)


def test_what_is_not_of_wrk_is_refused() -> None:
    with pytest.raises(ValueError, match="wrk did not print"):
        read_run("no such command", processor=0.5)


def test_the_middle_of_rounds_forgets_no_failure() -> None:
    rounds = [replace(RUN, per_second=rate, failed=1) for rate in (10.0, 90.0, 30.0)]
    assert middle(rounds) == replace(RUN, per_second=30.0, failed=3)


def test_goals_are_told_met_and_missed() -> None:
    found = verdicts(runs(**{"MLflow, pandas": 25.0, "MLflow, our functions": 30.0}))
    assert found["ours without reasons × bare endpoint"] == "ok"
    assert found["ours with reasons × MLflow, pandas"] == "missed"
    what = "leads/s in batches of 1,000 × those of single requests {}, with reasons"
    assert found[what.format("one by one")] == "ok"
    assert found[what.format("on 8 connections")] == "missed"
    assert (
        verdicts(runs(**{"ours without reasons": 599.0}))["ours without reasons × bare endpoint"]
        == "missed"
    )


def test_a_load_with_failed_requests_meets_no_goal() -> None:
    found = dict(runs())
    found["ours with reasons", 8] = replace(RUN, per_second=9_000.0, failed=1)
    assert verdicts(found)["ours with reasons × bare endpoint"] == "skipped"


@pytest.mark.parametrize("silent", ["bare endpoint", "ours with reasons"])
def test_a_server_that_answered_nothing_is_told_and_does_not_end_the_benchmark(silent: str) -> None:
    found = dict(runs())
    found[silent, 8] = replace(RUN, per_second=0.0, p99_ms=0.0, failed=1)
    told = verdicts(found)
    assert told["ours with reasons × bare endpoint"] == "skipped"
    assert len(told) == len(verdicts(runs()))


@pytest.mark.process
def test_the_time_of_children_is_counted() -> None:
    spin = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", spin], start_new_session=True) as process:
        try:
            before, end = processor_seconds(process.pid), time.monotonic() + 30
            while processor_seconds(process.pid) < before + 0.3 and time.monotonic() < end:
                time.sleep(0.05)
            assert processor_seconds(process.pid) >= before + 0.3
            assert len(family(process.pid)) == 2
            resident, own = memory_mib(process.pid)
            assert 0 < own <= resident
        finally:
            os.killpg(process.pid, 9)


@pytest.mark.process
def test_a_server_that_ends_at_once_is_told_with_its_log(tmp_path: Path) -> None:
    broken = Contestant("broken", (sys.executable, "-c", "print('no')", "PORT"), "/")
    with (
        pytest.raises(RuntimeError, match=r"broken was not ready; its output: .*log"),
        running(broken, tmp_path / "log"),
    ):
        pass
    assert (tmp_path / "log").read_text() == "no\n"


@pytest.mark.process
def test_the_bare_endpoint_takes_the_bodies(tmp_path: Path) -> None:
    import httpx2

    lead = {"lead_id": "1", "created_at": "2026-01-01T00:00:00Z", "attributes": {"size": 2.5}}
    with running(limit(Path(sys.executable)), tmp_path / "log") as server:
        answer = httpx2.post(f"{server.address}/v1/score", json=lead)
    assert (answer.status_code, answer.json()["lead_id"]) == (200, "1")


@pytest.mark.slow
def test_every_body_has_twenty_attributes_and_interactions(tmp_path: Path) -> None:
    prepare(tmp_path / "data", small=True)
    for form, script in write_bodies_of(tmp_path / "data").items():
        for line in script.with_suffix(".jsonl").read_text().splitlines():
            body = json.loads(line)
            lead = {
                "single": lambda found: found,
                "batch": lambda found: found["leads"][0],
                "bentoml": lambda found: found["lead"],
                "mlflow": lambda found: found["dataframe_records"][0],
            }[form](body)
            assert len(lead["attributes"]) == ATTRIBUTES
            assert len(lead["interactions"]) == INTERACTIONS


COMMANDS = (
    ("serving", "--small", "--no-peers", "--seconds", "1", "--rounds", "1", "--data", "FOLDER"),
    ("serving_soak", "--requests", "400", "--workers", "2", "--bundle", "BUNDLE"),
)


@pytest.mark.parametrize(("module", "app"), [("serving", bench), ("serving_soak", soak)])
def test_every_documented_option_is_run_below(module: str, app: Any) -> None:
    options = {name for parameter in get_command(app).params for name in parameter.opts}
    negated = {name for parameter in get_command(app).params for name in parameter.secondary_opts}
    run = {word for command in COMMANDS if command[0] == module for word in command}
    assert options - {"--help", "--peers"} <= run
    assert negated <= run


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_benchmark_runs_with_its_options(
    command: tuple[str, ...], tmp_path: Path, bundle_of_benchmark: Path
) -> None:
    require_command("wrk", "wrk")
    words = [
        word.replace("FOLDER", str(tmp_path)).replace("BUNDLE", str(bundle_of_benchmark))
        for word in command
    ]
    told = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout.strip()
    assert " failed" not in told.stdout


@pytest.fixture(scope="module")
def bundle_of_benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "bundle"
    save_bundle(small_bundle(), folder)
    return folder
