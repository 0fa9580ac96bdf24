"""Leads in groups: each count against a plain loop over the export."""

from tests.support.practice import NAMES, made_up
from tests.support.tables import tables_of
from training.statistics.incidence import conversion
from training.team.grouping import attribute_levels, cohort, grouping, groups_by_month


def test_groups_are_the_leads_of_each_level_largest_first():
    tables = made_up()
    leads = cohort(tables)
    rows = tables.leads.to_pylist()
    found = grouping("source", attribute_levels(tables, "source"), leads, 60)
    sizes = [group.conversion.leads for group in found.groups]
    assert sizes == sorted(sizes, reverse=True)
    assert {group.level for group in found.groups} == set(NAMES)
    for group in found.groups:
        mine = [i for i, row in enumerate(rows) if row["source"] == group.level]
        assert group.conversion == conversion(leads.days[mine], leads.watched[mine], 60)
    assert (found.small_groups, found.small_leads) == (0, 0)


def test_a_group_too_small_is_counted_but_not_shown():
    rows = [
        {"lead_id": str(i), "created_at": 0, "source": "rare" if i < 7 else "usual"}
        for i in range(60)
    ]
    tables = tables_of(rows, kinds={"source": "category"}, fixed=("source",))
    found = grouping("source", attribute_levels(tables, "source"), cohort(tables), 60)
    assert [group.level for group in found.groups] == ["usual"]
    assert (found.small_groups, found.small_leads) == (1, 7)


def test_an_attribute_of_the_log_counts_as_it_was_known_last():
    rows = [{"lead_id": name, "created_at": 0} for name in "abc"]
    log = [
        {"lead_id": "a", "recorded_at": 5, "name": "owner", "text": "boris"},
        {"lead_id": "a", "recorded_at": 2, "name": "owner", "text": "ana"},
        {"lead_id": "c", "recorded_at": 2, "name": "owner", "text": "ana"},
    ]
    levels = attribute_levels(tables_of(rows, log=log, kinds={"owner": "category"}), "owner")
    assert [levels.words[code] for code in levels.codes] == ["boris", "no value", "ana"]


def test_months_are_those_of_creation_earliest_first():
    tables = made_up()
    created = [row["created_at"].strftime("%Y-%m") for row in tables.leads.to_pylist()]
    found = groups_by_month(cohort(tables), 60)
    assert [m.level for m in found] == sorted(set(created))
    assert [m.conversion.leads for m in found] == [created.count(m.level) for m in found]
    assert found[-1].conversion.share is None  # nobody of the last month is old enough


def test_at_most_so_many_groups_and_months_are_shown_the_largest_and_the_latest():
    rows = [
        {"lead_id": f"{level}-{i}", "created_at": 31 * level, "source": f"s{level:02}"}
        for level in range(30)
        for i in range(30 + level)
    ]
    tables = tables_of(rows, kinds={"source": "category"}, fixed=("source",), end_day=1_000)
    leads = cohort(tables)
    found = grouping("source", attribute_levels(tables, "source"), leads, 60)
    assert [group.level for group in found.groups] == [f"s{i:02}" for i in range(29, 9, -1)]
    assert (found.small_groups, found.small_leads) == (10, sum(range(30, 40)))
    months = groups_by_month(leads, 60)
    assert len(months) == 24
    assert months[-1].level == "1972-06"
