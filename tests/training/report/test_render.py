"""The managers' report: its figures, its verdicts, and the page that shows them."""

import dataclasses
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest

from tests.support.bundles import small_bundle
from tests.support.cards import (
    baseline,
    document,
    lifelike_card,
    summary_of,
    unmeasured_card,
    wilson,
)
from tests.support.pages import Page
from training.report.render import bundle_report, report_html
from training.report.words.language import language
from training.report.words.numerals import out_of
from training.statistics.rates import LEAST_POSITIVES, RateEstimate

VERSION = "2026-01-01-0f3a9c41d2"


def english_page(card) -> str:
    return report_html(summary_of(card, VERSION), language("en"))


def page_of(card) -> Page:
    return Page(english_page(card))


@pytest.fixture(scope="module")
def lifelike():
    return page_of(lifelike_card())


@pytest.fixture(scope="module")
def unmeasured():
    return page_of(unmeasured_card())


def group(promised: float, rows: int, positives: int):
    low, high = wilson(positives / rows, rows)
    return {
        "predicted": promised, "observed": positives / rows, "low": low, "high": high,
        "rows": rows, "leads": rows, "positives": positives,
    }  # fmt: skip


def with_groups(inside: int, too_high: int, too_small: int = 0) -> dict:
    """A card whose hot percentages held, were too high, or promised too few to judge."""
    card = lifelike_card()
    card["horizons"]["hot"]["reliability"] = [
        *[group(0.10, 500, 50)] * inside,
        *[group(0.20, 500, 50)] * too_high,
        *[group(0.10, 50, 5)] * too_small,
    ]
    return card


def finding(promised: float, rows: int, positives: int) -> str:
    """What the report finds about one group of looks."""
    card = lifelike_card()
    card["horizons"]["hot"]["reliability"] = [group(promised, rows, positives)]
    return summary_of(card, VERSION).hot.groups[0].finding


# Figures: what the page says is what the card holds.


def test_that_refused_leads_are_among_the_open_ones_is_said_where_it_is_so() -> None:
    sentence = "Refused leads count as open for a time after their refusal; in days: 90."
    card = lifelike_card()
    assert sentence not in page_of(card).text
    card["settings"]["after_refusal_days"] = 90.0
    assert sentence in page_of(card).text


def percent(share: float) -> str:
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def told(low: float, value: float, high: float) -> str:
    return f"{percent(value)} ({percent(low)[:-2]} to {percent(high)})"


@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_the_table_of_bands_shows_promise_outcome_and_counts(lifelike, horizon):
    for name, band in lifelike_card()["bands"].items():
        rows = band["rows"] if horizon == "hot" else band["warm_rows"]
        assert [
            name.capitalize(),
            percent(band[f"predicted_{horizon}"]),
            told(*(band[f"{horizon}_{bound}"] for bound in ("low", "rate", "high"))),
            f"{band[f'{horizon}_positives']:,} of {rows:,}",
        ] in lifelike.rows


def test_the_table_of_reliability_shows_every_group_with_its_interval(lifelike):
    shown = 0
    for horizon in lifelike_card()["horizons"].values():
        for g in horizon["reliability"]:
            happened = told(g["low"], g["observed"], g["high"])
            counts = f"{g['positives']:,} of {g['rows']:,}"
            shown += any(
                row[:3] == [percent(g["predicted"]), happened, counts] for row in lifelike.rows
            )
    assert shown == 20


