"""Rates that contradict themselves are refused, and a promise is judged by its interval."""

import pytest

from training.statistics.rates import ENOUGH_PROMISED, Outcome, RateEstimate


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0.2, 0.21, 0.3), (0.2, 0.1, 0.19), (0.2, -0.01, 0.3), (0.9, 0.8, 1.01)],
)
def test_a_rate_outside_its_interval_or_of_impossible_size_is_refused(value, low, high) -> None:
    with pytest.raises(ValueError, match="0 <= low <= value <= high <= 1"):
        RateEstimate(value, low, high)


@pytest.mark.parametrize(("rows", "positives"), [(10, 11), (10, -1)])
def test_more_purchases_than_looks_are_refused(rows, positives) -> None:
    with pytest.raises(ValueError, match=f"got {positives} of {rows}"):
        Outcome(rows, positives, 0.1, None)


HAPPENED = RateEstimate(0.3, 0.2, 0.4)


@pytest.mark.parametrize(
    ("promised", "finding"),
    [(0.19, "too little"), (0.2, "held"), (0.4, "held"), (0.41, "too much"), (None, "unknown")],
)
def test_a_promise_holds_from_end_to_end_of_the_interval(promised, finding) -> None:
    assert Outcome(1_000, 300, promised, HAPPENED).finding == finding


def test_without_an_observed_rate_nothing_is_known_of_the_promise() -> None:
    assert Outcome(1_000, 300, 0.3, None).finding == "unknown"


def test_a_small_promise_cannot_hold_but_it_can_be_broken() -> None:
    rows = 40
    enough = ENOUGH_PROMISED / rows
    assert Outcome(rows, 12, enough, HAPPENED).finding == "held"
    assert Outcome(rows, 12, enough - 0.01, HAPPENED).finding == "unknown"
    assert Outcome(rows, 0, 0.24, RateEstimate(0.0, 0.0, 0.09)).finding == "too much"
