"""A backtest in the report: kept, shown, and told apart from those of other data or settings."""

import dataclasses
from datetime import UTC, datetime

import pytest

from models.bundle import load_bundle, save_bundle
from tests.support.bundles import small_bundle
from tests.support.cards import card_of, document, lifelike_card, summary_of
from tests.support.pages import Page
from tests.support.report_parts import lifelike_past
from training.card.values import read_card
from training.config import read_config
from training.report.past import PAST, Past, past_text, read_past, standing
from training.report.render import bundle_report, report_html
from training.report.words.language import LANGUAGES, language
from training.statistics.rates import RateEstimate
from training.versions.fingerprint import recipe_fingerprint

VERSION = "2026-01-01-0f3a9c41d2"
PLAIN = "Would it have worked before?"


def page(past: Past | None, code: str = "en", **card: str) -> Page:
    found = {**lifelike_card(), "recipe": "r", "data_fingerprint": "d", **card}
    return Page(report_html(summary_of(found, VERSION, past=past), language(code)))


def test_without_a_backtest_the_page_says_how_to_run_one() -> None:
    found = page(None)
    assert PLAIN in found.text
    assert "lead-temperature backtest" in found.text


def test_every_origin_is_a_row_closed_by_mean_spread_and_trend() -> None:
    past = lifelike_past()
    rows = page(past).rows
    first = next(i for i, row in enumerate(rows) if row[0] == "28/07/24")
    assert [row[0] for row in rows[first : first + 6]] == [
        "28/07/24", "12/01/25", "28/06/25", "Mean", "Spread", "Trend",
    ]  # fmt: skip
    assert rows[first][1] == "79 (77 to 81)"
    assert rows[first + 3][1] == f"{100 * past.hot.order.mean:.1f}"
    assert rows[first + 5][1] == f"{100 * past.hot.order.trend:+.1f}"


def test_a_sentence_says_what_the_picture_shows() -> None:
    text = " ".join(page(lifelike_past()).text.split())
    assert "of 100 pairs of looks it puts 81.0 in the right order on average" in text
    assert "Between the first and the last time the difference may be chance." in text
    assert "kept their promise: 2 of 3 (too much promised: 1, too little: 0)." in text


@pytest.mark.parametrize(
    ("last", "expected"), [((0.9, 0.85, 0.95), "better"), ((0.6, 0.55, 0.65), "worse")]
)
def test_a_change_is_told_where_intervals_have_nothing_in_common(last, expected) -> None:
    course = lifelike_past().hot
    trial = dataclasses.replace(course.trials[-1], order=RateEstimate(*last))
    changed = dataclasses.replace(course, trials=(*course.trials[:-1], trial))
    assert changed.change == expected


def test_one_of_earlier_data_is_shown_and_told() -> None:
    found = page(lifelike_past(), data_fingerprint="other")
    assert "It was run on an earlier export" in found.text
    assert any(row[0] == "28/07/24" for row in found.rows)


def test_one_of_other_settings_is_told_and_not_shown() -> None:
    found = page(lifelike_past(), recipe="other")
    assert "was run with other settings" in found.text
    assert not any(row[0] == "28/07/24" for row in found.rows)


@pytest.mark.long
@pytest.mark.parametrize("code", LANGUAGES)
def test_it_is_told_in_every_language(code) -> None:
    past = lifelike_past()
    text = page(past, code).text
    assert language(code).gettext(PLAIN) in text
    assert (PLAIN in text) == (code == "en")


def test_the_file_gives_the_same_value_back(tmp_path) -> None:
    past = lifelike_past()
    (tmp_path / PAST).write_text(past_text(past), encoding="utf-8")
    assert read_past(tmp_path / PAST) == past
    assert read_past(tmp_path / "elsewhere.json") is None


@pytest.mark.parametrize("text", ["", "[]", '{"hot": 1}', '{"format": 2}'])
def test_a_file_that_holds_something_else_is_refused_by_name(tmp_path, text) -> None:
    (tmp_path / PAST).write_text(text)
    with pytest.raises(ValueError, match=r"backtest.json is not what a backtest leaves"):
        read_past(tmp_path / PAST)


def test_the_recipe_changes_with_each_setting_and_not_with_the_report(trained) -> None:
    config = read_config(trained.config)
    same = config.model_copy(
        update={"report": config.report.model_copy(update={"channel": "form"})}
    )
    other = config.model_copy(update={"model": config.model.model_copy(update={"trees": 61})})
    assert recipe_fingerprint(config) == recipe_fingerprint(same)
    assert recipe_fingerprint(config) != recipe_fingerprint(other)
    assert read_card(load_bundle(trained.bundle).card).recipe == recipe_fingerprint(config)


@pytest.mark.slow
def test_the_command_takes_it_from_the_bundle_and_rather_from_beside_the_registry(
    run, trained, tmp_path
) -> None:
    bundle = load_bundle(trained.bundle)
    card, folder = read_card(bundle.card), tmp_path / "bundle"
    names = {"recipe": card.recipe, "data": card.data_fingerprint}
    own = dataclasses.replace(lifelike_past(), **names)
    save_bundle(bundle, folder, {PAST: past_text(own)})
    command = ("report", "--bundle", folder, "-o", tmp_path / "report.html")
    assert run(*command).returncode == 0
    assert "28/07/24" in (tmp_path / "report.html").read_text(encoding="utf-8")
    later = dataclasses.replace(own, data_end=datetime(2026, 2, 3, tzinfo=UTC), recipe="other")
    beside = trained.folder / "artifacts" / PAST
    beside.write_text(past_text(later), encoding="utf-8")
    try:
        assert run(*command, "--config", trained.config).returncode == 0
        shown = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
        assert "on data up to 3" in shown.replace("\N{NO-BREAK SPACE}", " ")
    finally:
        beside.unlink()


def test_no_backtest_changes_a_bundles_bytes(tmp_path) -> None:
    bundle = small_bundle()
    alone = save_bundle(bundle, tmp_path / "alone")
    beside = save_bundle(bundle, tmp_path / "beside", {PAST: past_text(lifelike_past())})
    assert alone.version == beside.version
    assert standing(lifelike_past(), card_of(lifelike_card())) == "other settings"
    assert PLAIN in bundle_report(dataclasses.replace(alone, card=document(lifelike_card())))
