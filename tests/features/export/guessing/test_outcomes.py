"""Where purchases and losses stand."""

import pytest

from features.export.guessing.leads import leads_among
from features.export.guessing.outcomes import likeliest_outcome, literals, outcomes_of
from features.export.guessing.roles import words_of
from features.export.guessing.survey import survey
from tests.support.exports import write_text

DAY = "2024-01-01T10:00:00Z"


def outcomes_in(folder, ending, **tables):
    for name, (header, *rows) in tables.items():
        write_text(folder / f"{name}.csv", header, *rows)
    leads = leads_among(survey(folder, folder)[0])
    return likeliest_outcome(outcomes_of(leads, ending, words_of(None)[ending]))


def rows_of(pattern, number=30):
    return [
        pattern.format(i=i, end=DAY if i % 3 else "", word=("Open", "Won", "Lost")[i % 3], day=DAY)
        for i in range(number)
    ]


def test_a_time_of_closing_is_of_either_end_and_the_status_tells_which(tmp_path):
    table = ["id,status,created at,closed on", *rows_of("L{i},{word},{day},{end}")]
    won = outcomes_in(tmp_path, "won", leads=table)
    lost = outcomes_in(tmp_path, "lost", leads=table)
    assert (won.leads, lost.leads) == (10, 10)
    assert won.expression == (
        'CASE WHEN "leads"."status" IN (\'Won\') THEN "leads"."closed on" END'
    )
    assert "'Lost'" in lost.expression


def test_a_time_of_closing_that_nothing_tells_apart_is_no_outcome(tmp_path):
    table = ["id,status,created at,closed on", *rows_of("L{i},busy,{day},{end}")]
    assert outcomes_in(tmp_path, "won", leads=table) is None


def test_a_time_of_its_own_needs_no_status(tmp_path):
    table = ["id,status,created at,won time", *rows_of("L{i},{word},{day},{end}")]
    assert outcomes_in(tmp_path, "won", leads=table).leads == 10
    own = ["id,created at,won time", *rows_of("L{i},{day},{end}")]
    outcome = outcomes_in(tmp_path, "won", leads=own)
    assert (outcome.expression, outcome.leads) == ('"leads"."won time"', 20)


def test_the_last_change_stands_for_an_outcome_only_where_nothing_else_knows(tmp_path):
    table = ["id,status,created at,modified on", *rows_of("L{i},{word},{day},{day}")]
    alone = outcomes_in(tmp_path, "won", leads=table)
    assert alone.last_change
    history = [
        "lead,field,old value,new value,created at",
        *rows_of("L{i},status,New,{word},{day}"),
    ]
    better = outcomes_in(tmp_path, "won", leads=table, history=history)
    assert not better.last_change
    assert better.expression == "history_won.instant"


def test_a_loss_may_be_that_a_lead_was_put_away(tmp_path):
    rows = [f"L{i},{DAY},{'no' if i < 12 else 'yes'},{DAY if i < 12 else ''}" for i in range(30)]
    outcome = outcomes_in(tmp_path, "lost", leads=["id,created at,active,closed date", *rows])
    assert outcome.leads == 12
    assert '"leads"."active" IN (\'no\')' in outcome.expression


@pytest.mark.parametrize(("ending", "which"), [("won", "min"), ("lost", "max")])
def test_the_first_purchase_and_the_last_loss_count(tmp_path, ending, which):
    deals = ["id,lead,stage,close date", *rows_of("D{i},L{i},{word},01/02/2024 10:00")]
    leads = ["id,created at", *rows_of("L{i},{day}")]
    outcome = outcomes_in(tmp_path, ending, leads=leads, deals=deals)
    assert f"{which}(instant)" in outcome.join
    assert "try_strptime" in outcome.join


def test_a_word_is_written_for_sql_whatever_is_in_it():
    assert literals(["it's", 'a"b']) == "'it''s', 'a\"b'"


def test_a_table_may_spell_out_what_codes_mean(tmp_path):
    rows = [f"L{i},{i % 3 + 1},{DAY},{DAY if i % 3 else ''}" for i in range(30)]
    stages = ["id,name", "1,New", "2,Won", "3,Lost"]
    leads = ["id,stage id,created at,closed date", *rows]
    outcome = outcomes_in(tmp_path, "won", leads=leads, stages=stages)
    assert outcome.leads == 10
    assert "IN ('2')" in outcome.expression


def test_a_time_that_was_expected_is_no_outcome(tmp_path):
    header = "id,status,created at,expected close date,deal closed on"
    rows = rows_of("L{i},{word},{day},{day},{end}")
    outcome = outcomes_in(tmp_path, "won", leads=[header, *rows])
    assert outcome.column.name == "deal closed on"


def test_any_time_of_closing_is_one_whatever_its_header(tmp_path):
    header = "nr,status,angelegt am,irgendwann abgeschlossen"
    rows = rows_of("L{i},{word},{day},{end}")
    assert outcomes_in(tmp_path, "won", leads=[header, *rows]).leads == 10


def test_a_history_of_stages_needs_no_old_values_and_no_pipeline(tmp_path):
    changes = [f"L{i % 30},C1:{('NEW', 'WON', 'LOSE')[i % 3]},{DAY}" for i in range(60)]
    history = ["OWNER_ID,STAGE_ID,CREATED_TIME", *changes]
    leads = ["ID,DATE_CREATE", *rows_of("L{i},{day}")]
    outcome = outcomes_in(tmp_path, "won", leads=leads, stagehistory=history)
    assert outcome.leads == 10
    assert "IN ('C1:WON')" in outcome.join
