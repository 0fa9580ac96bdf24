"""The card for people: all that must stand in it does, whatever names a CRM holds."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.cards import card_of, lifelike_card
from training.report.model_card import card_text

HOSTILE = [
    "a|b",
    "# heading",
    "line\nbreak\r\n\n| x | y |",
    "<script>alert(1)</script>",
    "![p](https://example.org/x.png)",
    "[l](javascript:alert(1))",
    "`code` *star* __bold__ ~~gone~~",
    "https://example.org www.example.org a@example.org",
    "&lt;b&gt; \\",
    "---",
    "\u202eevil\u2028",
]


def full_card(name: str = "source") -> dict[str, Any]:
    """Card with everything that a training leaves in it, and one name of the CRM's everywhere."""
    card = copy.deepcopy(lifelike_card())
    card["data_fingerprint"] = "0123456789abcdef" * 2
    card["snapshots"]["effective_leads"] = 9000.5
    card["learning_curve"]["sentence"] = "The hot rate is known to 5 points."
    card["audit"] = [
        {
            "what": "attribute",
            "name": name,
            "verdict": "suspect",
            "reason": f"it is {name}",
            "figures": {},
        },
        {
            "what": "kind",
            "name": "invoice",
            "verdict": "leak",
            "reason": "it is the sale",
            "figures": {"auc": 0.99},
        },
    ]
    card["export"] |= {
        "unused": {name: f"free text in {name}", "phone": "looks like phone numbers"},
        "rejects": [{"table": "leads", "rule": name, "left_out": "row", "rows": 12}],
        "suspicions": [{"name": name, "location": name, "rows": 12, "way_out": name}],
        "sensitive_allowed": [name],
    }
    ahead = {"advantage": 0.01, "low": 0.005, "high": 0.015, "wins": 1.0}
    for horizon in card["horizons"].values():
        for baseline in horizon["baselines"].values():
            baseline["log_loss_advantage"] = ahead
        horizon |= {
            "predictor": "booster",
            "better_than": ["base rate"],
            "beaten_by": [],
            "never_learned_from": {**horizon["never_learned_from"], "leads": 3000},
            "calibration": {
                "curve": "beta",
                "compared": [{"method": "beta", "log_loss": 0.1, "gain": 0.0, "gain_error": 0.0}],
                "drift": {
                    "a_day": 0.001,
                    "deviation": 0.1,
                    "gain": 4.0,
                    "least_odds": 0.41,
                    "most_odds": 1.07,
                },
                "month_deviation": 0.174,
                "month_check": {"months": 12, "held": 9, "nominal": 0.8},
                "latest_weeks": {
                    "first_look": "2025-11-01T00:00:00+00:00",
                    "last_look": "2025-11-28T00:00:00+00:00",
                    "looks": 800,
                    "bought": 9,
                    "expected": 31.4,
                    "changed": True,
                    "log_odds": -1.2,
                },
            },
            "calibration_error": {"error": 0.004, "low": 0.003, "high": 0.009},
            "ties": None,
            "intervals": {"groups": 60, "contradicted": 1, "not_enough_evidence": 40},
            "groups": [
                {
                    "by": name,
                    "level": name,
                    "contradicted": True,
                    "promised_low": 0.3,
                    "promised_high": 0.4,
                    "rate": {
                        "predicted": 0.35,
                        "rows": 200,
                        "positives": 20,
                        "leads": 90,
                        "observed": 0.1,
                        "low": 0.05,
                        "high": 0.2,
                    },
                }
            ],
        }
    for band in (card["bands"]["hot"], card["bands"]["warm"]):
        band["promise"] = {
            "policy": {"rate": 0.3, "confidence": 0.9},
            "line": 0.27,
            "looks": 100,
            "leads": 60,
            "positives": 41,
            "rate": 0.41,
            "bound": 0.3,
            "words": "at least 30 % convert",
            "because": "the highest rate that the looks bear",
            "reach": 0.45,
            "finding": "kept",
            "sentence": "41 % converted",
        }
        band["served"] = {
            "cutoff": 0.181,
            "words": "at least 30 % convert",
            "looks": 1234,
            "leads": 300,
            "positives": 400,
            "rate": 0.324,
            "bound": 0.301,
            "because": "tested",
            "reach": 0.44,
        }
    card["importance"][0]["signal"] = name
    card["settings"]["monotone"] = {name: "increasing"}
    return card


def parsed(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def outline(text: str) -> list[str]:
    """Every element of a page but its words."""
    found = []
    for token in parsed(text):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type != "text"]
    return [one for one in found if one not in ("text_special", "softbreak")]


def words(text: str) -> str:
    return " ".join(
        "".join(child.content for child in token.children or ()) for token in parsed(text)
    )


def test_the_card_says_what_the_model_is_for_and_what_it_was_measured_to_be() -> None:
    said = words(card_text(card_of(full_card())))
    for told in (
        "It is not for",
        "0123456789abcdef0123456789abcdef",
        "looks like phone numbers",
        "within 14 days",
        "0.831 (0.818 to 0.844)",
        "0.0100 (0.0050 to 0.0150)",
        "Surely better than: base rate.",
        'Calibrated by the curve "beta"',
        "lay between 0.41 and 1.07 times what they were last",
        "by a standard deviation of 0.17 log-odds",
        "nominal 80\u00a0%, held 75\u00a0% of 12 months",
        "from 2025-11-01 to 2025-11-28 9 bought, where the months before let expect 31.4",
        "kept: 41 % converted",
        "Serves from 0.181 on: at least 30 % convert. Of all 1,234 looks there",
        "reach 44\u00a0%",
        "The hot rate is known to 5 points.",
        "Sensitive attributes that are used",
        "lightgbm",
    ):
        assert told in said, told


def test_a_level_that_stood_still_is_not_told_of() -> None:
    card = full_card()
    for horizon in card["horizons"].values():
        horizon["calibration"]["drift"] = None
    assert "the level wandered" not in words(card_text(card_of(card)))
    assert "the level wandered" in words(card_text(card_of(full_card())))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_and_changes_nothing_else(name: str) -> None:
    text = card_text(card_of(full_card(name)))
    assert outline(text) == outline(card_text(card_of(full_card("plain"))))
    shown = " ".join(name.replace("\u202e", " ").replace("\u2028", " ").split())
    assert shown in " ".join(words(text).split())
    for bait in ("https://", "www.", "a@example"):
        assert bait not in text


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12))
def test_no_name_whatever_changes_the_page(name: str) -> None:
    assert outline(card_text(card_of(full_card(f"x{name}")))) == outline(
        card_text(card_of(full_card("x")))
    )


def test_the_text_is_that_of_the_json_in_whatever_order_it_lies() -> None:
    card = full_card()
    again = json.loads(json.dumps(card, sort_keys=True))
    assert card_text(card_of(again)) == card_text(card_of(card))


def test_for_how_long_refused_leads_are_looked_at_is_said_where_they_are() -> None:
    card = lifelike_card()
    assert "refused" not in card_text(card_of(card))
    card["settings"]["after_refusal_days"] = 90.0
    assert "- leads that were refused more than 90 days ago" in card_text(card_of(card))
