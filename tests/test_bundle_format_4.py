"""A bundle of card format 4 loads and answers as it did: how months differ was not measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.bands import HORIZONS
from models.bundle import load_bundle, save_bundle
from models.card import MANAGERS
from serving.http.app import create_app
from tests.support.format_4 import FORMAT_4
from tests.support.http import TestClient
from training.card.values import read_card
from training.report.model_card import card_text
from training.report.render import bundle_report


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(FORMAT_4, with_judged_fit=True)


def test_it_loads_under_its_version(bundle) -> None:
    assert bundle.version == "2026-01-01-36b2fd030e"
    assert bundle.judged_fit is not None


def test_its_intervals_are_as_wide_as_they_were(bundle) -> None:
    for name in HORIZONS:
        evidence = bundle.horizon(name).evidence
        assert evidence.month_variance is None
        likely = np.array([[0.0] * len(evidence.low)])
        expected = 1 / (0.08 * (evidence.conversions + 1)) + 0.12**2
        unseen = 0.4**2 * np.minimum(evidence.count_unseen(likely), 4)
        np.testing.assert_allclose(evidence.variance(likely), expected + unseen, rtol=1e-12)


def test_it_answers_its_golden_leads_bit_for_bit(run) -> None:
    done = run("verify", "--bundle", FORMAT_4)
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in " ".join((done.stdout + done.stderr).split())


def test_its_card_did_not_measure_months(bundle) -> None:
    written = json.loads((FORMAT_4 / "card.json").read_text(encoding="utf-8"))
    assert written["format"] == 4
    card = read_card(bundle.card)
    for name in HORIZONS:
        assert card.horizons[name].calibration.month_check is None
        assert card.horizons[name].calibration.month_deviation is None
    assert {card.bands[name].served for name in ("hot", "warm", "cold")} == {None}


def test_it_is_served_and_reported(bundle) -> None:
    with TestClient(create_app(FORMAT_4)) as client:
        answer = client.get("/v1/model").json()
    assert answer["model_version"] == bundle.version
    assert MANAGERS not in answer["card"]
    assert "left out in turn" not in card_text(read_card(bundle.card))
    assert "judged by the others" not in bundle_report(bundle)


def test_saved_again_it_is_the_same_bundle(bundle, tmp_path: Path) -> None:
    assert save_bundle(bundle, tmp_path / "bundle").version == bundle.version
