"""What `train` prints: promises with their verdicts first, then figures, then points cards."""

import io

import numpy as np
import pytest
from rich.console import Console

from lead_temperature.tables.training import (
    show_bands,
    show_promises,
    show_test_period,
    show_training,
)
from models.bands import Bands, Promise
from models.policy import Capacity, FixedCutoff, GuaranteedRate, LimitedRate
from tests.support.cards import card_of, lifelike_card
from training.bands.results import band_promises
from training.card.values import to_json
from training.statistics.figures import JudgedRows

DAY = 86_400_000_000


def printed(show, card: dict, width: int = 300) -> str:
    console = Console(width=width, file=io.StringIO())
    show(console, card_of(card))
    return console.file.getvalue()


def promise_card(promise: Promise, converted: int = 60) -> dict:
    band, lead = np.array(["hot"] * 100), np.arange(100)
    rows = {"hot": JudgedRows(lead < converted, lead, np.zeros(100))}
    mature = {"hot": np.ones(100, bool)}
    bands = Bands(0.3, 0.3, 0.1, {"hot": promise})
    return to_json(band_promises(bands, {"hot": 14}, band, rows, mature, lead * DAY)["hot"])


def card_with(promise: dict, **band) -> dict:
    card = lifelike_card()
    for evaluation in card["bands"].values():
        evaluation["promise"] = None
    card["bands"]["hot"] |= {"promise": promise, "cutoff": 0.3, **band}
    return card


ASKED = Promise(GuaranteedRate(0.3), 0.27, 100, 50, 40, 0.4, 0.33, "tested", 0.45)


