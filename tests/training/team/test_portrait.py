"""Traits that go with buying are found in leads of known truth, and only those."""

import numpy as np

from tests.support.tables import tables_of
from training.statistics.intervals import wilson_interval
from training.team.grouping import cohort
from training.team.portrait import portrait


def population(leads: int, effect: float, seed: int):
    """Leads of which one level and the upper half of a number convert more, the rest alike."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(leads):
        city, size = ("porto", "lisbon")[int(random.random() < 0.5)], float(random.integers(1, 101))
        rate = 0.1 + effect * (city == "porto") + effect * (size > 50)
        rows.append(
            {
                "lead_id": str(i),
                "created_at": 0,
                "converted_at": 5 if random.random() < rate else None,
                "city": city,
                "size": size,
            }
        )
    kinds = {"city": "category", "size": "number"}
    return rows, tables_of(rows, kinds=kinds, fixed=("city", "size"))


def test_the_portrait_finds_what_customers_share_and_counts_it():
    rows, tables = population(4000, 0.15, 1)
    found = portrait(tables, cohort(tables), 30)
    bought = [row for row in rows if row["converted_at"]]
    assert (found.leads, found.customers) == (4000, len(bought))
    assert {(q.attribute, q.level) for q in found.more} == {("city", "porto"), ("size", None)}
    assert [q.level for q in found.less if q.attribute == "city"] == ["lisbon"]
    assert all(q.low > 49 for q in found.more if q.attribute == "size")
    porto = next(q for q in found.more if q.level == "porto")
    mine = [row for row in rows if row["city"] == "porto"]
    assert (porto.leads, porto.customers) == (len(mine), sum(row in bought for row in mine))
    low, high = wilson_interval(porto.customers / porto.leads, porto.leads)
    assert porto.rate.low < low < high < porto.rate.high


def test_where_customers_share_nothing_the_portrait_stays_empty():
    wrong = 0
    for seed in range(40):
        _, tables = population(600, 0.0, seed)
        found = portrait(tables, cohort(tables), 30)
        wrong += bool(found.more or found.less)
    assert wrong <= 6  # one in twenty, and chance


def test_neither_the_owner_nor_an_attribute_of_many_levels_is_a_trait():
    random = np.random.default_rng(4)
    rows = [
        {
            "lead_id": str(i),
            "created_at": 0,
            "converted_at": 5 if i % 4 == 0 else None,
            "owner": "ana" if i % 4 == 0 else "boris",
            "street": f"street {random.integers(13)}",
        }
        for i in range(1_000)
    ]
    kinds = {"owner": "category", "street": "category"}
    tables = tables_of(rows, kinds=kinds, fixed=tuple(kinds))
    found = portrait(tables, cohort(tables), 30, owner="owner")
    assert (found.compared, found.more, found.less) == (0, (), ())
    named = portrait(tables, cohort(tables), 30)
    assert [trait.level for trait in named.more] == ["ana"]
    assert [trait.level for trait in named.less] == ["boris"]
