"""Who gets which lead today: the most value that capacities and eligibility allow.

Each person has as many slots as leads can be contacted, and each lead goes into one slot at most.
Where leads and slots are few enough, the best assignment is found exactly
(`scipy.optimize.linear_sum_assignment`, handed over as `solve`, so that whoever asks without SciPy
need not have it). Beyond that, and without `solve`, leads are dealt out greedily, the most valuable
first, and `Assignment.gap` says how far from the best that can be at most.

Nobody gets more than the capacity or a lead that is not eligible. A lead stays with its owner
unless it is worth clearly more elsewhere. Equal people share fairly: a slot counts a little less
than the one before it, so the good leads are spread over everybody's first slots. Leads and people
are put in the order of their ids before, so neither their order nor chance changes anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from features.arrays import Bool, Float64, Int64

Solver: TypeAlias = Callable[[Float64], tuple[Int64, Int64]]
"""Rows and columns that maximise the sum of a table."""
MOST_CELLS = 4_000_000
"""Candidates times slots up to which the best assignment is found exactly: a second or two."""
SLOT_STEP = 1e-6
"""Share by which all slots of a person together lose value from the first to the last."""
PRICE_ROUNDS = 2
"""How often each person's price is set anew for the bound; more lower it no further."""
NO_PERSON = -1


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gets which lead.

    Parameters
    ----------
    person : int64 array of shape (leads,)
        Index of the person of each lead; `NO_PERSON` for leads without a slot.
    value : float
        Sum of the values of all leads with the people who got them.
    gap : float
        Share of `value` by which the best assignment can be better at most; 0 where it is the best.
    """

    person: Int64
    value: float
    gap: float


def assign(
    value: Float64,
    eligible: Bool,
    capacity: Sequence[int],
    lead_ids: Sequence[str],
    owner: Int64 | None = None,
    stay: float = 1.25,
    solve: Solver | None = None,
) -> Assignment:
    """Assignment of leads to people that keeps every capacity and all eligibility.

    Parameters
    ----------
    value : float64 array of shape (leads, people)
        What it is worth today that a person contacts a lead; above 0 where somebody is to do it.
    eligible : bool array of shape (leads, people)
        Whether a person may have a lead.
    capacity : sequence of int
        Leads that each person can contact; people are in the order of their ids.
    lead_ids : sequence of str
        Id of each lead, all different: where values are equal, the smaller id comes first.
    owner : int64 array of shape (leads,), optional
        Index of the person who has each lead; `NO_PERSON` where nobody among the people does.
    stay : float
        A lead stays with its owner unless it is worth this many times as much elsewhere.
    solve : callable, optional
        Such as `serving.desk.optimum.best_pairs`; without it leads are dealt out greedily.

    Raises
    ------
    ValueError
        A value is negative or not finite, or a capacity is negative.

    Examples
    --------
    >>> value = np.array([[3.0, 3.0], [2.0, 2.0], [1.0, 1.0]])
    >>> assign(value, np.ones((3, 2), bool), [1, 1], ["a", "b", "c"]).person.tolist()
    [0, 1, -1]
    """
    leads, people = value.shape
    if not np.all(np.isfinite(value)) or np.any(value < 0):
        raise ValueError("Every value of a lead for a person must be finite and 0 or more.")
    if min(capacity, default=0) < 0:
        raise ValueError(f"Every capacity must be 0 or more, got {min(capacity)}.")
    worth = np.where(eligible & (np.array(capacity, np.int64)[None, :] > 0), value, 0.0)
    if owner is not None:
        owned = np.flatnonzero(owner != NO_PERSON)
        worth[owned, owner[owned]] *= stay
    order = np.argsort(np.array(lead_ids, object), kind="stable")
    person = np.full(leads, NO_PERSON, np.int64)
    slots = sum(capacity)
    if solve is not None and slots * min(leads, slots) <= MOST_CELLS:
        order = order[_may_be_chosen(worth[order], slots)]
    exact = solve is not None and len(order) * slots <= MOST_CELLS
    if len(order) and people:
        table = worth[order]
        person[order] = (
            _best(table, capacity, solve) if exact and solve else _dealt(table, capacity)
        )
    assigned = np.flatnonzero(person != NO_PERSON)
    served = worth[assigned, person[assigned]]
    total = float(served.sum())
    bound = total if exact else _upper_bound(worth, person, capacity)
    gap = max(0.0, bound / total - 1.0) if total else 0.0
    return Assignment(person, float(value[assigned, person[assigned]].sum()), gap)


def _may_be_chosen(worth: Float64, slots: int) -> Bool:
    """Leads that the best assignment can need: of each person the best ones, as many as all slots.

    Were a person given a lead beyond them, one of them would be free, and worth no less.
    """
    needed = np.zeros(len(worth), np.bool_)
    if len(worth) <= slots:
        return np.asarray(worth.max(axis=1, initial=0.0) > 0, np.bool_)
    for column in worth.T if slots else ():
        lowest = np.partition(column, -slots)[-slots]
        needed |= column > lowest
        # Of equal values the first ids.
        needed[np.flatnonzero(column == lowest)[: slots - (column > lowest).sum()]] = True
    return np.asarray(needed & (worth.max(axis=1, initial=0.0) > 0), np.bool_)


def _best(worth: Float64, capacity: Sequence[int], solve: Solver) -> Int64:
    """The best person of each lead: a pair of lead and slot for each slot that is filled."""
    person_of_slot = np.repeat(np.arange(len(capacity)), capacity)
    steps = [np.arange(slots) / max(slots, 1) for slots in capacity]
    weight = 1.0 - SLOT_STEP * np.concatenate(steps)
    rows, slots = solve(worth[:, person_of_slot] * weight)
    person = np.full(len(worth), NO_PERSON, np.int64)
    person[rows] = person_of_slot[slots]
    unworthy = worth[rows, person_of_slot[slots]] <= 0
    person[rows[unworthy]] = NO_PERSON
    return person


def _dealt(worth: Float64, capacity: Sequence[int]) -> Int64:
    """The most valuable lead first, to whom it is worth most, of equals to who has the least."""
    person = np.full(len(worth), NO_PERSON, np.int64)
    slots = np.array(capacity, np.int64)
    used, handed = np.zeros(len(capacity), np.int64), np.zeros(len(capacity))
    is_open = slots > 0
    for lead in np.argsort(-worth.max(axis=1, initial=0.0), kind="stable").tolist():
        row = np.where(is_open, worth[lead], 0.0)
        highest = row.max()
        if highest <= 0:
            continue
        equals = np.flatnonzero(row == highest)
        receiver = equals[np.argmin(handed[equals] / slots[equals])]
        person[lead] = receiver
        used[receiver] += 1
        handed[receiver] += highest
        if used[receiver] == slots[receiver]:
            is_open[receiver] = False
            if not is_open.any():
                break
    return person


def _upper_bound(worth: Float64, person: Int64, capacity: Sequence[int]) -> float:
    """No assignment is worth more than this: prices of slots, by duality of linear programmes.

    No lead can bring more than its value less the price of a slot, and no slot more than its price,
    whatever the prices are. They begin at what a person's least valuable lead is worth, 0 where a
    slot is free, and each in turn is then set where the bound is lowest.
    """
    price = np.zeros(len(capacity))
    for index, slots in enumerate(capacity):
        served = worth[person == index, index]
        if len(served) and len(served) == slots:
            price[index] = served.min()
    # Leads of little value move no price; those that are left out count in the bound all the same.
    rivals = worth[np.argsort(-worth.max(axis=1, initial=0.0))[: 2 * sum(capacity)]]
    net = rivals - price[None, :]
    for index in list(range(len(capacity))) * PRICE_ROUNDS:
        net[:, index] = -np.inf
        elsewhere = np.maximum(net.max(axis=1, initial=-np.inf), 0.0)
        gain = np.sort(rivals[:, index] - elsewhere)[::-1]
        slots = capacity[index]
        price[index] = max(0.0, float(gain[slots])) if slots < len(gain) else 0.0
        net[:, index] = rivals[:, index] - price[index]
    surplus = (worth - price[None, :]).max(axis=1, initial=0.0)
    return float(np.maximum(surplus, 0.0).sum() + price @ np.array(capacity, np.float64))