def test_the_tables_of_baselines_ages_signals_and_unused_columns_are_complete(lifelike):
    card = lifelike_card()
    for horizon in card["horizons"].values():
        rank = (f"{100 * horizon[name]:.0f}" for name in ("auc", "auc_low", "auc_high"))
        order = "{} ({} to {})".format(*rank)
        scores = [f"{horizon[name]:.4f}" for name in ("log_loss", "brier")]
        assert ["this model", order, *scores] in lifelike.rows
        for rival in horizon["baselines"].values():
            scores = [f"{rival[name]:.4f}" for name in ("log_loss", "brier")]
            assert [f"{100 * rival['auc']:.0f}", *scores] in [r[1:] for r in lifelike.rows]
        for age in horizon["by_age"]:
            rank = (f"{100 * age[name]:.0f}" for name in ("auc", "auc_low", "auc_high"))
            enough = age["positives"] >= LEAST_POSITIVES
            order = "{} ({} to {})".format(*rank) if enough else "too few to say"
            counts = [f"{age['rows']:,}", f"{age['positives']:,}", order]
            assert counts in [row[1:] for row in lifelike.rows]
    for signal in card["importance"]:
        figures = [f"{signal[name]:.5f}" for name in ("log_loss_increase", "spread")]
        swing = "{low:.5f} to {high:.5f}".format(**signal["swing"])
        points = f"{signal['mean_points']:.2f}"
        assert [signal["signal"], *figures, points, swing] in lifelike.rows
    for column, reason in card["export"]["unused"].items():
        assert [column, reason] in lifelike.rows
    for doubt in card["export"]["suspicions"]:
        assert [doubt["name"], doubt["location"], f"{doubt['rows']:,}"] in lifelike.rows
    for name, value in card["libraries"].items():
        assert [name, value] in lifelike.rows


@pytest.mark.parametrize(
    "sentence",
    [
        (
            "From 31 August 2025 to 18 December 2025, a period it had not learned from, "
            "it took 24,300 looks at 5,614 leads."
        ),
        (
            "In the test period 617 of 24,300 looks at leads were called hot (2.5 %), "
            "2,904 warm (12 %) and 20,779 cold (86 %)."
        ),
        (
            "41 of 100 looks called hot were followed by a purchase within 14 days (37 to 46). "
            "Promised: 43."
        ),
        (
            "39 of 100 looks called warm were followed by a purchase within 90 days (36 to 43). "
            "Promised: 40."
        ),
        (
            "75 of 1,000 looks called cold were followed by a purchase within 90 days (64 to 86). "
            "Promised: 74."
        ),
        "That is 588 of 1,490 looks; for 1,414 more it is too early to know.",
        (
            "In 9 of 10 groups large enough to judge, what was promised lies inside the "
            "95 % interval of what happened. In 1 it promised too little."
        ),
        "it puts 83 (82 to 84) in the right order; the lead’s age alone does so with 61.",
        "3,388 looks left out, because 14 days had not passed by the end of the data.",
        (
            "Within 14 days it sorts leads worst when they are 0 to 7 days old: 76 (73 to 78) "
            "of 100 pairs"
        ),
        "12 rows of the export could not be read and were set aside.",
        "Model 2026-01-01-0f3a9c41d2; data up to 1 January 2026",
        "84,410 looks, 1 January 2024 to 20 April 2025. Of these 3.5 % led to a purchase.",
    ],
)
def test_the_sentences_tell_the_figures_of_the_card(lifelike, sentence):
    assert sentence in lifelike.text


def test_the_questions_come_in_the_order_a_manager_asks_them(lifelike):
    questions = [
        "What should I do?", "Can I believe it?", "What makes our leads hot?",
        "How does the team work?", "Where is it weak?", "What was left out?",
    ]  # fmt: skip
    places = [lifelike.text.rindex(question) for question in questions]
    assert places == sorted(places)


# What may be told.


@pytest.mark.parametrize(
    ("promised", "rows", "positives", "expected"),
    [
        (0.14, 150, 2, "too much"),
        (0.14, 150, 0, "too much"),
        (0.14, 150, 21, "held"),
        (0.001, 2000, 40, "too little"),
        (0.10, 100, 8, "held"),
        (0.10, 90, 8, "unknown"),
        (0.30, 5, 2, "unknown"),
    ],
)
def test_a_promise_outside_the_interval_is_judged_however_few_bought(
    promised, rows, positives, expected
):
    assert finding(promised, rows, positives) == expected


def with_hot_band(promised: float, rows: int, positives: int) -> dict:
    card = lifelike_card()
    low, high = wilson(positives / rows, rows)
    card["bands"]["hot"] |= {
        "rows": rows, "leads": rows, "hot_rows": rows, "hot_positives": positives,
        "predicted_hot": promised,
        "hot_rate": positives / rows, "hot_low": low, "hot_high": high,
        "warm_rows": 0, "warm_positives": 0,
    }  # fmt: skip
    return card


