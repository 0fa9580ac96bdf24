"""Which table holds the leads, and how the others name them."""

import pytest

from features.export.guessing.leads import leads_among
from features.export.guessing.survey import survey
from tests.support.exports import write_text

DAY = "2024-01-01T10:00:00Z"


def leads_in(folder, **tables):
    for name, (header, *rows) in tables.items():
        write_text(folder / f"{name}.csv", header, *rows)
    return leads_among(survey(folder, folder)[0])


def persons(number, prefix="P"):
    return ["id,email,created at", *(f"{prefix}{i},m{i}@x.org,{DAY}" for i in range(number))]


def test_the_leads_are_what_the_others_name_and_knows_of_outcomes(tmp_path):
    leads = leads_in(
        tmp_path,
        people=persons(30),
        deals=["id,person,status,created at", *(f"D{i},P{i},Won,{DAY}" for i in range(30))],
        calls=["id,deal,person,time", *(f"C{i},D{i % 30},P{i % 30},{DAY}" for i in range(90))],
    )
    assert leads.table.name == "deals"
    assert {r.table.name: r.column.name for r in leads.references} == {"calls": "deal"}


def test_small_whole_numbers_do_not_make_any_column_name_leads(tmp_path):
    rows = [f"{i},{i % 7 + 1},{i % 20 + 1},{DAY}" for i in range(1, 61)]
    leads = leads_in(
        tmp_path,
        leads=["id,status,created at", *(f"{i},new,{DAY}" for i in range(1, 41))],
        calls=["id,minutes,lead id,time", *rows],
    )
    assert [(r.table.name, r.column.name) for r in leads.references] == [("calls", "lead id")]


@pytest.mark.parametrize("separator", [";", ", ", "|"])
def test_several_ids_in_a_cell_are_parted(tmp_path, separator):
    cells = [f'"P{i}{separator}X{i}"' if i % 2 else f"P{i}" for i in range(30)]
    calls = ["who,time", *(f"{cell},{DAY}" for cell in cells)]
    (reference,) = leads_in(tmp_path, leads=persons(30), calls=calls).references
    assert reference.separator == separator.strip()
    assert reference.lead_sql() == f"trim(unnest(string_split(\"who\", '{separator.strip()}')))"


def test_a_second_id_and_merged_leads_are_seen_by_their_values(tmp_path):
    rows = [f"L{i},{f'K{i}' if i < 9 else ''},{'L2' if i == 7 else ''},0,{DAY}" for i in range(30)]
    calls = [f"{f'K{i}' if i < 9 else f'L{i}'},{DAY}" for i in range(30)]
    leads = leads_in(
        tmp_path,
        leads=["Id,Second,Master,IsDeleted,created at", *rows],
        calls=["who,time", *calls],
    )
    assert [column.name for column in leads.also_known_as] == ["Second"]
    assert leads.merged_into is not None
    assert leads.merged_into.name == "Master"
    assert leads.deleted is not None
    assert leads.lead_id.name == "Id"
    assert leads.created is not None


def test_names_may_stand_in_the_place_of_ids(tmp_path):
    rows = [f"guid-{i},Machine {i} for X,{DAY}" for i in range(30)]
    calls = ["regarding,time", *(f"Machine {i % 30} for X,{DAY}" for i in range(60))]
    leads = leads_in(tmp_path, leads=["lead id,topic,created at", *rows], calls=calls)
    (reference,) = leads.references
    assert reference.named_by.name == "topic"
    assert [column.name for column in leads.also_known_as] == ["topic"]
    assert leads.id_sql(reference) == '"leads"."topic"'


def test_a_table_of_persons_or_firms_names_no_leads(tmp_path):
    deals = [f"D{i},Deal {i},Person {i},Won,{DAY}" for i in range(1, 40)]
    people = [f"9{i},Person {i},1,{DAY}" for i in range(1, 40)]
    calls = [f"Deal {i % 39 + 1},Person {i % 39 + 1},{DAY}" for i in range(90)]
    leads = leads_in(
        tmp_path,
        deals=["id,title,contact person,status,created at", *deals],
        persons=["id,name,closed deals,created", *people],
        calls=["deal,contact person,time", *calls],
    )
    assert leads.table.name == "deals"
    references = {r.table.name: r.column.name for r in leads.references if not r.is_one_to_one}
    assert references == {"calls": "deal"}


def test_small_numbers_that_match_by_chance_tell_no_merge(tmp_path):
    rows = [f"{i},{i % 3 + 1},x,{DAY}" for i in range(1, 40)]
    leads = leads_in(tmp_path, leads=["id,lost reason id,status,created at", *rows])
    assert leads.merged_into is None
    rows = [f"{i},{i - 1 if i == 9 else ''},x,{DAY}" for i in range(1, 40)]
    leads = leads_in(tmp_path, leads=["id,merged into,status,created at", *rows])
    assert leads.merged_into is not None


def test_a_table_without_rows_is_not_that_of_the_leads(tmp_path):
    leads = leads_in(
        tmp_path,
        empty=["Lead ID,Status"],
        leads=["Lead ID,Created", *(f"{i},2024-01-0{i}" for i in range(1, 9))],
    )
    assert leads.table.name == "leads"
