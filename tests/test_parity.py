"""Training and serving cannot drift apart: HTTP equals bulk, bit for bit."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.batch import Spine, microseconds, point_in_time_features
from features.sources import read_export
from models.bundle import load_bundle
from serving.app import create_app
from training.config import read_config
from training.request import requests_of
from training.scoring import scored

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def tables(trained):
    return read_export(read_config(trained.config).export)


@pytest.fixture(scope="module")
def spine(tables) -> Spine:
    """Leads drawn at random, each at an instant of its own, not on the grid of training."""
    random = np.random.default_rng(2)
    lead = random.choice(tables.leads.num_rows, 120, replace=False)
    created_at = microseconds(tables.leads["created_at"])[lead]
    return Spine(lead, created_at + random.integers(0, 90 * DAY, len(lead)))


def test_http_scores_are_the_bulk_scores_bit_for_bit(trained, tables, spine: Spine) -> None:
    bundle = load_bundle(trained.bundle)
    bulk = scored(bundle, tables, spine)
    leads = requests_of(tables, spine, bundle.spec.attribute_kinds)
    assert sum(len(lead["interactions"]) for lead in leads) > 500
    with TestClient(create_app(trained.bundle)) as client:
        single = [client.post("/v1/score", json=lead) for lead in leads]
        batch = client.post("/v1/score/batch", json={"leads": leads})
    assert {answer.status_code for answer in (*single, batch)} == {200}
    together = _items(batch.json())
    for answers in ([answer.json() for answer in single], together):
        for name in (
            *("lead_id", "hot_probability", "hot_low", "hot_high", "warm_probability"),
            *("warm_low", "warm_high", "not_enough_evidence", "band", "model_version"),
        ):
            assert [answer[name] for answer in answers] == bulk[name].to_pylist()


def test_what_the_crm_learns_later_changes_no_earlier_score(trained, tables, spine: Spine) -> None:
    bundle = load_bundle(trained.bundle)
    later = Spine(spine.lead, np.full(len(spine), tables.data_end))
    whole = requests_of(tables, later, bundle.spec.attribute_kinds)
    then = requests_of(tables, spine, bundle.spec.attribute_kinds)
    with TestClient(create_app(trained.bundle)) as client:
        for known, everything in zip(then[:40], whole[:40], strict=True):
            body = {**known, "interactions": everything["interactions"]}
            answer = client.post("/v1/score", json=body).json()
            expected = client.post("/v1/score", json=known).json()
            assert answer["hot_probability"] == expected["hot_probability"]


def test_the_features_of_training_are_those_of_scoring(trained, tables) -> None:
    """A row of the training grid, computed with all leads, equals the lead's row alone."""
    spec = load_bundle(trained.bundle).spec
    created_at = microseconds(tables.leads["created_at"])
    everyone = Spine(np.arange(tables.leads.num_rows), created_at + 21 * DAY)
    together = point_in_time_features(tables, everyone, spec)
    for lead in range(0, tables.leads.num_rows, 400):
        alone = Spine(np.array([lead]), everyone.as_of[lead : lead + 1])
        assert point_in_time_features(tables, alone, spec).tobytes() == together[lead].tobytes()


def _items(body):
    return next(value for value in body.values() if isinstance(value, list))
