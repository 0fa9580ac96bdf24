"""What a terminal says of baselines: who beats whom, and every point of a points card."""

import io

from rich.console import Console

from lead_temperature.tables.rivals import advantage_text, baselines_weakest_first, show_rivals


def printed(**horizon) -> str:
    plain = {"predictor": "booster", "points_card": None, "better_than": [], "beaten_by": []}
    console = Console(file=io.StringIO(), width=300)
    both = {name: {"baselines": {}, **plain, **horizon} for name in ("hot", "warm")}
    show_rivals(console, {"horizons": both})
    return console.file.getvalue()


def test_a_model_that_is_not_better_is_not_called_better() -> None:
    told = printed(
        baselines=dict.fromkeys(("base rate", "tags", "logistic regression")),
        better_than=["base rate"],
        beaten_by=["logistic regression"],
    )
    assert (
        "hot: the model is a booster; beaten by logistic regression; not better than tags, as far "
        "as can be told; better than base rate (log loss on the same leads, 95 %)."
    ) in told


def test_a_points_card_is_printed_bin_by_bin_and_hostile_words_are_text() -> None:
    line = {"quality": "source [red]", "value": "[/]fair", "points": 7, "share": 0.4}
    other = {"quality": "source [red]", "value": "web", "points": -2, "share": 0.6}
    told = printed(predictor="points card", points_card=[line, other])
    assert "source [red]" in told
    assert "[/]fair +7, web -2" in told


def test_the_weakest_baseline_comes_first_and_what_is_unknown_is_a_dash() -> None:
    found = {"a": {"log_loss": 0.2}, "b": {"log_loss": 0.3}, "c": {"log_loss": None}}
    assert baselines_weakest_first(found) == ["b", "a", "c"]
    assert advantage_text(None) == "–"