def test_a_band_that_promised_too_much_is_told_though_hardly_anybody_bought():
    text = page_of(with_hot_band(0.14, 150, 2)).text
    assert (
        "13 of 1,000 looks called hot were followed by a purchase within 14 days (4 to 47). "
        "Promised: 140. It promised too much." in text
    )


def test_a_band_of_a_handful_of_looks_is_too_small_to_say():
    text = page_of(with_hot_band(0.40, 5, 2)).text
    assert (
        "Too few to say 2 of 5 looks called hot were followed by a purchase within 14 days." in text
    )


def test_a_rate_of_zero_is_told_out_of_a_number_that_its_interval_needs():
    assert out_of(RateEstimate(0.0, 0.0, 0.025)) == 1000


def test_an_empty_band_is_said_to_be_empty():
    card = lifelike_card()
    card["bands"]["hot"] = unmeasured_card()["bands"]["hot"]
    assert "None In the test period no look at a lead was called hot." in page_of(card).text


def test_a_bound_that_rounding_put_beyond_the_rate_is_accepted():
    card = lifelike_card()
    everybody = {"hot_rate": 1.0, "hot_low": 0.96, "hot_high": 0.9999999999999999}
    card["bands"]["hot"] |= {"rows": 100, "hot_rows": 100, "hot_positives": 100, **everybody}
    assert summary_of(card, VERSION).bands[0].hot.happened.high == 1.0


def test_figures_that_contradict_each_other_are_refused():
    card = lifelike_card()
    card["bands"]["hot"] |= {"hot_low": 0.5, "hot_rate": 0.4}
    with pytest.raises(ValueError, match="low <= value <= high"):
        summary_of(card, VERSION)
    card = lifelike_card()
    card["bands"]["cold"]["hot_rows"] = 1
    with pytest.raises(ValueError, match="383 of 1"):
        summary_of(card, VERSION)


@pytest.mark.parametrize(
    ("inside", "too_high", "too_small", "verdict"),
    [
        (10, 0, 0, "held"),
        (9, 1, 0, "held"),
        (8, 2, 0, "mixed"),
        (5, 0, 0, "held"),
        (5, 1, 4, "held"),
        (4, 1, 0, "mixed"),
        (5, 5, 0, "mixed"),
        (4, 6, 0, "failed"),
        (0, 3, 7, "failed"),
        (0, 2, 8, "unknown"),
        (4, 0, 6, "unknown"),
        (0, 0, 10, "unknown"),
        (0, 0, 0, "unknown"),
    ],
)
def test_the_verdict_on_the_percentages_follows_the_groups(inside, too_high, too_small, verdict):
    card = with_groups(inside, too_high, too_small)
    assert summary_of(card, VERSION).hot.percentages == verdict


@pytest.mark.parametrize(
    ("inside", "too_high", "sentence", "warning"),
    [
        (9, 1, "Within 14 days: yes, as far as this test can tell.", None),
        (8, 2, "Within 14 days: in part.", None),
        (
            4,
            6,
            "Do not take the percentages at face value.",
            "within 14 days the test does not bear the promises out.",
        ),
        (
            4,
            0,
            "So few groups do not carry a verdict.",
            "within 14 days the test is too small to say whether the promises hold.",
        ),
    ],
)
def test_the_page_says_the_verdict_and_warns_before_the_bands(inside, too_high, sentence, warning):
    page = page_of(with_groups(inside, too_high))
    assert sentence in page.text
    assert ("Before you rely on it: within 14 days" in page.text) == (warning is not None)
    assert warning is None or f"Before you rely on it: {warning}" in page.text


def test_a_model_that_does_not_sort_is_not_accused_of_false_promises():
    card = with_groups(10, 0)
    card["horizons"]["hot"]["baselines"]["age only"]["auc"] = 0.9
    text = page_of(card).text
    assert (
        "Before you rely on it: within 14 days it does not sort leads better than "
        "the lead’s age alone does." in text
    )
    assert "does not bear the promises out" not in text


