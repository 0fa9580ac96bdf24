"""Beside the load: start, memory, bulk scores, and a single lead while batches are at work."""

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import lightgbm as lgb
import numpy as np

from benchmarks.quality_table import AtLeast, AtMost, Figure
from benchmarks.serving_contestants import ROOT, Contestant, operators, running
from benchmarks.serving_data import write_bodies_of
from benchmarks.serving_figures import FAILED
from benchmarks.serving_load import loaded, memory_mib, middle
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.spine import Spine, microseconds
from models.bands import HORIZONS
from models.bundle import load_bundle
from models.predictors.predictor import Blend, Predictor
from serving.bulk.scores import score_spine, write_scores
from training.config import read_config

LOOKS = 24
"""Instants at which every lead is scored in bulk, a fortnight apart."""
WARM_UP_SECONDS = 2
BATCHES_AT_WORK = 4
BATCHES_LONGER_SECONDS = 10
"""How much longer batches come than the single leads beside them: some are answered on a busy
machine too."""


def start_figures(
    python: Path, server: Contestant, bare: Contestant, folder: Path, rounds: int
) -> list[Figure]:
    """Start and memory of our server, beside the bare imports and the bare endpoint."""
    importing, starting = [], []
    for number in range(rounds + 1):
        imported, ready = _importing(python), _starting(server, folder)
        if number:  # the first one also fills the caches of the machine
            importing.append(imported)
            starting.append(ready)
    about = "start and memory"
    note = f"{median(starting):.2f} s; importing FastAPI and LightGBM {median(importing):.2f} s"
    ratio = median(starting) / median(importing)
    figures = [Figure(about, "start to ready × bare imports", ratio, None, None, AtMost(1.5), note)]
    for one in (bare, server):
        resident, own = _memory(one, folder)
        what = f"{one.name.partition(' with')[0]}: memory of a worker, MiB"
        note = f"{own:.0f} MiB where shared pages are split among their processes (PSS)"
        figures.append(Figure(about, what, resident, note=note, places=0))
    return figures


def _importing(python: Path) -> float:
    """Seconds to import the two libraries."""
    begin = time.perf_counter()
    command = [str(python), "-c", "import fastapi, lightgbm"]
    subprocess.run(command, check=True, cwd=ROOT, env=operators())
    return time.perf_counter() - begin


def _starting(server: Contestant, folder: Path) -> float:
    """Seconds until a server is ready; ending it takes its own time, and is no part of it."""
    begin = time.perf_counter()
    with running(server, folder / "start.log"):
        return time.perf_counter() - begin


def _memory(server: Contestant, folder: Path) -> tuple[float, float]:
    """Memory under load."""
    with running(server, folder / "memory.log") as ready:
        script = write_bodies_of(folder)["single"]
        loaded(ready.pid, ready.address + server.path, script, 8, WARM_UP_SECONDS)
        return memory_mib(ready.pid)


def beside_batches_figure(server: Contestant, folder: Path, seconds: float, rounds: int) -> Figure:
    """How long single leads take while batches of 1,000 are at work, beside the same alone."""
    what = f"p99 of single leads beside {BATCHES_AT_WORK} batches of 1,000 × that alone"
    scripts = write_bodies_of(folder)
    alone_runs, beside_runs, batch_runs = [], [], []
    with running(server, folder / "beside.log") as ready, ThreadPoolExecutor(1) as pool:
        single = (ready.pid, ready.address + server.path, scripts["single"], 1, seconds)
        batches = (ready.pid, f"{ready.address}/v1/score/batch", scripts["batch"])
        for _ in range(rounds):
            alone_runs.append(loaded(*single))
            batch_seconds = seconds + BATCHES_LONGER_SECONDS
            at_work = pool.submit(loaded, *batches, BATCHES_AT_WORK, batch_seconds)
            beside_runs.append(loaded(*single))
            batch_runs.append(at_work.result())
    alone, beside, batch = middle(alone_runs), middle(beside_runs), middle(batch_runs)
    if alone.failed or beside.failed or batch.failed:
        return Figure("beside batches", what, None, goal=AtMost(3.0), note=FAILED)
    note = f"{beside.p99_ms:.1f} ms, alone {alone.p99_ms:.1f} ms"
    ratio = beside.p99_ms / alone.p99_ms
    return Figure("beside batches", what, ratio, None, None, AtMost(3.0), note, places=2)


def bulk_figures(folder: Path, rounds: int) -> list[Figure]:
    """Bulk scores, from files to a file, beside LightGBM's own `predict` on ready features."""
    bundle = load_bundle(folder / "bundle")
    config = read_config(folder / "export" / "lead_temperature.toml")
    tables = read_export(config.export)
    created_at = microseconds(tables.leads["created_at"])
    every = np.arange(1, LOOKS + 1) * 14 * MICROSECONDS_PER_DAY
    lead = np.repeat(np.arange(len(created_at)), LOOKS)
    spine = Spine(lead, (created_at[:, None] + every).ravel())
    boosters = {name: booster_of(bundle.horizon(name).predictor) for name in HORIZONS}
    matrix = np.random.default_rng(1).normal(10.0, 30.0, (len(spine), len(bundle.spec.features)))

    def bulk() -> None:
        table = score_spine(bundle, read_export(config.export), spine, threads=1)
        write_scores(table, folder / "scores.parquet")

    def predicting() -> None:
        for name in HORIZONS:
            boosters[name].predict(matrix, num_threads=1)

    costs = [(_processor(bulk), _processor(predicting)) for _ in range(rounds)]
    ours, theirs = (median(part) for part in zip(*costs, strict=True))
    rates = (f"{len(spine) / seconds:,.0f}" for seconds in (ours, theirs))
    note = "{} rows a second of one processor, LightGBM alone {}".format(*rates)
    what = "bulk scores × LightGBM's predict on ready features"
    return [Figure("bulk", what, theirs / ours, None, None, AtLeast(0.7), note)]


def booster_of(predictor: Predictor) -> lgb.Booster:
    """LightGBM's part of a predictor.

    Raises
    ------
    ValueError
        It has none.
    """
    match predictor:
        case Blend(_, booster):
            return booster
        case lgb.Booster():
            return predictor
        case _:
            raise ValueError("The bundle has no booster to compare with: it is a points card.")


def _processor(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
