"""A peer as a server: a script for the peers' own environment.

`python -m benchmarks.serving_peer PEER FOLDER PORT` serves the bundle of a folder until it is told
to stop. What is done for a lead is the same as in the server that is measured: the features, two
horizons with their calibrated probabilities and intervals, the band, three reasons. A peer is
either around this project's own functions, so that what is compared is the serving alone, or it is
what is usually written: a data frame a request, and features by masks in pandas.
"""

import importlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from features.engine.executor import features_of
from features.engine.history import LeadRecord, histories_of_records
from features.language.kinds import Count, DaysSinceFirst, DaysSinceLatest, LeadAge, Selection
from features.language.spec import Spec
from models.bundle import load_bundle
from models.explain import explanations

Json = dict[str, Any]
Answering = Callable[[Json], Json]
FOLDER = "SERVING_PEER_FOLDER"
"""Environment variable that tells the process which the peer starts where the bundle lies."""
PANDAS = "SERVING_PEER_PANDAS"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def answering() -> Answering:
    """What is done for a lead: by this project's functions, or with features by pandas."""
    bundle = load_bundle(Path(os.environ[FOLDER]) / "bundle")
    by_pandas = bool(os.environ.get(PANDAS))

    def answer(lead: Json) -> Json:
        record, as_of = record_of(lead, bundle.spec), microseconds(lead["as_of"])
        history = histories_of_records([record], bundle.spec.attribute_kinds, bundle.spec.measures)
        matrix = features_of(bundle.plan, history, np.array([0]), np.array([as_of]))
        if by_pandas:
            replace_by_pandas(bundle.spec, matrix, lead)
        scores = bundle.scores(matrix)
        told = explanations(bundle, matrix, 3, probability=scores.hot_probability)[0]
        return {
            "lead_id": lead["lead_id"],
            "hot": [float(v[0]) for v in (scores.hot_probability, scores.hot_low, scores.hot_high)],
            "warm": [
                float(v[0]) for v in (scores.warm_probability, scores.warm_low, scores.warm_high)
            ],
            "band": str(scores.band[0]),
            "reasons": [[one.signal, one.points, one.text] for one in told.reasons],
        }

    return answer


def microseconds(text: str) -> int:
    """Time of a request."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def record_of(lead: Json, spec: Spec) -> LeadRecord:
    """The lead as this project's functions take it."""
    times = ("occurred_at", "recorded_at")
    events = [
        {**event.get("measures", {}), **event, **{t: microseconds(event[t]) for t in times}}
        for event in lead["interactions"]
    ]
    attributes = {
        name: microseconds(value) if spec.attribute_kinds[name] == "timestamp" else value
        for name, value in lead["attributes"].items()
    }
    return LeadRecord(microseconds(lead["created_at"]), events, attributes)


def replace_by_pandas(spec: Spec, matrix: np.ndarray, lead: Json) -> None:
    """Work out in pandas what is simple there: ages, counts, the first and the latest.

    The other features stay as they are, which is in the peer's favour.
    """
    import pandas as pd

    events = pd.DataFrame(lead["interactions"])
    for name in ("occurred_at", "recorded_at"):
        events[name] = pd.to_datetime(events[name], format="ISO8601", utc=True)
    as_of, created_at = pd.Timestamp(lead["as_of"]), pd.Timestamp(lead["created_at"])
    events = events[(events["occurred_at"] < as_of) & (events["recorded_at"] < as_of)]
    day = pd.Timedelta(days=1)

    def chosen(selection: Selection) -> Any:
        found = events
        for name, values in selection.conditions():
            found = found[found[name].isin(values)]
        return found["occurred_at"]

    for column, feature in enumerate(spec.features):
        match feature:
            case LeadAge():
                matrix[0, column] = (as_of - created_at) / day
            case Count(selection, days) if selection.by_owner is None:
                times = chosen(selection)
                inside = times if days is None else times[times >= as_of - days * day]
                matrix[0, column] = len(inside)
            case DaysSinceLatest(selection) if selection.by_owner is None:
                matrix[0, column] = (as_of - chosen(selection).max()) / day
            case DaysSinceFirst(selection) if selection.by_owner is None:
                matrix[0, column] = (as_of - chosen(selection).min()) / day


def serve_fastapi(port: int) -> None:
    """FastAPI, a function that is given the body as it came."""
    fastapi, uvicorn = importlib.import_module("fastapi"), importlib.import_module("uvicorn")
    app, answer = fastapi.FastAPI(), answering()

    @app.post("/score")  # type: ignore[untyped-decorator]  # it is imported here
    async def score(lead: dict[str, Any]) -> dict[str, Any]:
        return answer(lead)

    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def serve_litserve(port: int) -> None:
    """LitServe with one worker."""
    become("benchmarks.serving_peer_litserve", str(port))


def serve_bentoml(port: int) -> None:
    """BentoML with one worker."""
    service = "benchmarks.serving_peer_bentoml:Score"
    options = ["--host", "127.0.0.1", "--port", str(port)]
    become("bentoml", "serve", service, *options)


def serve_mlflow(port: int) -> None:
    """`mlflow models serve` with one worker, of a Python model whose code travels as text."""
    mlflow: Any = importlib.import_module("mlflow")
    code = Path(__file__).with_name("serving_peer_mlflow.py")
    model = Path(os.environ[FOLDER]) / f"mlflow{os.environ.get(PANDAS, '')}"
    if not model.is_dir():
        mlflow.pyfunc.save_model(model, python_model=str(code), pip_requirements=[])
    options = ["--env-manager", "local", "--workers", "1", "--port", str(port)]
    become("mlflow", "models", "serve", "-m", str(model), *options)


def become(module: str, *arguments: str) -> None:
    """Go on as the command line of a module."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own words


PEERS: dict[str, Callable[[int], None]] = {
    "fastapi": serve_fastapi,
    "litserve": serve_litserve,
    "bentoml": serve_bentoml,
    "mlflow": serve_mlflow,
}

if __name__ == "__main__":
    os.environ[FOLDER] = sys.argv[2]
    PEERS[sys.argv[1]](int(sys.argv[3]))
