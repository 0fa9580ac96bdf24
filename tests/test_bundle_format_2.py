"""A bundle whose card names the audit's verdicts by their old words loads, serves and reports."""

import json
from pathlib import Path

import pytest

from models.bundle import load_bundle, save_bundle
from models.card import MANAGERS
from serving.http.app import create_app
from tests.support.format_2 import FORMAT_2
from tests.support.http import TestClient
from tests.support.old_cards import require_same
from tests.support.pages import Page
from training.card.values import read_card


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(FORMAT_2)


@pytest.fixture(scope="module")
def written() -> dict:
    """The card as it was written."""
    return json.loads((FORMAT_2 / "card.json").read_text(encoding="utf-8"))


def test_what_the_audit_quarantined_is_a_leak_and_is_still_left_out(bundle, written) -> None:
    assert written["format"] == 2
    assert {one["verdict"] for one in written["audit"]} == {"clear", "quarantined"}
    findings = read_card(bundle.card).audit
    assert len(findings) == len(written["audit"])
    assert {one.name for one in findings if one.quarantined} == {"client_card_number"}
    assert {one.verdict for one in findings} == {"clear", "leak"}


def test_it_answers_its_golden_leads_bit_for_bit(run) -> None:
    done = run("verify", "--bundle", FORMAT_2)
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in " ".join((done.stdout + done.stderr).split())


def test_the_server_starts_with_it_and_shows_the_card_as_it_was_written(bundle, written) -> None:
    """But for the parts that later formats changed."""
    with TestClient(create_app(FORMAT_2)) as client:
        answer = client.get("/v1/model").json()
    changed = {MANAGERS, "format", "audit"}
    shown = {name: value for name, value in answer["card"].items() if name not in changed}
    require_same(shown, {name: value for name, value in written.items() if name not in changed})
    assert answer["model_version"] == bundle.version


def test_it_gives_its_report(run, written, tmp_path: Path) -> None:
    done = run("report", "--bundle", FORMAT_2, "-o", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert f"{written['export']['leads']:,}" in page.text


def test_saved_again_it_is_the_same_bundle(bundle, tmp_path: Path) -> None:
    assert save_bundle(bundle, tmp_path / "bundle").version == bundle.version
