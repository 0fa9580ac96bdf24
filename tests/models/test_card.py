"""The half of a model card that serving reads, and what it shows."""

import json
from datetime import UTC, datetime

import pytest

from models.card import CardDocument, older_than_judged, shown_card

END = {"data_end": "2026-01-01T00:00:00+00:00"}


def test_serving_reads_its_half_of_the_card() -> None:
    served = CardDocument.of(
        {
            **END,
            "snapshots": {"until_days": 180},
            "settings": {"test_from": "2025-06-01T12:00:00+00:00"},
            "horizons": {"hot": {"base_rate": 0.03}, "warm": {"base_rate": None}},
        }
    ).served
    assert served.data_end == datetime(2026, 1, 1, tzinfo=UTC)
    assert served.judged_days == 180.0
    assert served.test_from == datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert served.base_rates == {"hot": 0.03}


@pytest.mark.parametrize("card", [{}, {"snapshots": {}}, {"snapshots": {"until_days": None}}])
def test_a_card_that_does_not_say_until_when_leads_were_looked_at_sets_no_limit(card) -> None:
    assert CardDocument.of({**END, **card}).served.judged_days is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("{}", "no data_end"), ("[]", "JSON object, got list"), ("{", "Expecting property name")],
)
def test_what_is_no_card_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _ = CardDocument(text).served


def test_a_card_is_shown_without_what_managers_read_and_without_its_format() -> None:
    card = {**END, "format": 2, "report": {"practice": {"owners": "anna"}}, "recipe": "r"}
    assert shown_card(CardDocument.of(card)) == {**END, "recipe": "r"}


def test_the_same_values_make_the_same_text_in_whatever_order_they_stand() -> None:
    text = CardDocument.of({"b": 1, "a": {"d": 2, "c": "ж"}}).text
    assert text == CardDocument.of({"a": {"c": "ж", "d": 2}, "b": 1}).text
    assert json.loads(text) == {"a": {"c": "ж", "d": 2}, "b": 1}


@pytest.mark.parametrize(
    ("days", "words"), [(180.0, "180 days"), (1.0, "1 day"), (0.5, "0.5 days"), (0.0, "0 days")]
)
def test_the_limit_is_told_in_words(days: float, words: str) -> None:
    assert older_than_judged(days) == f"older than any lead the model was judged on: {words}"