@pytest.mark.parametrize(
    ("age_only", "verdict"),
    [(0.61, "held"), (0.82, "mixed"), (0.84, "failed"), (None, "held")],
)
def test_the_verdict_on_sorting_is_against_the_best_simpler_way(age_only, verdict):
    card = lifelike_card()
    card["horizons"]["hot"]["baselines"]["age only"]["auc"] = age_only
    assert summary_of(card, VERSION).hot.sorting == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict", "sentence"),
    [
        (0.002, 0.006, "held", "On the same leads the model is surely the better one."),
        (-0.002, 0.01, "mixed", "The difference may be chance."),
    ],
)
def test_sorting_is_judged_on_the_same_leads_where_they_were_compared(low, high, verdict, sentence):
    card = with_groups(10, 0)
    hot = card["horizons"]["hot"]
    close = {"advantage": 0.004, "low": low, "high": high, "wins": 0.9}
    # Inside of the model's own interval, which is that of an easier or a harder period, too.
    hot["baselines"]["age only"] |= {"auc": hot["auc"] - 0.004, "auc_advantage": close}
    assert summary_of(card, VERSION).hot.sorting == verdict
    assert sentence in page_of(card).text


def test_ages_of_an_earlier_bundle_are_told_without_intervals():
    card = lifelike_card()
    del card["format"]
    (age, *_) = card["horizons"]["hot"]["by_age"]
    del age["auc_low"], age["auc_high"]
    row = [f"{age['rows']:,}", f"{age['positives']:,}", f"{100 * age['auc']:.0f}"]
    assert row in [cells[1:] for cells in page_of(card).rows]


def test_simpler_ways_stand_in_the_order_of_how_they_sort():
    card = lifelike_card()
    card["horizons"]["hot"]["baselines"]["tags"] = baseline(None, None, None)
    rivals = summary_of(card, VERSION).hot.rivals
    assert [one.name for one in rivals] == ["age only", "base rate", "tags"]


def test_the_verdict_is_the_weaker_one_of_both():
    card = with_groups(10, 0)
    card["horizons"]["hot"]["baselines"]["age only"]["auc"] = 0.9
    assert summary_of(card, VERSION).hot.verdict == "failed"


def test_a_signal_within_its_spread_does_not_matter():
    signals = {s.signal: s.matters for s in summary_of(lifelike_card(), VERSION).signals}
    assert signals["payment terms question"]
    assert not signals["newsletter open"]
    assert not signals["country"]


# A card with holes.


def test_a_model_that_could_not_be_tested_is_said_to_be_untested(unmeasured):
    assert "nothing below has been checked against what happened" in unmeasured.text
    assert "within 14 days there was nothing to test it on." in unmeasured.text
    assert "yes, as far as this test can tell" not in unmeasured.text
    assert not re.search(r"\b(None|nan|inf)\b", unmeasured.text)


FIGURES_OF_A_HORIZON = (
    *("base_rate", "auc", "auc_low", "auc_high", "log_loss", "brier"),
    *("brier_parts", "calibration_error", "ties", "points_card"),
)


