"""What a terminal says of baselines: who beats whom, and every point of a points card."""

import io

from rich.console import Console

from lead_temperature.tables.rivals import (
    advantage_text,
    baselines_weakest_first,
    show_points_cards,
    show_rivals,
)
from tests.support.cards import card_of, lifelike_card
from training.card.values import to_json
from training.evaluation.baselines import BaselineFigures


def figures(log_loss: float | None) -> BaselineFigures:
    return BaselineFigures(0.5, None, log_loss, None, None, None)


def printed(show=show_rivals, **horizon) -> str:
    console = Console(file=io.StringIO(), width=300)
    values = lifelike_card()
    for figures in values["horizons"].values():
        figures |= {"predictor": "booster", "baselines": {}, **horizon}
    show(console, card_of(values))
    return console.file.getvalue()


def test_a_model_that_is_not_better_is_not_called_better() -> None:
    told = printed(
        baselines=dict.fromkeys(
            ("base rate", "tags", "logistic regression"), to_json(figures(0.1))
        ),
        better_than=["base rate"],
        beaten_by=["logistic regression"],
    )
    assert (
        "hot: a booster predicts. Worse than logistic regression. Better than base rate. "
        "No clear difference from tags."
    ) in told


def test_a_points_card_is_printed_bin_by_bin_and_hostile_words_are_text() -> None:
    line = {"quality": "source [red]", "value": "[/]fair", "points": 7, "share": 0.4}
    other = {"quality": "source [red]", "value": "web", "points": -2, "share": 0.6}
    told = printed(show_points_cards, predictor="points card", points_card=[line, other])
    assert "source [red]" in told
    assert "[/]fair +7, web -2" in told


def test_the_weakest_baseline_comes_first_and_what_is_unknown_is_a_dash() -> None:
    found = {"a": figures(0.2), "b": figures(0.3), "c": figures(None)}
    assert baselines_weakest_first(found) == ["b", "a", "c"]
    assert advantage_text(None) == "–"


def test_where_too_few_bought_the_base_rate_is_said_and_no_model() -> None:
    told = printed(predictor="base rate", better_than=["base rate"], beaten_by=[])
    assert "hot: fewer than 10 leads are known to have bought before the test" in told
    assert "predicts" not in told