def test_a_promise_stands_in_a_table_with_its_evidence_and_its_verdict() -> None:
    reach = {"value": 0.4, "low": 0.3, "high": 0.51, "buyers": 80}
    figures = {"hot_rate": 0.6, "hot_low": 0.5, "hot_high": 0.7, "reach": reach}
    text = printed(show_promises, card_with(promise_card(ASKED), **figures))
    row = next(line for line in text.splitlines() if line.startswith("│ hot"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "hot",
        "≥ 30 % with 90 % confidence",
        "0.300",
        "40.0 %, at least 33.0 %; reach 45 %; 100 looks at 50 leads from 0.270 on",
        "60.0 % (95 %: 50.0–70.0); reach 40 % (30–51) of 80 buyers",
        "kept",
    ]


@pytest.mark.parametrize(
    ("converted", "sentence"),
    [
        (60, "hot: The promise held in the test period: 60.0 % converted, at least "),
        (10, "hot: The promise did not hold in the test period: 10.0 % converted, at most "),
        (32, "hot: Too few conversions to say whether the promise held: 32.0 % converted, "),
    ],
)
def test_one_plain_sentence_says_whether_it_held_and_why_the_cutoff_lies_there(
    converted, sentence
) -> None:
    card = card_with(promise_card(ASKED, converted))
    text, days = printed(show_promises, card), card["horizons"]["hot"]["days"]
    line = next(line for line in text.splitlines() if line.startswith("hot: "))
    assert line.startswith(sentence)
    assert line.endswith(
        f"(promised: ≥ 30 % with 90 % confidence within {days} days). Cut-off: tested."
    )


def test_it_says_why_nobody_is_called_so() -> None:
    why = "the calibrating looks do not bear the promise, so nobody is called hot"
    promise = Promise(GuaranteedRate(0.3), 0.27, 0, 0, 0, None, None, why)
    text = printed(show_promises, card_with(promise_card(promise), cutoff=None))
    assert f"Cut-off: {why}." in text
    assert "no look from 0.270 on" in text


@pytest.mark.parametrize(
    ("policy", "words"), [(Capacity(40), "≤ 40 leads a week"), (FixedCutoff(0.25), "≥ 25 %")]
)
def test_other_policies_are_promises_too(policy, words) -> None:
    promise = Promise(policy, 0.27, 100, 50, 40, 0.4, 0.33, "tested")
    assert words in printed(show_promises, card_with(promise_card(promise)))


def test_cold_promises_how_few_of_a_thousand_buy() -> None:
    promise = Promise(LimitedRate(0.012), 0.2, 900, 500, 8, 0.0089, 0.0116, "counted", 0.3)
    card = lifelike_card()
    card["bands"]["cold"]["promise"] = {
        **promise.to_json(),
        "words": "at most 12 of 1,000",
        "finding": "kept",
        "sentence": "0.9 % converted, at most 1.1 % with 90 % confidence",
    }
    text, days = printed(show_promises, card), card["horizons"]["warm"]["days"]
    row = next(line for line in text.splitlines() if line.startswith("│ cold"))
    assert "≤ 12 of 1,000 with 90 % confidence" in row
    assert "0.9 %, at most 1.2 %; reach 30 %; 900 looks at 500 leads below 0.200" in row
    assert f"(promised: ≤ 12 of 1,000 with 90 % confidence within {days} days). Bound: " in text


def test_the_learning_curve_is_told_with_the_promises() -> None:
    card = card_with(promise_card(ASKED))
    card["learning_curve"]["sentence"] = "About 80 more conversions."
    assert "About 80 more conversions." in printed(show_promises, card)


def test_what_was_judged_is_counted_for_each_horizon_and_for_new_leads() -> None:
    card = lifelike_card()
    hot = card["horizons"]["hot"]
    hot["test"] = {
        "from": "2025-06-29T00:00:00+00:00", "to": "2025-12-17T00:00:00+00:00",
        "rows": 8_245, "leads": 1_433, "positives": 274,
    }  # fmt: skip
    hot |= {"immature_rows": 706, "learned_rows": 16_507, "kept_rows": 16_217}
    text = printed(show_test_period, card)
    rows = [[cell.strip() for cell in line.split("│")] for line in text.splitlines()]
    counts = ["8,245", "1,433", "274", "3.3 %", "706"]
    name = f"hot, {hot['days']} d"
    assert ["", name, "2025-06-29 to 2025-12-17", *counts, ""] in rows
    assert any(row[2:3] == ["new leads only"] for row in rows)
    assert "hot: 290 of the 16,507 looks to learn from have no weight" in text


def test_promises_come_first_and_points_cards_last() -> None:
    card = card_with(promise_card(ASKED))
    card["horizons"]["warm"] |= {
        "predictor": "points card",
        "points_card": [{"quality": "source", "value": "fair", "points": 7, "share": 1.0}],
    }
    text = printed(show_training, card, width=80)
    order = [
        text.index(part)
        for part in (
            "What the bands promise",
            "The promise held",
            "Conversion by band",
            "What was judged",
            "hot: converts",
            "Hot horizon by",
            "Points card of",
        )
    ]
    assert order == sorted(order)
    assert max(len(line) for line in text.splitlines()) <= 80


SERVED = {
    "cutoff": 0.18, "words": "of the looks called hot at least 30 % convert", "looks": 1234,
    "leads": 300, "positives": 400, "rate": 0.324, "bound": 0.301, "because": "tested",
    "reach": 0.44,
}  # fmt: skip


def test_what_serves_is_told_with_its_rate_and_its_reach() -> None:
    text = printed(show_promises, card_with(promise_card(ASKED), served=SERVED))
    assert (
        "hot as it serves, from 0.180 on: of the looks called hot at least 30 % convert. Of all "
        "1,234 looks there that no fit had learned from 32.4 % converted, at least 30.1 %; reach "
        "44 %."
    ) in text
    because = "the looks do not bear the promise, so nobody is called hot"
    nothing = {"cutoff": None, "rate": None, "bound": None, "reach": None}
    nobody = {**SERVED, **nothing, "because": because}
    text = printed(show_promises, card_with(promise_card(ASKED), served=nobody))
    assert f"hot as it serves: {because}." in text
    assert "serves" not in printed(show_promises, card_with(promise_card(ASKED)))


def test_each_observed_rate_of_a_band_stands_beside_its_reach() -> None:
    reach = {"value": 0.437, "low": 0.3, "high": 0.51, "buyers": 80}
    card = lifelike_card()
    for name in ("hot", "warm", "cold"):
        card["bands"][name]["reach"] = reach
    text = printed(show_bands, card)
    assert [line.count("44 %") for line in text.splitlines() if " d " in line] == [1, 0, 0, 1, 0, 1]


def test_each_horizon_says_in_how_many_months_its_intervals_held() -> None:
    card = lifelike_card()
    card["horizons"]["hot"]["calibration"]["month_check"] = {
        "months": 12, "held": 9, "nominal": 0.8,
    }  # fmt: skip
    card["horizons"]["warm"]["calibration"]["month_check"] = None
    text = printed(show_test_period, card)
    assert "hot: intervals of groups of leads, nominal 80 %, held 75 % of 12 months" in text
    assert "warm: intervals" not in text
    card["horizons"]["hot"]["calibration"]["month_check"] |= {"months": 0, "held": 0}
    assert "hot: intervals" not in printed(show_test_period, card)


def test_a_change_of_the_latest_weeks_is_told_and_no_change_is_not() -> None:
    card = lifelike_card()
    latest = {
        "first_look": "2025-11-01T00:00:00+00:00", "last_look": "2025-11-28T00:00:00+00:00",
        "looks": 800, "bought": 9, "expected": 31.4, "changed": True, "log_odds": -1.2,
    }  # fmt: skip
    card["horizons"]["hot"]["calibration"]["latest_weeks"] = latest
    card["horizons"]["warm"]["calibration"]["latest_weeks"] = {**latest, "changed": False}
    text = printed(show_test_period, card)
    assert "hot: of 800 looks from 2025-11-01 to 2025-11-28 9 bought" in text
    assert "expect 31. Intervals are wider" in text
    assert "warm: of 800" not in text