@pytest.mark.slow
@pytest.mark.long
def test_any_figures_may_be_missing():
    random = np.random.default_rng(5)
    for _ in range(5):
        card = lifelike_card()
        horizon = card["horizons"][str(random.choice(["hot", "warm"]))]
        places = [
            *((horizon, key) for key in FIGURES_OF_A_HORIZON),
            *((b, key) for b in horizon["baselines"].values() for key in b),
            *((p, key) for p in (horizon["fit"], horizon["calibrate"]) for key in ("from", "to")),
            *((horizon["test"], key) for key in ("from", "to")),
            *((a, key) for a in horizon["by_age"] for key in ("auc", "auc_low")),
            *(
                (b, key)
                for b in card["bands"].values()
                for key in b
                if not key.endswith(("rows", "leads", "positives", "decided_by"))
            ),
            *((s, key) for s in card["importance"] for key in s if key != "signal"),
            *((card["export"], key) for key in ("rejected_rows", "first_created")),
            *((card["snapshots"], key) for key in ("every_days", "until_days", "effective_leads")),
            *((card["report"], key) for key in ("practice", "today", "portrait")),
        ]
        for place in random.choice(len(places), len(places) // 5, replace=False):
            values, key = places[place]
            values[key] = None
        assert not re.search(r"\b(nan|inf)\b", page_of(card).text)


def test_a_missing_figure_is_named():
    card = lifelike_card()
    del card["horizons"]["warm"]["immature_rows"]
    with pytest.raises(ValueError, match=r"card.horizons.warm.immature_rows is .*Train"):
        summary_of(card, VERSION)


def test_a_bundle_gives_its_report():
    bundle = dataclasses.replace(small_bundle(), card=document(lifelike_card()), version=VERSION)
    assert bundle_report(bundle) == english_page(lifelike_card())
    with pytest.raises(ValueError, match=r"card.data_fingerprint|card.export"):
        bundle_report(small_bundle())


# The page itself.

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "$x_1$ and \\frac",
    "{{ 7 * 7 }}{% raw %}",
    "价格 שלום 🔥",
    "(name 0)",
    "]]><!-- &amp;",
)


def test_hostile_text_shows_as_text(lifelike):
    card = lifelike_card()
    for signal, text in zip(card["importance"], HOSTILE, strict=False):
        signal["signal"] = text
    nothing = baseline(0.5, 0.1, 0.1)
    card["export"]["unused"] = {text: text for text in HOSTILE}
    card["horizons"]["hot"]["baselines"] = dict.fromkeys(HOSTILE, nothing)
    card["settings"] = {text: text for text in HOSTILE}
    page = page_of(card)
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in lifelike.tags}
    for text in HOSTILE:
        assert page.rows.count([text, text]) == 2  # unused columns, settings
        # Besides in the picture, the table of signals, the baselines; the first one in a caption,
        # the first three where the page begins.
        more = (text == HOSTILE[0]) + (text in HOSTILE[:3])
        assert page.words.count(text) == 7 + more


def test_the_same_card_gives_the_same_page_whatever_the_plotting_defaults_are():
    first = english_page(lifelike_card())
    with mpl.rc_context({"xtick.labelsize": 40, "svg.fonttype": "path"}):
        second = english_page(lifelike_card())
        assert mpl.rcParams["xtick.labelsize"] == 40
    assert first == second


def test_the_page_is_one_small_file_that_fetches_nothing(lifelike):
    html = english_page(lifelike_card())
    assert len(html.encode()) < 1_000_000
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    assert all(reference.startswith(("#", "data:")) for reference in lifelike.all("href"))
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in lifelike.tags}


def test_ids_are_unique_and_every_reference_has_its_target(lifelike):
    ids = lifelike.all("id")
    assert len(ids) == len(set(ids))
    wanted = [h[1:] for h in lifelike.all("href") if h.startswith("#")]
    wanted += lifelike.all("aria-labelledby")
    wanted += re.findall(r"url\(#([^)]*)\)", " ".join(lifelike.all("clip-path")))
    assert set(wanted) <= set(ids)


def test_every_picture_has_a_caption_and_a_table_behind_it(lifelike):
    pictures = [values for tag, values in lifelike.tags if tag == "svg"]
    assert len(pictures) == 7
    assert all(p["role"] == "img" and p["aria-labelledby"] for p in pictures)
    tags = [tag for tag, _ in lifelike.tags if tag in ("svg", "figcaption", "details", "table")]
    behind = " ".join(tags)
    pair = "svg figcaption svg figcaption details table details table"
    assert behind.count(pair) == 3
    assert behind.replace(pair, "").count("svg figcaption details table") == 1


def test_headings_do_not_skip_a_level(lifelike):
    levels = [int(tag[1]) for tag, _ in lifelike.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_temperatures_differ_by_mark_as_well_as_by_colour(lifelike):
    for heading in ("▲ Hot", "◆ Warm", "▼ Cold"):
        assert heading in lifelike.text
