"""What an export holds, as the values that `check` prints."""

import pytest

from features.export.inspection import CreationMonth, Inspection, inspection
from features.export.sources import read_export
from tests.support.exports import csv_mapping, micros, write_text


def inspect(folder, leads, interactions=(), attributes=(), declared=()) -> Inspection:
    for name, header, lines in (
        ("leads", "lead_id,created_at,converted_at,source", leads),
        ("interactions", "lead_id,occurred_at,recorded_at,kind", interactions),
        ("attributes", "lead_id,recorded_at,name,value", attributes),
    ):
        if lines:
            write_text(folder / f"{name}.csv", header, *lines)
    sections = {"data": {"timezone": "UTC"}, "leads": {"fixed_at_creation": list(declared)}}
    return inspection(read_export(csv_mapping(folder, **sections)))


LEADS = ["1,2024-01-31,2024-03-01,web", "2,2024-01-01,,", "3,2024-03-01,,web"]


def test_conversion_is_counted_by_the_month_of_creation(tmp_path):
    found = inspect(tmp_path, LEADS)
    assert found.months == (CreationMonth("2024-01", 2, 1), CreationMonth("2024-03", 1, 0))
    assert found.months[0].share == 0.5


def test_the_span_is_from_the_first_creation_to_the_end_of_the_data(tmp_path):
    found = inspect(tmp_path, LEADS)
    assert (found.first, found.data_end) == (micros("2024-01-01"), micros("2024-03-01"))


def test_the_most_frequent_words_come_first_and_equal_ones_by_name(tmp_path):
    kinds = ["call", "visit", "call", "", "email"]
    found = inspect(tmp_path, LEADS, [f"1,2024-02-01,,{kind}" for kind in kinds])
    vocabulary = {words.field: words for words in found.vocabularies}
    assert vocabulary["kind"].most_frequent == (("call", 2), ("email", 1), ("visit", 1))
    assert (vocabulary["kind"].distinct, vocabulary["kind"].missing) == (3, 1)
    assert (vocabulary["agent"].distinct, vocabulary["agent"].missing) == (0, 5)


def test_of_a_large_vocabulary_twenty_words_are_shown(tmp_path):
    found = inspect(tmp_path, LEADS, [f"1,2024-02-01,,kind {i}" for i in range(30)])
    vocabulary = {words.field: words for words in found.vocabularies}["kind"]
    assert (len(vocabulary.most_frequent), vocabulary.distinct) == (20, 30)


def test_an_attribute_is_covered_by_the_share_of_leads_that_have_a_value(tmp_path):
    log = ["1,2024-02-01,stage,new", "1,2024-02-02,stage,old", "2,2024-02-01,stage,"]
    found = inspect(tmp_path, LEADS, (), log, ["source"])
    source, stage = found.attributes
    assert (source.name, source.changes, source.distinct) == ("source", False, 1)
    assert source.coverage == pytest.approx(2 / 3)
    assert (stage.name, stage.kind, stage.changes, stage.distinct) == ("stage", "category", True, 2)
    assert stage.coverage == pytest.approx(1 / 3)


def test_interactions_recorded_later_than_they_occurred_are_a_share(tmp_path):
    times = [
        "2024-02-01,2024-02-02",
        "2024-02-01,",
        "2024-02-03,2024-02-02",
        "2024-02-01,2024-02-01",
    ]
    found = inspect(tmp_path, LEADS, [f"1,{both},call" for both in times])
    assert found.recorded_late == 0.25


def test_without_interactions_nothing_is_recorded_late(tmp_path):
    assert inspect(tmp_path, LEADS).recorded_late is None


def test_rejects_are_counted_by_rule_with_three_examples(tmp_path):
    wrong = [f"{i},soon,," for i in range(4, 9)]
    found = inspect(tmp_path, [*LEADS, *wrong, "1,2024-01-01,,"])
    often, once = found.broken_rules
    assert (often.table, often.rule, often.rows) == ("leads", "unparsable time", 5)
    assert often.examples == tuple(("leads.csv", row, "created_at", "soon") for row in (4, 5, 6))
    assert (once.rule, once.rows) == ("duplicate lead", 1)


def test_what_follows_from_a_rejected_lead_is_told_after_its_cause(tmp_path):
    contacts = [f"4,2024-02-{day:02d},,call" for day in range(1, 10)]
    cause, consequence = inspect(tmp_path, [*LEADS, "4,soon,,"], contacts).broken_rules
    assert (cause.rule, cause.rows) == ("unparsable time", 1)
    assert (consequence.rule, consequence.rows) == ("unknown lead", 9)


def test_a_row_that_breaks_one_rule_twice_is_one_row(tmp_path):
    found = inspect(tmp_path, [*LEADS, "4,soon,later,"])
    assert found.broken_rules[0].rows == found.rejected["leads"] == 1


def test_a_value_that_is_left_out_alone_rejects_no_row(tmp_path):
    sizes = [*(f"{i},2024-01-01,,{i}" for i in range(10, 60)), "4,2024-01-01,,few"]
    found = inspect(tmp_path, sizes, declared=["source"])
    (broken,) = found.broken_rules
    assert (broken.rule, broken.left_out, broken.rows) == ("unparsable number", "value", 1)
    assert (found.rows["leads"], found.rejected["leads"]) == (51, 0)


def test_times_after_the_end_are_named(tmp_path):
    (later,) = inspect(tmp_path, LEADS, ["1,2024-02-01,,call", "1,2024-09-01,,visit"]).after_end
    assert (later.table, later.column, later.rows) == ("interactions", "occurred_at", 1)


def test_unused_columns_are_named_with_their_reason(tmp_path):
    assert inspect(tmp_path, LEADS).unused == {"source": "not declared in fixed_at_creation"}


def test_a_good_export_has_no_problem(tmp_path):
    found = inspect(tmp_path, LEADS, ["1,2024-02-01,,call"])
    assert found.problems == ()
    assert found.rows == {"leads": 3, "interactions": 1, "attributes": 0}


@pytest.mark.parametrize(
    ("leads", "problem"),
    [
        (["1,soon,,", "2,soon,,"], "No lead can be used: all 2 rows were rejected."),
        (["1,2024-01-01,,"], "No lead has converted"),
        (["1,2024-01-01,2024-01-02,"], "Every lead has converted"),
    ],
)
def test_an_export_from_which_nothing_can_be_learned_has_a_problem(tmp_path, leads, problem):
    (found,) = inspect(tmp_path, leads).problems
    assert found.startswith(problem)


def test_interactions_that_were_all_rejected_are_a_problem(tmp_path):
    (problem,) = inspect(tmp_path, LEADS, ["9,2024-02-01,,call"]).problems
    assert problem == "No interaction can be used: all 1 rows were rejected."
