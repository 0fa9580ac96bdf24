"""A bundle of card format 3: low ends decide its bands, which have no reach; it still serves."""

import json
from pathlib import Path

import pytest

from models.bands import LEVELS
from models.bundle import load_bundle, save_bundle
from models.card import MANAGERS
from serving.http.app import create_app
from tests.support.format_3 import FORMAT_3
from tests.support.http import TestClient
from tests.support.old_cards import figures_in, require_same
from training.card.values import read_card
from training.report.model_card import card_text
from training.report.render import bundle_report


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(FORMAT_3)


def test_it_loads_under_its_version_and_decides_as_it_did(bundle) -> None:
    assert bundle.version == "2026-01-01-bf0ff3e227"
    assert bundle.bands.decided_by == "low end"
    assert "hot lower bound" in bundle.bands.comparison_text(0.2, 0.2)


def test_it_answers_its_golden_leads_bit_for_bit(run) -> None:
    done = run("verify", "--bundle", FORMAT_3)
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in " ".join((done.stdout + done.stderr).split())


def test_its_card_has_bands_without_reach(bundle) -> None:
    card = read_card(bundle.card)
    for band in LEVELS:
        assert card.bands[band].decided_by == "low end"
        assert card.bands[band].reach is None
    assert card.bands.hot.promise is not None
    assert card.bands.hot.promise.reach is None
    assert card.bands.cold.promise is None


def test_the_server_tells_its_promises_without_reach(bundle) -> None:
    written = json.loads((FORMAT_3 / "card.json").read_text(encoding="utf-8"))
    with TestClient(create_app(FORMAT_3)) as client:
        answer = client.get("/v1/model").json()
    for name, band in written["bands"].items():
        if band["promise"] is not None:
            assert answer["promises"][name]["words"] == band["promise"]["words"]
            assert answer["promises"][name]["bound"] == band["promise"]["bound"]
            assert answer["promises"][name]["reach"] is None
    assert set(answer["promises"]) == {"hot", "warm"}
    require_same(answer["card"]["horizons"], written["horizons"])
    assert MANAGERS not in answer["card"]


def test_card_and_report_read_as_before(bundle) -> None:
    assert figures_in(card_text(read_card(bundle.card))) == figures_in(bundle.card_text)
    page = bundle_report(bundle)
    assert "even read with caution" in page
    assert "Reach:" not in page


def test_saved_again_it_is_the_same_bundle(bundle, tmp_path: Path) -> None:
    assert save_bundle(bundle, tmp_path / "bundle").version == bundle.version
