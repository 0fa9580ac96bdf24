"""One run: an export of a world, the ordinary training, the peer, and both beside the truth.

The training is what `lead-temperature train` does, audit and card included, on the export as it
stood at the cut. Where it refuses, the run keeps the reason and the peer's figures. A run is a
plain value that becomes one line of JSON, and is computed in a process of its own (`run_all`).
"""

import hashlib
import multiprocessing
import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.quality_peer_fit import timed
from benchmarks.worlds_export import CutExport, cut_export
from benchmarks.worlds_figures import (
    BandFigures,
    GroupFigures,
    PredictionFigures,
    band_figures,
    excess_log_loss,
    group_figures,
    prediction_figures,
)
from benchmarks.worlds_peer import peer_answers
from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from features.scale.batch import point_in_time_features
from features.spine import iso, microseconds
from features.worlds.crm import WORLDS_OWN, Knobs
from models.bundle import Bundle
from models.policy import Capacity, promised_rate
from training.card.values import read_card
from training.evaluation.reliability import groups
from training.pipeline import trained_bundle
from training.statistics.figures import JudgedRows

ROOT = Path(__file__).resolve().parents[1]
CODE = ("features", "models", "training", "benchmarks/worlds_*.py")
"""What the figures of a run depend on."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run.

    Parameters
    ----------
    world : str
        Name of the world.
    size : int
        Conversions at the cut that were asked for.
    leads : int
        Leads of the whole export.
    seed : int
        Seed of the export.
    knobs : Knobs
        What is asked of the world beside its size.
    """

    world: str
    size: int
    leads: int
    seed: int
    knobs: Knobs = WORLDS_OWN


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What a trained model reaches within one horizon.

    Parameters
    ----------
    predictions : PredictionFigures
        How good its probabilities are.
    groups : GroupFigures
        Whether its intervals hold.
    band : BandFigures
        What the band of this horizon's name promises and holds.
    """

    predictions: PredictionFigures
    groups: GroupFigures
    band: BandFigures


@dataclass(frozen=True, slots=True)
class HorizonFigures:
    """One horizon of a run.

    Parameters
    ----------
    base_rate : float
        Share that converted of the looks whose outcome was known at the cut.
    base_excess : float
        Log loss of the base rate beyond the truth's, in nats: what there is to win.
    true : float
        Mean truth of the later looks.
    peer : PredictionFigures
        The peer's figures.
    model : ModelFigures or None
        Those of the training; None where it refused.
    """

    base_rate: float
    base_excess: float
    true: float
    peer: PredictionFigures
    model: ModelFigures | None


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has shown.

    Parameters
    ----------
    task : Task
        What was run.
    code : str
        Fingerprint of the code that the figures depend on.
    cut : str
        The instant of the cut, ISO 8601.
    conversions : int
        Leads that had converted at the cut.
    looks, judged_leads : int
        Looks from the cut on, and leads among them.
    refused : str
        Why the training refused; empty where it did not.
    kind : str
        Class of the hot predictor; empty where the training refused.
    quarantined : tuple of str
        Names that the audit left out of the training; none of them is a leak.
    processor_seconds : float
        What the training took, processes that it started included.
    peak_mebibytes : float
        Largest memory of the whole run.
    hot, warm : HorizonFigures
        Figures by horizon.
    """

    task: Task
    code: str
    cut: str
    conversions: int
    looks: int
    judged_leads: int
    refused: str
    kind: str
    quarantined: tuple[str, ...]
    processor_seconds: float
    peak_mebibytes: float
    hot: HorizonFigures
    warm: HorizonFigures

    def horizon(self, name: str) -> HorizonFigures:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]


def run_task(task: Task) -> Run:
    """Draw the export, train, and put model and peer beside the truth.

    Parameters
    ----------
    task : Task
        What is to be run.
    """
    export = cut_export(task.world, task.leads, task.seed, task.knobs)
    (bundle, refused), cost = timed(lambda: train(export))
    left_out = () if bundle is None else quarantined_names(bundle)
    return run_of(task, export, bundle, refused, cost.processor_seconds, left_out)


