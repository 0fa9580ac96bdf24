"""The newer sections of the page: every figure shown is the card's, and hostile names are text."""

import re

import pytest

from tests.support.cards import lifelike_card, summary_of, unmeasured_card
from tests.support.pages import Page
from training.report.meters import highest, meter
from training.report.render import report_html
from training.report.words.language import language
from training.report.words.numerals import middle, percent, short, whole, with_interval
from training.statistics.rates import RateEstimate

VERSION = "2026-01-01-0f3a9c41d2"
EN = language("en")
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7 * 7 }}",
    "שלום🔥",
)
BANDS = ("▲ Hot", "◆ Warm", "▼ Cold")


def plain(text: str) -> str:
    return " ".join(text.split())


def page_of(card) -> Page:
    return Page(report_html(summary_of(card, VERSION), EN))


@pytest.fixture(scope="module")
def summary():
    return summary_of(lifelike_card(), VERSION)


@pytest.fixture(scope="module")
def page():
    return page_of(lifelike_card())


def test_open_leads_stand_by_band_beside_what_such_looks_did(page, summary):
    for title, band, tested in zip(BANDS, summary.today.bands, summary.bands, strict=True):
        row = [
            title,
            whole(band.leads, EN),
            plain(percent(band.hot, EN)),
            f"{band.hot_expected:.1f}",
            plain(with_interval(tested.hot.happened, EN)),
        ]
        assert row in page.rows
    assert "Leads that are open when the data end, on 1 January 2026: 1,711." in page.text
    assert "With too little evidence to act on the percentage: 31." in page.text


def test_every_group_shows_its_conversion_in_per_cent_and_in_days(page, summary):
    work = summary.practice
    levels = (*work.source_kinds.groups, *work.owners.groups, *work.channels.groups)
    groups = [(group.level, group.conversion) for group in levels]
    groups += [(b, one.conversion) for b, one in zip(BANDS, summary.aftermath, strict=True)]
    for name, conversion in groups:
        row = [
            "not known" if name is None else name.replace("_", " "),
            whole(conversion.leads, EN),
            plain(with_interval(conversion.share, EN)),
            plain(middle(conversion.days, EN)),
            "",
        ]
        assert row in page.rows
    assert ["Dec 2025", "950", "too early", "too early", ""] in page.rows
    assert "2 smaller groups are not shown, with 17 leads in them." in page.text


def test_the_funnel_shows_the_loss_at_each_step(page):
    assert ["Leads", "16,800", "100 %", "–", ""] in page.rows
    assert ["We contacted them", "16,400", "98 %", "2.4 %", ""] in page.rows
    assert ["They got in touch, too", "13,900", "83 %", "15 %", ""] in page.rows
    assert ["Bought", "1,820", "11 %", "87 %", ""] in page.rows


def test_channels_show_reach_clicks_and_costs_and_nothing_where_nothing_came(page):
    assert ["search", "6", "540,000", "12,600", "645", "5.1 %"] in page.rows
    assert ["search", "15,600", "24.19", "91", "171.43"] in page.rows
    assert ["trade fair", "2", "0", "0", "0", "–"] in page.rows
    assert ["trade fair", "900", "–", "0", "–"] in page.rows


def test_speed_completeness_and_promptness_are_told(page):
    assert "half were contacted within so many hours: 2.0 (1.9 to 2.1)" in page.text
    assert ["24 to 72 hours", "3,800", "10 % (9.3 to 11 %)", "25 (19 to 34)", ""] in page.rows
    assert ["budget", "40 %", ""] in page.rows
    assert ["phone", "149,000", "98 %", "2.5 %", "0 %"] in page.rows


def test_signals_show_their_direction_and_every_bin_with_its_counts(page, summary):
    assert "The higher, the less likely." in page.text
    for one in summary.dependence:
        for part in one.bins:
            counts = [
                whole(part.outcome.rows, EN),
                plain(percent(part.outcome.promised, EN)),
                plain(with_interval(part.outcome.happened, EN)),
                "",
            ]
            assert counts in [row[1:] for row in page.rows]
    assert ["0 to 5.1", "400"] in [row[:2] for row in page.rows]
    assert ["another one", "300"] in [row[:2] for row in page.rows]
    assert ["not known, or never", "23,000"] in [row[:2] for row in page.rows]


def test_the_portrait_shows_customers_against_all_leads(page):
    assert ["source: referral", "12 %", "5.9 %", "24 % (20 to 29 %)", ""] in page.rows
    assert ["company size: 8 to 22", "29 %", "24 %"] in [row[:3] for row in page.rows]


