"""The report of a trained bundle, by the command: all of its parts are there and agree."""

import dataclasses

import pytest

from features.export.sources import read_export
from models.bundle import load_bundle
from tests.support.pages import Page
from training.card.values import read_card
from training.config import read_config
from training.pipeline import trained_bundle
from training.report.render import bundle_report, report_summary
from training.team.practice import practice


@pytest.fixture(scope="module")
def summary(trained):
    bundle = load_bundle(trained.bundle)
    return report_summary(read_card(bundle.card), bundle.version)


def test_training_measures_everything_that_the_report_asks_for(summary) -> None:
    assert summary.today.leads == sum(band.leads for band in summary.today.bands) > 0
    assert [one.name for one in summary.aftermath] == ["hot", "warm", "cold"]
    assert len(summary.dependence) == 8
    assert len(summary.families) == 5
    assert summary.signals[0].chance is not None
    for horizon in summary.horizons:
        assert horizon.gains[0].name == ""
        assert sum(month.outcome.rows for month in horizon.months) == horizon.test.rows
        assert sum(month.outcome.positives for month in horizon.months) == horizon.test.positives


@pytest.mark.slow
def test_the_work_is_counted_from_the_export_and_finds_what_the_made_up_crm_is_made_of(
    trained, summary
) -> None:
    config = read_config(trained.config)
    tables, horizon_days = read_export(config.export), config.horizons.warm_days
    assert summary.practice == practice(tables, config.practice, horizon_days)
    share = {group.level: group.conversion.share for group in summary.practice.source_kinds.groups}
    assert share["seed"].low > max(share["net"].high, share["spear"].high)
    assert {q.level for q in summary.portrait.more} >= {"referral", "yes"}
    assert "no" in {q.level for q in summary.portrait.less}


@pytest.mark.slow
def test_the_same_export_gives_the_same_report_again(run, trained, tmp_path) -> None:
    pages = []
    for more in ((), ("--config", trained.config)):
        done = run("report", "--bundle", trained.bundle, "-o", tmp_path / "report.html", *more)
        assert done.returncode == 0, done.stderr
        pages.append((tmp_path / "report.html").read_text())
    assert pages[0] == pages[1]


def test_a_report_beside_itself_has_changed_nothing(run, trained, tmp_path) -> None:
    arguments = ("--bundle", trained.bundle, "--previous", trained.bundle)
    done = run("report", *arguments, "-o", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    page = Page((tmp_path / "report.html").read_text())
    assert "What has changed?" in page.text
    leads = next(row for row in page.rows if row[0] == "Leads in the export")
    assert leads[1:] == ["4,000", "4,000"]
    assert "Signals that matter now and did not" not in page.text


@pytest.mark.slow
def test_an_export_of_attributes_alone_trains_and_has_a_report(trained) -> None:
    config = read_config(trained.config)
    tables = read_export(config.export)
    bare = dataclasses.replace(tables, interactions=tables.interactions.slice(0, 0))
    model = config.model.model_copy(update={"trees": 20, "threads": 1})
    bundle = trained_bundle(bare, config.model_copy(update={"model": model}))
    page = bundle_report(dataclasses.replace(bundle, version="bare"))
    assert "What makes our leads hot?" in page
    summary = report_summary(read_card(bundle.card), "bare")
    assert summary.practice.logging is None