def run_of(
    task: Task,
    export: CutExport,
    bundle: Bundle | None,
    refused: str,
    processor_seconds: float,
    left_out: tuple[str, ...] = (),
) -> Run:
    """Model and peer beside the truth.

    Parameters
    ----------
    task : Task
        What was run.
    export : CutExport
        Its export.
    bundle : Bundle or None
        What was trained on it; None where that was refused.
    refused : str
        Why; empty where it was not.
    processor_seconds : float
        What the training took.
    left_out : tuple of str, optional
        Names that the audit left out.
    """
    answers = peer_answers(export)
    base_rates = {name: base_rate for name, (_, base_rate) in answers.items()}
    models = {} if bundle is None else model_figures(bundle, export, base_rates)
    horizons = {
        name: HorizonFigures(
            base_rate=base_rate,
            base_excess=excess_log_loss(np.full(len(export.looks), base_rate), export.truth[name]),
            true=float(export.truth[name].mean()),
            peer=prediction_figures(probability, export.truth[name], base_rate),
            model=models.get(name),
        )
        for name, (probability, base_rate) in answers.items()
    }
    return Run(
        task=task,
        code=code_fingerprint(),
        cut=iso(export.past.data_end),
        conversions=export.conversions,
        looks=len(export.looks),
        judged_leads=len(np.unique(export.looks.lead)),
        refused=refused,
        kind="" if bundle is None else type(bundle.hot.predictor).__name__,
        quarantined=left_out,
        processor_seconds=round(processor_seconds, 2),
        peak_mebibytes=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        hot=horizons["hot"],
        warm=horizons["warm"],
    )


def train(export: CutExport) -> tuple[Bundle | None, str]:
    """Bundle trained on what was known at the cut, or None and why the training refused.

    Parameters
    ----------
    export : CutExport
        Its past is learned from, by one thread.
    """
    one_thread = export.config.model.model_copy(update={"threads": 1})
    config = export.config.model_copy(update={"model": one_thread})
    try:
        return trained_bundle(export.past, config), ""
    except ValueError as error:
        return None, str(error)


def model_figures(
    bundle: Bundle, export: CutExport, base_rates: Mapping[str, float]
) -> dict[str, ModelFigures]:
    """Figures of a model on the later looks, by horizon.

    Parameters
    ----------
    bundle : Bundle
        The trained model.
    export : CutExport
        Its looks and their truth.
    base_rates : mapping of "hot", "warm" to float
        Share that converted of the looks whose outcome was known at the cut.
    """
    matrix = point_in_time_features(export.full, export.looks, bundle.spec)
    scores = bundle.scores(matrix)
    created_at = microseconds(export.full.leads["created_at"])[export.looks.lead]
    age_days = (export.looks.as_of - created_at) / MICROSECONDS_PER_DAY
    figures = {}
    for name, truth in export.truth.items():
        # The truth stands where the outcomes would: the rate that a group "observed" is its mean.
        rows = JudgedRows(cast("Bool", truth), export.looks.lead, age_days)
        figures[name] = ModelFigures(
            predictions=prediction_figures(scores.probability(name), truth, base_rates[name]),
            groups=group_figures(groups(bundle.spec, matrix, rows, scores, name)),
            band=band_figures(
                band=scores.band == name,
                hotter=(scores.band == "hot") & (name == "warm"),
                probability=scores.probability(name),
                truth=truth,
                lead=export.looks.lead,
                promised=rate_promised(bundle, name),
            ),
        )
    return figures


def rate_promised(bundle: Bundle, band: str) -> float | None:
    """Rate that a band promises; None where nobody can be in it, or it promises no rate.

    Parameters
    ----------
    bundle : Bundle
        A trained model.
    band : {"hot", "warm"}
        The band.
    """
    policy = bundle.bands.promises[band].policy
    if bundle.bands.cutoffs[band] is None or isinstance(policy, Capacity):
        return None
    return promised_rate(policy)


def quarantined_names(bundle: Bundle) -> tuple[str, ...]:
    """Names that the audit left out of a training."""
    return tuple(one.name for one in read_card(bundle.card).audit if one.quarantined)


@cache
def code_fingerprint() -> str:
    """Hash of the files that a run's figures depend on, 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in CODE:
        for file in sorted(ROOT.glob(part if "*" in part else f"{part}/**/*.py")):
            digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def run_all(tasks: Sequence[Task], jobs: int) -> Iterator[Run]:
    """Runs as they end, each in a process of its own.

    Parameters
    ----------
    tasks : sequence of Task
        What is to be run.
    jobs : int
        Processes side by side.
    """
    with one_process_each(jobs) as pool:
        for future in as_completed([pool.submit(run_task, task) for task in tasks]):
            yield future.result()


def one_process_each(jobs: int) -> ProcessPoolExecutor:
    """Executor that computes each call in a process of its own, by one thread.

    Parameters
    ----------
    jobs : int
        Processes side by side.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # read where a process loads OpenMP
    # A server that has imported everything, and has no threads, forks a process for each run.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1)