def test_gains_and_months_stand_behind_their_pictures(page, summary):
    for horizon in summary.horizons:
        early = [plain(with_interval(gain.early, EN)) for gain in horizon.gains]
        assert ["10 %", *early] in page.rows
        for month in horizon.months:
            happened = plain(with_interval(month.outcome.happened, EN))
            assert happened in [row[3] for row in page.rows if len(row) == 5]
    assert "4.9 times as many as without any order" in page.text


def test_segments_whose_promise_was_broken_are_shown(page):
    assert ["source: fair", "20 of 900", "10 %"] in [row[:3] for row in page.rows]


def test_in_how_many_months_the_ranges_held_is_said_of_each_horizon(page):
    held = "of 12 months, each judged by the others, they held in 10."
    assert page.text.count(held) == 2


def test_a_band_tells_what_serves_and_a_promise_that_did_not_hold():
    card = lifelike_card()
    assert "As it serves" not in page_of(card).text
    assert "warns of it" not in page_of(card).text
    card["bands"]["hot"]["served"] = {
        "cutoff": 0.18, "words": "W", "looks": 1234, "leads": 300, "positives": 400,
        "rate": 0.324, "bound": 0.301, "because": "tested", "reach": 0.44,
    }  # fmt: skip
    card["bands"]["hot"]["promise"] = {
        "policy": {"rate": 0.4, "confidence": 0.9}, "line": 0.27, "looks": 100, "leads": 60,
        "positives": 41, "rate": 0.41, "bound": 0.3, "words": "W", "because": "B", "reach": 0.45,
        "finding": "broken", "sentence": "S",
    }  # fmt: skip
    text = page_of(card).text
    assert text.count("Until the next training each answer about such a lead warns of it.") == 1
    told = text[text.index("As it serves") :][:160]
    assert "1,234 looks" in told
    assert "32" in told
    assert told.index("reach 44") > told.index("32")


def test_that_nothing_here_is_a_cause_is_said_once(page):
    assert page.text.count("that does not make it a cause") == 1


def test_without_measurements_the_newer_sections_are_not_there():
    text = page_of(unmeasured_card()).text
    for heading in ("How does the team work?", "portrait", "Who finds the buyers sooner?"):
        assert heading not in text


def test_hostile_names_show_as_text():
    card = lifelike_card()
    practice = card["report"]["practice"]
    for text, group in zip(HOSTILE, practice["channels"]["groups"], strict=False):
        group["level"] = text
    practice["owners"]["groups"][0]["level"] = HOSTILE[0]
    practice["funnel"][1]["name"] = practice["fields"][0]["name"] = HOSTILE[0]
    practice["spend"][0]["channel"] = practice["logging"]["channels"][0]["channel"] = HOSTILE[0]
    card["report"]["portrait"]["more"][0] |= {"attribute": HOSTILE[0], "level": HOSTILE[1]}
    card["report"]["dependence"][0] |= {"signal": HOSTILE[0], "feature": HOSTILE[1]}
    card["report"]["dependence"][1]["bins"][0]["level"] = HOSTILE[0]
    card["horizons"]["hot"]["groups"][1] |= {"by": HOSTILE[0], "level": HOSTILE[1]}
    card["export"]["sensitive_allowed"] = [HOSTILE[0]]
    found, usual = page_of(card), page_of(lifelike_card())
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in usual.tags}
    assert found.words.count(HOSTILE[0]) == 12
    assert not {"onerror", "src"} & {name for _, values in found.tags for name in values}


def test_what_changed_is_told_beside_the_earlier_figures():
    before = summary_of(lifelike_card(), "2025-10-01-aaaa")
    card = lifelike_card()
    card["export"]["leads"] += 500
    card["report"]["practice"]["everybody"]["share"] = {"value": 0.2, "low": 0.19, "high": 0.21}
    page = Page(report_html(summary_of(card, VERSION, before), EN))
    assert ["Leads in the export", "20,000", "20,500"] in page.rows
    assert ["Leads that buy", "12 %", "20 %"] in page.rows
    assert "(model 2025-10-01-aaaa)" in page.text


def test_a_meter_shows_the_interval_and_the_promise_on_the_scale_of_its_table():
    rate = RateEstimate(0.2, 0.1, 0.3)
    top = highest([rate, RateEstimate(0.35, 0.3, 0.4), None])
    shown = meter(rate, top, 0.25)
    assert re.findall(r"(\w+): ([\d.]+)%", shown) == [
        ("left", "25.0"), ("width", "50.0"), ("left", "50.0"), ("left", "62.5"),
    ]  # fmt: skip
    assert meter(None, highest([]), None) == '<span class="meter" aria-hidden="true"></span>'


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (0.004, "0"), (9.96, "10"), (-2.5, "-2.5"), (1e6, "1,000,000")]
)
def test_short_numbers_have_no_idle_zeros(number, text):
    assert short(number, EN) == text
