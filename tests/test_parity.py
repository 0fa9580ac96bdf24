"""Training and serving cannot drift apart: HTTP, bulk and Spark have the same bits."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import bpi2012
from features.export.sources import read_export
from features.scale.batch import point_in_time_features
from features.scale.requests import requests_of
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from models.bundle import Bundle, load_bundle, save_bundle
from models.card import CardDocument
from models.golden import GOLDEN, golden_json
from serving.bulk.scores import score_on_spark, score_spine
from serving.http.app import create_app
from tests.support.http import TestClient
from tests.support.required import require_loan_log, require_spark
from training.config import read_config
from training.dataset.frame import training_frame
from training.fitting.bundle import fit_bundle

DAY = 86_400_000_000
OVER_HTTP = 200
ANSWERED = (
    *("lead_id", "hot_probability", "hot_low", "hot_high"),
    *("warm_probability", "warm_low", "warm_high", "not_enough_evidence", "band", "may_be_left"),
    "model_version",
)


@dataclass(frozen=True)
class Crm:
    """An export, a bundle that was trained on it, and looks at its leads."""

    tables: Tables
    folder: Path
    bundle: Bundle
    spine: Spine


def loans_bundle(folder: Path) -> Path:
    """A bundle trained on the loan log; quickly, as nothing is asked of its quality."""
    bpi2012.convert(require_loan_log(), folder)
    config = read_config(folder / "lead_temperature.toml")
    config = config.model_copy(
        update={
            "snapshots": config.snapshots.model_copy(update={"every_days": 10.0}),
            "model": config.model.model_copy(update={"trees": 60}),
        }
    )
    tables = read_export(config.export)
    frame = training_frame(tables, config.dataset, lambda *told: None)
    bundle = fit_bundle(frame, (), config.fitting, lambda *told: None).bundle
    bundle = replace(bundle, card=CardDocument.of({"data_end": iso(tables.data_end)}))
    save_bundle(bundle, folder / "bundle", {GOLDEN: golden_json(bundle)})
    return folder / "bundle"


@pytest.fixture(
    scope="module",
    params=["made up", pytest.param("loans", marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def crm(request, trained, tmp_path_factory: pytest.TempPathFactory) -> Crm:
    """Every lead of a CRM at an instant of its own, not on the grid of training."""
    if request.param == "made up":
        folder, bundle = trained.folder, trained.bundle
    else:
        folder = tmp_path_factory.mktemp("loans")
        bundle = loans_bundle(folder)
    tables = read_export(read_config(folder / "lead_temperature.toml").export)
    created_at = microseconds(tables.leads["created_at"])
    age = np.random.default_rng(2).integers(0, 90 * DAY, len(created_at))
    as_of = np.minimum(created_at + age, tables.data_end)
    return Crm(tables, bundle, load_bundle(bundle), Spine(np.arange(len(as_of)), as_of))


def some(spine: Spine, looks: int) -> Spine:
    """Looks drawn at random."""
    chosen = np.random.default_rng(3).choice(len(spine), looks, replace=False)
    return Spine(spine.lead[chosen], spine.as_of[chosen])


def test_http_scores_are_the_bulk_scores_bit_for_bit(crm: Crm) -> None:
    spine = some(crm.spine, OVER_HTTP)
    bulk = score_spine(crm.bundle, crm.tables, spine)
    leads = requests_of(crm.tables, spine, crm.bundle.spec.attribute_kinds)
    assert sum(len(lead["interactions"]) for lead in leads) > 500
    with TestClient(create_app(crm.folder)) as client:
        single = [client.post("/v1/score", json=lead).json() for lead in leads]
        batch = client.post("/v1/score/batch", json={"leads": leads}).json()["results"]
    for answers in (single, batch):
        for name in ANSWERED:
            assert [answer[name] for answer in answers] == bulk[name].to_pylist(), name


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scores_on_spark_are_the_bulk_scores_bit_for_bit(crm: Crm, tmp_path: Path) -> None:
    require_spark()
    bulk = score_spine(crm.bundle, crm.tables, crm.spine)
    output = tmp_path / "scores.parquet"
    assert score_on_spark(crm.folder, crm.tables, crm.spine, output) == len(crm.spine)
    order = [("lead_id", "ascending")]
    assert pq.read_table(output).sort_by(order).equals(bulk.sort_by(order))


def test_what_the_crm_learns_later_changes_no_earlier_score(crm: Crm) -> None:
    spine = some(crm.spine, 40)
    later = Spine(spine.lead, np.full(len(spine), crm.tables.data_end))
    kinds = crm.bundle.spec.attribute_kinds
    then, whole = (requests_of(crm.tables, looks, kinds) for looks in (spine, later))
    with TestClient(create_app(crm.folder)) as client:
        for known, everything in zip(then, whole, strict=True):
            body = {**known, "interactions": everything["interactions"]}
            answer = client.post("/v1/score", json=body).json()
            expected = client.post("/v1/score", json=known).json()
            assert answer["hot_probability"] == expected["hot_probability"]


def test_the_features_of_training_are_those_of_scoring(crm: Crm) -> None:
    """A row of the training grid, computed with all leads, equals the lead's row alone."""
    spec, leads = crm.bundle.spec, crm.tables.leads
    everyone = Spine(np.arange(len(leads)), microseconds(leads["created_at"]) + 21 * DAY)
    together = point_in_time_features(crm.tables, everyone, spec)
    for lead in range(0, len(leads), 400):
        alone = Spine(np.array([lead]), everyone.as_of[lead : lead + 1])
        assert point_in_time_features(crm.tables, alone, spec).tobytes() == together[lead].tobytes()
