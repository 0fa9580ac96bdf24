"""What came of answers, in the report: every figure, in every language, and only with a ledger."""

from pathlib import Path

import pytest

from ledger.store import open_ledger
from tests.support.cards import card_of, lifelike_card
from tests.support.pages import Page
from tests.support.promised import write_promised
from tests.support.served_parts import OWNER, lifelike_served, nothing_served
from training.config import read_config
from training.monitoring.alarms import AlarmState
from training.report.render import report_html, report_summary
from training.report.served import ServedHorizon, served_horizons
from training.report.words.language import LANGUAGES, language

TITLE = "What came of what we said"


def page_of(served: tuple[ServedHorizon, ...], code: str = "en") -> Page:
    summary = report_summary(card_of(lifelike_card()), "2026-01-01-0f3a", served=served)
    return Page(report_html(summary, language(code)))


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of(lifelike_served())


def test_without_a_ledger_the_section_is_not_there() -> None:
    assert TITLE not in page_of(()).text


def test_promised_and_happened_stand_in_a_sentence(page: Page) -> None:
    text = page.text.replace("\xa0", " ")
    assert TITLE in text
    assert (
        "Within 14 days: of 1,000 answers whose time is up, 10 % were promised to buy, and "
        "6.0 % (3.9 to 9.1 %) did. Too much was promised."
    ) in text
    assert "Within 90 days: of 1,000 answers whose time is up, 22 % were promised" in text
    assert "The promise held." in text
    assert "152.4 purchases were expected and 101 were made. Promises hold so far." in text
    assert "Answers that could not be compared with this export: 9." in text


def test_each_group_is_a_row_with_its_own_words(page: Page) -> None:
    rows = [[cell.replace("\xa0", " ") for cell in row] for row in page.rows]
    assert ["Hot", "300 of 500", "20 %", "15 % (9.3 to 23 %)", "50 %"] in rows
    assert ["Mar 2026", "1,000 of 1,200", "10 %", "6.0 % (3.9 to 9.1 %)", "50 %"] in rows
    assert ["Apr 2026", "0 of 250", "–", "–", "0 %"] in rows
    assert [OWNER, "800 of 1,000", "10 %", "7.5 % (4.9 to 11 %)", "50 %"] in rows
    assert ["not known", "200 of 400", "10 %", "6.0 % (2.4 to 14 %)", "50 %"] in rows


def test_kinds_of_which_nothing_is_known_have_no_rows(page: Page) -> None:
    headings = [row[0] for row in page.rows if len(row) == 1]
    assert headings.count("By owner") == 2
    # The work of the team is told by channel elsewhere on the page, and not as a row.
    assert "By channel" not in headings


def test_each_horizon_has_its_picture(page: Page) -> None:
    assert {"served-hot-caption", "served-warm-caption"} <= set(page.all("id"))


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (AlarmState.RINGING, "Promises break: purchases fall short"),
        (AlarmState.CANNOT_TELL, "Too few purchases are promised to tell yet."),
    ],
)
def test_the_watch_is_told(state: AlarmState, text: str) -> None:
    assert text in page_of(lifelike_served(state)).text


def test_a_ledger_without_answers_says_so() -> None:
    text = page_of(nothing_served()).text
    assert "Nothing has been answered yet." in text
    assert "The same as a table (0" not in text


@pytest.mark.long
@pytest.mark.parametrize("code", LANGUAGES)
def test_it_is_told_in_every_language(code: str) -> None:
    text = page_of(lifelike_served(AlarmState.RINGING), code).text
    assert (TITLE in text) == (code == "en")
    assert ("Promises break" in text) == (code == "en")
    assert OWNER in text


@pytest.mark.slow
def test_it_is_made_from_a_ledger_and_a_later_export(run, tmp_path: Path) -> None:
    config, path = write_promised(tmp_path, 350)
    settings = read_config(config)
    from features.export.sources import read_export

    ledger = open_ledger(str(path))
    hot, warm = served_horizons(ledger, read_export(settings.export), settings.dataset.snapshots)
    ledger.close()
    assert (hot.name, warm.name) == ("hot", "warm")
    assert warm.grades.days == warm.watch.days == 90
    assert sum(group.rows for group in warm.groups) == warm.grades.overall.mature
    assert [kind for kind, _ in warm.tables] == ["model", "band", "month", "channel", "owner"]
    assert warm.watch.alarm.bought > 0
    assert {*warm.judged} <= {*warm.groups}
