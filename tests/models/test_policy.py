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
    HighestRate,
    Policy,
    Promised,
    policy_from_json,
    policy_to_json,
    promise_in_words,
    promised_rate,
)

PROMISED: list[Promised] = [
    FixedCutoff(0.3),
    GuaranteedRate(0.3, 0.95),
    Capacity(40),
    Economics(sale_value=900, call_cost=60),
]
POLICIES: list[Policy] = [*PROMISED, HighestRate(0.3)]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert policy_from_json(json.loads(json.dumps(policy_to_json(policy)))) == policy


def test_confidence_may_be_left_out() -> None:
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


@pytest.mark.parametrize("policy", PROMISED)
def test_every_promise_says_its_band_and_its_number(policy: Promised) -> None:
    words = promise_in_words(policy, "warm", 90)
    assert "called warm" in words
    assert any(number in words for number in ("30 %", "40 leads", "6.67 %"))
