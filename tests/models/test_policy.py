"""What may be asked of a band, and that nonsense is refused in words."""

import json
import math
from typing import Any

import pytest

from models.policy import (
    Capacity,
    Economics,
    FixedCutoff,
    GuaranteedRate,
    HighestLift,
    HighestRate,
    LimitedRate,
    Policy,
    Promised,
    WantedReach,
    confidence_of,
    policy_from_json,
    policy_to_json,
    promise_in_words,
    promised_from_json,
    promised_rate,
    within,
)

PROMISED: list[Promised] = [
    FixedCutoff(0.3),
    GuaranteedRate(0.3, 0.95),
    Capacity(40),
    Economics(sale_value=900, call_cost=60),
]
POLICIES: list[Policy] = [
    *PROMISED,
    HighestRate(0.3),
    HighestLift(0.25),
    WantedReach(0.5),
    WantedReach(0.5, rate=0.15, confidence=0.8),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert policy_from_json(json.loads(json.dumps(policy_to_json(policy)))) == policy


def test_what_a_band_promises_survives_json() -> None:
    promises: list[Promised] = [*PROMISED, LimitedRate(0.012, 0.8)]
    for promised in promises:
        assert promised_from_json(json.loads(json.dumps(policy_to_json(promised)))) == promised
        assert promised_from_json(promised) == promised


@pytest.mark.parametrize("sought", [HighestRate(0.3), HighestLift(0.25), WantedReach(0.5)])
def test_what_is_only_sought_is_no_promise(sought: Policy) -> None:
    with pytest.raises(ValueError, match="promises one rate"):
        promised_from_json(policy_to_json(sought))


def test_cold_can_not_be_asked_for() -> None:
    with pytest.raises(ValueError, match="per_week = 40"):
        policy_from_json({"at_most": 0.01})


def test_confidence_may_be_left_out() -> None:
    assert policy_from_json({"reach": 0.5}) == WantedReach(0.5, 0.0, 0.9)
    assert policy_from_json({"rate": 0.15, "reach": 0.5}) == WantedReach(0.5, 0.15, 0.9)
    assert policy_from_json({"least_reach": 0.25}) == HighestLift(0.25, 0.9)
    assert policy_from_json({"rate": 0.3}) == GuaranteedRate(0.3, 0.9)
    assert policy_from_json({"call_cost": 1, "sale_value": 2}) == Economics(2, 1, 0.9)


@pytest.mark.parametrize(
    "value",
    [
        "0.3",
        True,
        None,
        [0.3],
        {},
        {"rate": "0.3"},
        {"rate": True},
        {"rate": math.nan},
        {"rate": 0.3, "per_week": 40},
        {"rate": 0.3, "confidnce": 0.9},
        {"per_week": 40, "confidence": 0.9},
        {"sale_value": 900},
        {1: 2},
    ],
)
def test_what_is_no_policy_is_refused_with_the_policies_there_are(value: Any) -> None:
    with pytest.raises(ValueError, match=r"per_week = 40.*got "):
        policy_from_json(value)


@pytest.mark.parametrize(
    ("value", "law"),
    [
        (0, "between 0 and 1, got 0"),
        (1.0, "between 0 and 1"),
        ({"rate": 30}, "rate must lie between 0 and 1, got 30"),
        ({"rate": 0.3, "confidence": 0.5}, "more than 0.5 and less than 1"),
        ({"rate": 0.3, "confidence": 90}, "got 90"),
        ({"up_to": 1}, "up_to must lie between 0 and 1, got 1"),
        ({"least_reach": 0}, "least_reach must lie between 0 and 1, got 0"),
        ({"least_reach": 1}, "least_reach must lie between 0 and 1, got 1"),
        ({"reach": 1.0}, "reach must lie between 0 and 1, got 1"),
        ({"reach": 0}, "reach must lie between 0 and 1, got 0"),
        ({"reach": 0.5, "rate": -0.1}, "rate must be from 0 to below 1, got -0.1"),
        ({"reach": 0.5, "rate": 1}, "rate must be from 0 to below 1, got 1"),
        ({"per_week": 0}, "whole number from 1 on, got 0"),
        ({"per_week": 2.5}, "whole number"),
        ({"sale_value": 60, "call_cost": 900}, "less than sale_value"),
        ({"sale_value": 60, "call_cost": 0}, "more than 0"),
    ],
)
def test_a_number_out_of_its_bounds_is_named(value: Any, law: str) -> None:
    with pytest.raises(ValueError, match=law):
        policy_from_json(value)


def test_a_call_pays_from_the_share_that_its_cost_has_in_a_sale() -> None:
    assert promised_rate(Economics(sale_value=900, call_cost=60)) == pytest.approx(60 / 900)


@pytest.mark.parametrize("value", [0.001, 0.999])
def test_any_share_between_nothing_and_all_may_be_asked_for(value: float) -> None:
    assert promised_rate(FixedCutoff(value)) == value
    assert promised_rate(GuaranteedRate(value)) == value
    assert HighestRate(value).up_to == value
    for wrong in (0.0, 1.0):
        for kind in (FixedCutoff, GuaranteedRate, HighestRate, HighestLift, LimitedRate):
            with pytest.raises(ValueError, match="between 0 and 1"):
                kind(wrong)


@pytest.mark.parametrize("confidence", [0.5, 1.0, 0.0])
def test_confidence_lies_between_a_guess_and_certainty(confidence: float) -> None:
    for policy in (
        lambda sure: GuaranteedRate(0.3, sure),
        lambda sure: HighestRate(0.3, sure),
        lambda sure: HighestLift(0.3, sure),
        lambda sure: LimitedRate(0.3, sure),
        lambda sure: WantedReach(0.3, confidence=sure),
        lambda sure: Economics(900, 60, sure),
    ):
        with pytest.raises(ValueError, match="and less than 1"):
            policy(confidence)
        assert policy(0.501).confidence == 0.501


def test_a_call_costs_something_and_less_than_a_sale_brings() -> None:
    for value, cost in ((60, 60), (60, 0), (math.inf, 60), (60, -1)):
        with pytest.raises(ValueError, match="more than 0 and less than sale_value"):
            Economics(sale_value=value, call_cost=cost)


def test_what_a_policy_does_not_say_of_its_confidence_is_nine_in_ten() -> None:
    found = [confidence_of(policy) for policy in PROMISED]
    assert found == [0.9, 0.95, 0.9, 0.9]
    assert confidence_of(Economics(900, 60, 0.8)) == 0.8


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (FixedCutoff(0.125), "of the looks called warm at least 12.5 % convert within 90 days"),
        (
            GuaranteedRate(0.3, 0.95),
            "of the looks called warm at least 30 % convert within 90 days, with 95 % confidence",
        ),
        (
            Economics(900, 60),
            (
                "a call to a lead called warm pays on average, with 90 % confidence: it costs 60 "
                "and a sale brings 900, so at least 6.67 % of them must convert within 90 days"
            ),
        ),
        (
            LimitedRate(0.0125),
            (
                "of 1,000 looks called warm at most 12.5 convert within 90 days, "
                "with 90 % confidence"
            ),
        ),
        (
            Capacity(1_500),
            "no more than 1,500 leads are called warm in a week, in 9 weeks of 10",
        ),
    ],
)
def test_a_promise_is_said_in_one_sentence(policy: Promised, words: str) -> None:
    assert promise_in_words(policy, "warm", 90) == words
    assert within(1) == "within 1 day"


@pytest.mark.parametrize("policy", PROMISED)
def test_every_promise_says_its_band_and_its_number(policy: Promised) -> None:
    words = promise_in_words(policy, "warm", 90)
    assert "called warm" in words
    assert any(number in words for number in ("30 %", "40 leads", "6.67 %"))
