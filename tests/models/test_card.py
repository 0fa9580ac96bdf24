"""What a card says about where its model may be trusted."""

import pytest

from models.card import judged_days, older_than_judged


@pytest.mark.parametrize("card", [{}, {"snapshots": {}}, {"snapshots": {"until_days": None}}])
def test_a_card_that_does_not_say_until_when_leads_were_looked_at_sets_no_limit(card) -> None:
    assert judged_days(card) is None


def test_the_limit_is_the_age_at_the_last_look() -> None:
    assert judged_days({"snapshots": {"until_days": 180.0}}) == 180.0


@pytest.mark.parametrize(
    ("days", "words"), [(180.0, "180 days"), (1.0, "1 day"), (0.5, "0.5 days"), (0.0, "0 days")]
)
def test_the_limit_is_told_in_words(days: float, words: str) -> None:
    assert older_than_judged(days) == f"older than any lead the model was judged on: {words}"
