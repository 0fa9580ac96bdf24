"""Ways to hand out leads: who gets which, and that the best list is the best."""

from itertools import permutations

import numpy as np
import pytest
from scipy.special import expit

from benchmarks.work_policies import (
    FAIRLY,
    POLICIES,
    WAITS,
    Beliefs,
    Morning,
    PolicyName,
    best_list,
    hand_out,
)
from training.team.effects import HandOvers, fit_effects

MARGIN = np.array([-2.0, -1.0, -3.0, -1.5])
NOTHING = fit_effects(HandOvers(*[np.zeros(0, int)] * 2, np.zeros(0), np.zeros(0, bool)), 2)
BELIEFS = Beliefs(learned=NOTHING, win_rates=np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]))
MORNING = Morning(MARGIN, np.array([0, 2, 0, 2]), np.tile([0.0, 0.3], (4, 1)))


@pytest.mark.parametrize(
    ("policy", "capacity", "expected"),
    [
        ("turns", 1, [FAIRLY, FAIRLY, WAITS, WAITS]),
        ("newest", 1, [WAITS, WAITS, FAIRLY, FAIRLY]),
        ("equal", 1, [WAITS, FAIRLY, WAITS, FAIRLY]),
        ("gated", 1, [WAITS, FAIRLY, WAITS, FAIRLY]),
        ("ring", 1, [WAITS, 0, WAITS, 1]),
        ("ring", 2, [0, 0, 1, 1]),
        ("true_effects", 1, [WAITS, 1, WAITS, 0]),
        ("win_rates", 2, [1, 0, 1, 0]),
    ],
)
def test_each_policy_hands_out_in_its_own_way(
    policy: PolicyName, capacity: int, expected: list[int]
) -> None:
    assert hand_out(policy, MORNING, BELIEFS, capacity, acts=False).tolist() == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_gets_more_than_can_be_called_and_no_call_is_left_over(policy: PolicyName) -> None:
    rng = np.random.default_rng(1)
    morning = Morning(rng.normal(size=9), rng.integers(3, size=9), rng.normal(size=(9, 2)))
    for capacity in (0, 3, 6):
        person = hand_out(policy, morning, BELIEFS, capacity, acts=True)
        assert (person != WAITS).sum() == min(9, 2 * capacity)
        assert all((person == number).sum() <= capacity for number in range(2))


def test_the_best_list_is_the_best_of_all_permutations() -> None:
    rng = np.random.default_rng(2)
    margin, effect = rng.normal(-2, 1, 6), rng.normal(0, 0.5, (6, 3))
    value = expit(margin[:, None] + effect)
    person = best_list(margin, effect, 2)
    slots = np.repeat(np.arange(3), 2)
    brute_force = max(value[list(order), slots].sum() for order in permutations(range(6)))
    assert value[np.arange(6), person].sum() == pytest.approx(brute_force)


def test_no_leads_are_handed_out_without_complaint() -> None:
    empty = Morning(np.zeros(0), np.zeros(0, int), np.zeros((0, 2)))
    for policy in POLICIES:
        assert hand_out(policy, empty, BELIEFS, 3, acts=True).tolist() == []
