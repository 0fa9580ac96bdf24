"""A bundle whose card has no format yet loads, scores, serves, reports and is judged as before."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from models.bundle import load_bundle, save_bundle
from models.card import MANAGERS
from serving.http.app import create_app
from tests.support.format_1 import FORMAT_1, RUN_FIGURES
from tests.support.http import TestClient
from tests.support.old_cards import figures_in, require_same
from tests.support.pages import Page
from training.card.values import read_card
from training.report.model_card import card_text
from training.report.render import bundle_report
from training.versions.comparison import learned_until
from training.versions.gate import judge_against_baselines
from training.versions.run_figures import run_metrics, run_parameters


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(FORMAT_1)


@pytest.fixture(scope="module")
def written() -> dict:
    """The card as it was written."""
    return json.loads((FORMAT_1 / "card.json").read_text(encoding="utf-8"))


def test_it_loads_under_its_version(bundle) -> None:
    assert bundle.version == "2026-01-01-9656260c2d"
    assert bundle.card.served.judged_days == 120.0


def test_it_answers_its_golden_leads_bit_for_bit(run) -> None:
    done = run("verify", "--bundle", FORMAT_1)
    assert done.returncode == 0, done.stderr
    assert "bit for bit" in " ".join((done.stdout + done.stderr).split())


def test_the_command_scores_an_export_by_it(run, bundle, tmp_path: Path) -> None:
    write_export(made_up_crm(300, seed=5), tmp_path, "parquet")
    config, scores = tmp_path / "lead_temperature.toml", tmp_path / "scores.csv"
    instant = "2026-01-01T00:00:00+00:00"
    done = run(
        *("score", "--bundle", FORMAT_1, "--config", config, "--as-of", instant, "-o", scores)
    )
    assert done.returncode == 0, done.stderr
    head, *rows = scores.read_text(encoding="utf-8").splitlines()
    assert "hot_probability" in head
    assert len(rows) > 10
    assert all(bundle.version in row for row in rows)


def test_the_server_starts_with_it_and_shows_the_card_as_it_was_written(bundle, written) -> None:
    with TestClient(create_app(FORMAT_1)) as client:
        answer = client.get("/v1/model").json()
    require_same(
        answer["card"], {name: value for name, value in written.items() if name != MANAGERS}
    )
    assert answer["model_version"] == bundle.version
    assert answer["base_rates"] == {
        name: written["horizons"][name]["base_rate"] for name in ("hot", "warm")
    }


def test_it_gives_its_report(run, bundle, written, tmp_path: Path) -> None:
    done = run("report", "--bundle", FORMAT_1, "-o", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert f"{written['export']['leads']:,}" in page.text
    assert "What has changed?" in bundle_report(bundle, previous=bundle)


def test_its_card_for_people_is_still_written_the_same(bundle) -> None:
    assert figures_in(card_text(read_card(bundle.card))) == figures_in(bundle.card_text)


def test_the_gate_judges_it_by_its_card(bundle, written) -> None:
    better = [set(horizon["better_than"]) for horizon in written["horizons"].values()]
    verdict = judge_against_baselines(read_card(bundle.card))
    assert verdict.passed == any({"base rate", "age only"} <= names for names in better)


def test_a_comparison_begins_after_all_that_it_learned_from(bundle, written) -> None:
    begins = datetime.fromisoformat(written["settings"]["test_from"])
    assert learned_until(bundle) == round(begins.timestamp() * 1_000_000)


def test_a_run_in_the_registry_shows_the_same_figures_of_it(bundle) -> None:
    shown = json.loads(RUN_FIGURES.read_text(encoding="utf-8"))
    card = read_card(bundle.card)
    assert run_metrics(card) == shown["metrics"]
    assert run_parameters(card) == shown["parameters"]


def test_saved_again_it_is_the_same_bundle(bundle, tmp_path: Path) -> None:
    assert save_bundle(bundle, tmp_path / "bundle").version == bundle.version
