"""Fit a peer on a training frame: a script for the peers' own environment.

`python -I quality_peer_fit.py PEER FOLDER SECONDS THREADS` reads `train.parquet` and `test.parquet`
of the folder and writes `answer.parquet` (a probability for each row of the test) and
`answer.json` (what the fit alone took, and in words what was found). It imports nothing of the
project, because the project is not installed where it runs.

Each peer is given all that this project's own training uses: the same rows and columns, which of
them are categories, that log loss is what counts, and which rows are of one lead, so that it
need not be fooled when it validates on rows of leads that it has learned from.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

T = TypeVar("T")
CONVERTED, LEAD = "converted", "lead"
PEER_FILES = "autogluon"
FOLDS = 8
"""As many as AutoGluon makes of itself."""


class Task(NamedTuple):
    """What a peer is asked."""

    train: pd.DataFrame
    test: pd.DataFrame
    converted: "pd.Series[int]"
    lead: "pd.Series[int]"
    seconds: float
    threads: int
    folder: Path


class Cost(NamedTuple):
    """Seconds by the clock, and of the processors, those of children too."""

    seconds: float
    processor_seconds: float


class Answer(NamedTuple):
    """What it answers: what its fit took, the probabilities of the test, what it found."""

    cost: "Cost"
    probability: Any
    about: str


def timed(fit: Callable[[], T]) -> tuple[T, Cost]:
    """What a fit returns, and its cost."""
    before, begin = os.times(), time.perf_counter()
    fitted = fit()
    after, end = os.times(), time.perf_counter()
    return fitted, Cost(end - begin, sum(after[:4]) - sum(before[:4]))


def autogluon(task: Task) -> Answer:
    """AutoGluon's best quality; all looks of a lead lie in the same fold."""
    tabular = importlib.import_module("autogluon.tabular")
    frame = task.train.assign(**{CONVERTED: task.converted, "fold": task.lead % FOLDS})
    predictor = tabular.TabularPredictor(
        label=CONVERTED,
        problem_type="binary",
        eval_metric="log_loss",
        groups="fold",
        path=str(task.folder / PEER_FILES),
    )
    limits = {"time_limit": task.seconds, "num_cpus": task.threads, "num_gpus": 0}
    _, cost = timed(lambda: predictor.fit(frame, presets="best_quality", **limits))
    about = f"{len(predictor.model_names())} models, best {predictor.model_best}"
    return Answer(
        cost,
        predictor.predict_proba(task.test)[1],
        f"autogluon.tabular {version('autogluon.tabular')}: {about}",
    )


def flaml(task: Task) -> Answer:
    """FLAML's search over its own list of learners; all looks of a lead lie on the same side."""
    automl = importlib.import_module("flaml").AutoML()
    settings = {"metric": "log_loss", "time_budget": task.seconds, "n_jobs": task.threads}
    grouped = {"split_type": "group", "groups": task.lead.to_numpy()}
    outcomes = task.converted.to_numpy()
    _, cost = timed(
        lambda: automl.fit(
            task.train, outcomes, task="classification", seed=1, verbose=1, **settings, **grouped
        )
    )
    about = f"flaml {version('flaml')}: best {automl.best_estimator}"
    return Answer(cost, automl.predict_proba(task.test)[:, 1], about)


def base_rate(task: Task) -> Answer:
    """The share that converted, for everybody: needs no library, and shows that the way works."""
    share = float(task.converted.mean())
    return Answer(Cost(0.0, 0.0), [share] * len(task.test), "the same for all")


PEERS: dict[str, Callable[[Task], Answer]] = {
    "autogluon": autogluon,
    "flaml": flaml,
    "base_rate": base_rate,
}


def main(peer: str, folder: Path, seconds: float, threads: int) -> None:
    """Read the frames, fit, write the answer."""
    train, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    converted, lead = train.pop(CONVERTED), train.pop(LEAD)
    for name in train.select_dtypes(exclude="number").columns:
        levels = pd.CategoricalDtype(sorted(train[name].dropna().unique()))
        train[name], test[name] = train[name].astype(levels), test[name].astype(levels)
    task = Task(train, test, converted, lead, seconds, threads, folder)
    answer = PEERS[peer](task)
    pd.DataFrame({"probability": list(answer.probability)}).to_parquet(folder / "answer.parquet")
    found = {**answer.cost._asdict(), "about": answer.about}
    (folder / "answer.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
