"""One look stands for near-duplicates of it, whatever becomes of its lead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import Spine
from features.tables import Tables
from tests.support.tables import tables_of
from training.config import SnapshotSettings
from training.dataset.snapshots import labels, snapshots
from training.dataset.thinning import quiet_looks, thinning_of

GRID = SnapshotSettings(first_days=0, every_days=1, until_days=30)


def looks(days: list[float], lead: int = 0) -> Spine:
    return Spine(np.full(len(days), lead), np.rint(np.array(days) * DAY).astype(np.int64))


def thinned(tables: Tables, spine: Spine, most: int) -> np.ndarray:
    return thinning_of(tables, spine, most).weight(np.ones(len(spine), bool))


def lead(name: str = "a", **more: object) -> dict[str, object]:
    return {"lead_id": name, "created_at": 0, **more}


def test_a_look_is_quiet_when_nothing_became_known_since_the_leads_look_before() -> None:
    tables = tables_of(
        [lead()],
        [
            {"lead_id": "a", "occurred_at": 1.5},
            {"lead_id": "a", "occurred_at": 2.5, "recorded_at": 4.5},
        ],
        [{"lead_id": "a", "recorded_at": 6.5, "name": "size", "number": 3.0}],
    )
    quiet = quiet_looks(tables, looks([0, 1, 2, 3, 4, 5, 6, 7, 8]))
    assert np.flatnonzero(~quiet).tolist() == [0, 2, 5, 7]


def test_what_comes_at_a_looks_own_instant_is_known_at_the_next_one() -> None:
    tables = tables_of([lead()], [{"lead_id": "a", "occurred_at": 2}])
    assert quiet_looks(tables, looks([1, 2, 3, 4])).tolist() == [False, True, False, True]


def test_the_first_look_at_another_lead_is_not_quiet() -> None:
    tables = tables_of([lead("a"), lead("b")], [{"lead_id": "b", "occurred_at": 9}])
    spine = Spine(np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]) * DAY)
    assert quiet_looks(tables, spine).tolist() == [False, True, False, True]


def test_one_look_stands_for_so_many_and_one_that_saw_something_for_itself() -> None:
    tables = tables_of([lead()], [{"lead_id": "a", "occurred_at": 5.5}])
    weight = thinned(tables, looks([0, 1, 2, 3, 4, 5, 6, 7, 8]), 3)
    assert weight[[0, 6]].tolist() == [1, 1]
    assert sorted(weight[1:4]) == [0, 0, 3]
    assert sorted(weight[4:6]) == [0, 2]
    assert sorted(weight[7:]) == [0, 2]


def test_with_one_every_look_stands_for_itself() -> None:
    tables = tables_of([lead()])
    assert thinned(tables, looks([0, 1, 2, 3]), 1).tolist() == [1, 1, 1, 1]
    assert thinned(tables, looks([]), 2).tolist() == []
    assert quiet_looks(tables, looks([])).tolist() == []


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_the_weights_sum_to_the_looks_whatever_happened(most: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    tables = tables_of(
        [lead(f"{seed}-{i}", created_at=random.uniform(0, 60)) for i in range(5)],
        [
            {"lead_id": f"{seed}-{random.integers(5)}", "occurred_at": random.uniform(0, 100)}
            for _ in range(20)
        ],
    )
    spine = snapshots(tables, GRID)
    weight = thinned(tables, spine, most)
    assert weight.sum() == len(spine)
    assert set(weight.tolist()) <= set(range(most + 1))
    mine = np.bincount(spine.lead, weight) - np.bincount(spine.lead)
    assert not mine.any()


@pytest.mark.parametrize("most", [2, 3])
def test_every_look_counts_for_one_in_expectation_whatever_became_of_it(most: int) -> None:
    """Leads that convert end a row of quiet looks early; that must not make them count less."""
    random = np.random.default_rng(most)
    ends = random.uniform(1, 12, 4_000)
    converts = random.random(4_000) < 0.5
    tables = tables_of(
        [
            lead(f"{i}", **{"converted_at" if sale else "closed_at": end})
            for i, (end, sale) in enumerate(zip(ends, converts, strict=True))
        ]
    )
    spine = snapshots(tables, GRID)
    weight = thinned(tables, spine, most)
    converted = labels(tables, spine, 3).converted
    age = spine.as_of // DAY
    for chosen in (converted, ~converted, *(age == day for day in range(1, 8))):
        spread = weight[chosen].std() / np.sqrt(chosen.sum())
        assert abs(weight[chosen].mean() - 1) < 4 * spread


def test_which_look_stands_for_the_others_does_not_depend_on_the_order_of_the_leads() -> None:
    tables = tables_of([lead(f"{i}") for i in range(50)])
    spine = snapshots(tables, GRID)
    backwards = tables_of([lead(f"{i}") for i in reversed(range(50))])
    there = thinned(backwards, snapshots(backwards, GRID), 4).reshape(50, -1)
    assert np.array_equal(thinned(tables, spine, 4).reshape(50, -1), there[::-1])
    assert len(np.unique(there, axis=0)) > 1


@given(st.integers(1, 6), st.integers(0, 2**32), st.integers(1, 99))
def test_no_look_that_is_not_learned_from_stands_for_one_or_says_anything(
    most: int, seed: int, until: int
) -> None:
    """What is learned from ends before a period begins; whether a lead was looked at later too
    would tell that it had not bought."""
    random = np.random.default_rng(seed)
    rows = [lead(f"{i}", created_at=random.uniform(0, 90)) for i in range(6)]
    news = [
        {"lead_id": f"{random.integers(6)}", "occurred_at": random.uniform(0, 100)}
        for _ in range(20)
    ]
    tables = tables_of(rows, news)
    spine = snapshots(tables, GRID)
    before = spine.as_of < until * DAY
    weight = thinning_of(tables, spine, most).weight(before)
    assert weight.sum() == before.sum()
    known = tables_of(rows, [one for one in news if one["occurred_at"] < until])
    early = Spine(spine.lead[before], spine.as_of[before])
    assert np.array_equal(weight, thinned(known, early, most))
