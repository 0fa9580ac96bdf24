"""Shares are read from whatever card there is, and what is no share is left out."""

import pytest

from models.card import CardDocument
from models.card_formats import CARD_FORMAT
from models.training_shares import TrainingShares, training_shares
from tests.support.cards import lifelike_card

CARD = {
    "bands": {"hot": {"rows": 10}, "warm": {"rows": 30}, "cold": {"rows": 60}},
    "importance": [
        {"signal": "country", "log_loss_increase": 0.03},
        {"signal": "age of the lead", "log_loss_increase": 0.01},
        {"signal": "company size", "log_loss_increase": -0.01},
    ],
    "export": {"leads": 100, "interactions": 250},
    "report": {
        "practice": {
            "fields": [{"name": "country", "known": 90, "leads": 100}],
            "logging": {"everything": {"interactions": 250, "before": 25, "late": 50}},
        }
    },
}


def shares(values) -> TrainingShares:
    return training_shares(CardDocument.of({**values, "format": CARD_FORMAT}))


def test_shares_are_those_of_the_card() -> None:
    assert shares(CARD) == TrainingShares(
        bands={"hot": 0.1, "warm": 0.3, "cold": 0.6},
        filled={"country": 0.9},
        importance={"country": 0.75, "age of the lead": 0.25, "company size": 0.0},
        interactions_per_lead=2.5,
        booked=0.1,
        delayed=0.2,
    )


@pytest.mark.parametrize("name", sorted(CARD))
@pytest.mark.parametrize("odd", [None, [], {}, "x", 3, [1, None, {}], {"hot": 1, "practice": [0]}])
def test_a_part_that_is_odd_or_missing_leaves_the_rest(name: str, odd) -> None:
    found, whole = shares(CARD | {name: odd}), shares(CARD)
    for part in ("bands", "filled", "importance"):
        assert getattr(found, part) in (getattr(whole, part), {})


def test_numbers_that_are_no_counts_are_left_out() -> None:
    logging = {"everything": {"interactions": 10, "before": 11, "late": True}}
    found = shares({"report": {"practice": {"logging": logging}}, "export": {"leads": 0}})
    assert found == TrainingShares()


def test_a_whole_card_gives_every_share() -> None:
    found = training_shares(CardDocument.of(lifelike_card()))
    assert sum(found.bands.values()) == pytest.approx(1)
    assert sum(found.importance.values()) == pytest.approx(1)
    assert found.interactions_per_lead is not None
