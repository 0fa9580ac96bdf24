"""Assignment: what it never breaks, in random firms, and how good it is."""

import itertools
import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.desk.assignment import MOST_CELLS, NO_PERSON, assign
from serving.desk.optimum import best_pairs

FIRMS = int(os.environ.get("DESK_FIRMS", "150"))
"""Random firms that are tried; `DESK_FIRMS=10000` tries as many."""


@st.composite
def firms(draw, most_leads: int = 12, most_people: int = 4) -> dict:
    leads, people = draw(st.integers(0, most_leads)), draw(st.integers(0, most_people))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    quality = random.integers(0, 6, (leads, 1)) / 8.0
    skill = random.choice([0.5, 1.0, 1.0, 2.0], (leads, people))
    return {
        "value": quality * skill if draw(st.booleans()) else np.repeat(quality, people, axis=1),
        "eligible": random.random((leads, people)) < draw(st.sampled_from([0.3, 0.7, 1.0])),
        "capacity": random.integers(0, 5, people).tolist(),
        "lead_ids": [f"lead {i}" for i in random.permutation(leads)],
        "owner": random.integers(-1, people, leads) if people else np.full(leads, -1),
        "stay": draw(st.sampled_from([1.0, 1.25, 3.0])),
    }


@pytest.mark.parametrize("solve", [best_pairs, None], ids=["best", "dealt"])
@settings(max_examples=FIRMS, deadline=None)
@given(firm=firms(), shuffle=st.integers(0, 2**32 - 1))
def test_nothing_is_broken_whatever_the_firm(solve, firm, shuffle) -> None:
    assignment = assign(**firm, solve=solve)
    value, eligible = firm["value"], firm["eligible"]
    taken = np.flatnonzero(assignment.person != NO_PERSON)
    person = assignment.person[taken]
    assert eligible[taken, person].all()
    assert (np.bincount(person, minlength=len(firm["capacity"])) <= firm["capacity"]).all()
    assert (value[taken, person] > 0).all()
    assert assignment.value == pytest.approx(value[taken, person].sum())
    # Nobody idles while a lead that the person may have waits.
    free = np.array(firm["capacity"], np.int64) - np.bincount(
        person, minlength=len(firm["capacity"])
    )
    waiting = np.flatnonzero(assignment.person == NO_PERSON)
    assert not ((value * eligible)[np.ix_(waiting, np.flatnonzero(free > 0))] > 0).any()
    # The order in which leads come changes nothing.
    order = np.random.default_rng(shuffle).permutation(len(value))
    moved = {
        "value": value[order],
        "eligible": eligible[order],
        "lead_ids": [firm["lead_ids"][i] for i in order],
        "owner": firm["owner"][order],
    }
    again = assign(**(firm | moved), solve=solve)
    assert again.person.tolist() == assignment.person[order].tolist()


@settings(max_examples=min(FIRMS, 1000), deadline=None)
@given(firm=firms(most_leads=5, most_people=3))
def test_the_best_is_the_best_of_all_and_the_gap_holds(firm) -> None:
    """Against every possible assignment, counted out."""
    worth = firm["value"] * firm["eligible"]
    owned = np.flatnonzero(firm["owner"] != NO_PERSON)
    worth[owned, firm["owner"][owned]] *= firm["stay"]
    leads, people = worth.shape

    def total(choice: tuple[int, ...]) -> float:
        return sum(worth[lead, p] for lead, p in enumerate(choice) if p != NO_PERSON)

    def is_allowed(choice: tuple[int, ...]) -> bool:
        return all(choice.count(p) <= firm["capacity"][p] for p in range(people))

    choices = itertools.product(range(-1, people), repeat=leads)
    highest = max(total(choice) for choice in choices if is_allowed(choice))
    best = assign(**firm, solve=best_pairs)
    assert total(tuple(best.person.tolist())) == pytest.approx(highest, rel=1e-5)
    assert best.gap == 0
    dealt = assign(**firm)
    reached = total(tuple(dealt.person.tolist()))
    assert highest <= reached * (1 + dealt.gap) + 1e-9


def test_a_lead_stays_with_its_owner_unless_the_gain_is_clear() -> None:
    def person_for(value_elsewhere: float) -> int:
        value = np.array([[1.0, value_elsewhere]])
        owner = np.array([0])
        return int(
            assign(value, np.ones((1, 2), bool), [1, 1], ["a"], owner, 1.25, best_pairs).person[0]
        )

    assert person_for(1.2) == 0
    assert person_for(1.3) == 1


def test_equal_people_share_the_good_leads() -> None:
    """Not all the best to the first of them."""
    quality = np.linspace(1.0, 0.1, 12)
    value = np.repeat(quality[:, None], 3, axis=1)
    ids = [f"{i:02}" for i in range(12)]
    for solve in (best_pairs, None):
        person = assign(value, np.ones((12, 3), bool), [4, 4, 4], ids, solve=solve).person
        sums = [quality[person == p].sum() for p in range(3)]
        assert max(sums) - min(sums) < 0.5, solve


def test_values_and_capacities_that_mean_nothing_are_refused() -> None:
    allowed = np.ones((1, 1), bool)
    with pytest.raises(ValueError, match="finite and 0 or more"):
        assign(np.array([[float("nan")]]), allowed, [1], ["a"])
    with pytest.raises(ValueError, match="finite and 0 or more"):
        assign(np.array([[-1.0]]), allowed, [1], ["a"])
    with pytest.raises(ValueError, match="capacity must be 0 or more, got -2"):
        assign(np.array([[1.0]]), allowed, [-2], ["a"])


@pytest.mark.slow
@pytest.mark.long
def test_a_large_firm_is_dealt_out_in_seconds_and_says_its_gap() -> None:
    random = np.random.default_rng(7)
    leads, people = 100_000, 200
    quality = random.beta(0.5, 12, leads)
    value = quality[:, None] * random.choice([0.8, 1.0, 1.2], (1, people))
    eligible = random.random((leads, people)) < 0.5
    capacity = [20] * people
    assert sum(capacity) * leads > MOST_CELLS
    ids = [f"{i:06}" for i in range(leads)]
    began = time.process_time()
    assignment = assign(value, eligible, capacity, ids, solve=best_pairs)
    assert time.process_time() - began < 10
    assert (assignment.person != NO_PERSON).sum() == 4_000
    assert assignment.gap < 0.1
