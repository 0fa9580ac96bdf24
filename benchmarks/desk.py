"""How long giving leads to people takes, and how far from the best it is.

`python -m benchmarks.desk` draws made-up firms of growing size: leads with skewed probabilities,
people with skills and territories. It prints the processor time of the assignment, exact and dealt
out greedily, what the greedy one is worth beside the exact one where both can be had, and the gap
that it states itself: the true distance is never larger.
"""

import time

import numpy as np

from features.arrays import Bool, Float64
from serving.desk.assignment import MOST_CELLS, NO_PERSON, Assignment, assign
from serving.desk.optimum import best_pairs

FIRMS = ((1_000, 6, 10), (5_000, 20, 15), (20_000, 60, 15), (100_000, 200, 10), (100_000, 200, 20))
"""Leads, people, and the capacity of each."""


def made_up_firm(leads: int, people: int, seed: int) -> tuple[Float64, Bool]:
    """Value of each lead with each person, and whether that person may have it."""
    random = np.random.default_rng(seed)
    quality = random.beta(0.5, 12, leads)
    value = quality[:, None] * random.choice([0.8, 1.0, 1.2], (1, people))
    eligible = random.random((leads, people)) < 0.5
    return value, eligible


def timed(leads: int, people: int, capacity: int, exact: bool) -> tuple[float, Assignment]:
    """Processor seconds of an assignment, and the assignment."""
    value, eligible = made_up_firm(leads, people, seed=7)
    ids = [f"{i:06}" for i in range(leads)]
    began = time.process_time()
    solve = best_pairs if exact else None
    assignment = assign(value, eligible, [capacity] * people, ids, solve=solve)
    return time.process_time() - began, assignment


def main() -> None:
    """Print a line for each firm."""
    print("leads    people  slots   exact s  greedy s  greedy/exact  stated gap  filled")
    for leads, people, capacity in FIRMS:
        slots = people * capacity
        exact_seconds, exact = timed(leads, people, capacity, exact=True)
        seconds, greedy = timed(leads, people, capacity, exact=False)
        is_exact = exact.gap == 0 and slots * min(leads, slots) <= MOST_CELLS
        print(
            f"{leads:<8,} {people:<7} {slots:<7,} "
            f"{f'{exact_seconds:.2f}' if is_exact else '-':<8} {seconds:<9.2f} "
            f"{f'{greedy.value / exact.value:.4f}' if is_exact else '-':<13} "
            f"{greedy.gap:<11.2%} {np.mean(greedy.person != NO_PERSON):.1%}"
        )


if __name__ == "__main__":
    main()
