"""One lead, three ways: over HTTP, in bulk and on Spark the loan log's leads have the same bits."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from benchmarks import bpi2012
from features.batch import Spine, microseconds
from features.sources import read_export
from features.spark import require_java
from features.tables import Tables
from models.bundle import load_bundle, save_bundle
from models.golden import GOLDEN, golden_json
from serving.app import create_app
from training.config import read_config
from training.frame import iso, training_frame
from training.learn import fitted_bundle
from training.request import requests_of
from training.scoring import score_on_spark, scored

LOG = Path(__file__).parents[2] / "shared/data/bpi2012/bpi_challenge_2012_until_2012-01-15.xes.gz"
DAY = 86_400_000_000
OVER_HTTP = 300
NUMBERS = (
    *("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high"),
    *("not_enough_evidence", "band", "model_version"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOG.exists(), reason="the loan log is not here"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loan log as an export."""
    folder = tmp_path_factory.mktemp("loans")
    bpi2012.convert(LOG, folder)
    config = folder / "lead_temperature.toml"
    text = config.read_text().replace("every_days = 1.0", "every_days = 10.0")
    config.write_text(f"{text}\n[model]\ntrees = 60\n")
    return folder


@pytest.fixture(scope="module")
def tables(loans: Path) -> Tables:
    return read_export(read_config(loans / "lead_temperature.toml").export)


@pytest.fixture(scope="module")
def folder(loans: Path, tables: Tables) -> Path:
    """A bundle that was trained on it."""
    config = read_config(loans / "lead_temperature.toml")
    frame = training_frame(tables, config, lambda *told: None)
    bundle = fitted_bundle(frame, (), config, lambda *told: None).bundle
    bundle = replace(bundle, card={**bundle.card, "data_end": iso(tables.data_end)})
    save_bundle(bundle, loans / "bundle", {GOLDEN: golden_json(bundle)})
    return loans / "bundle"


@pytest.fixture(scope="module")
def spine(tables: Tables) -> Spine:
    """Every lead, at an instant of its own."""
    created_at = microseconds(tables.leads["created_at"])
    age = np.random.default_rng(3).integers(0, 60 * DAY, len(created_at))
    return Spine(np.arange(len(created_at)), np.minimum(created_at + age, tables.data_end))


def test_a_score_over_http_has_the_bits_of_the_bulk_score(folder: Path, tables, spine) -> None:
    bundle = load_bundle(folder)
    bulk = scored(bundle, tables, spine).slice(0, OVER_HTTP)
    some = Spine(spine.lead[:OVER_HTTP], spine.as_of[:OVER_HTTP])
    leads = requests_of(tables, some, bundle.spec.attribute_kinds)
    assert sum(len(lead["interactions"]) for lead in leads) > 1_000
    with TestClient(create_app(folder)) as client:
        single = [client.post("/v1/score", json=lead).json() for lead in leads]
        batch = client.post("/v1/score/batch", json={"leads": leads}).json()["results"]
    for answers in (single, batch):
        for name in ("lead_id", *NUMBERS):
            assert [answer[name] for answer in answers] == bulk[name].to_pylist(), name


def test_a_score_on_spark_has_the_bits_of_the_bulk_score(folder: Path, tables, spine) -> None:
    try:
        require_java()
    except OSError as error:
        pytest.skip(str(error))
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed: the extra `spark` brings it.")
    bulk = scored(load_bundle(folder), tables, spine)
    output = folder.with_name("scores.parquet")
    assert score_on_spark(folder, tables, spine, output) == len(spine)
    order = [("lead_id", "ascending")]
    assert pq.read_table(output).sort_by(order).equals(bulk.sort_by(order))
