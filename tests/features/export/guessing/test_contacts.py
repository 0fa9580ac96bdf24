"""Tables of contacts as queries."""

import pytest

from features.export.guessing.contacts import contact_query
from features.export.guessing.leads import leads_among
from features.export.guessing.roles import words_of
from features.export.guessing.survey import survey
from tests.support.exports import write_text

DAY = "2024-01-01T10:00:00Z"


def query_of(folder, name, header, *rows, codes=None):
    leads = ["id,status,created at", *(f"L{i},x,{DAY}" for i in range(20))]
    write_text(folder / "leads.csv", *leads)
    write_text(folder / f"{name}.csv", header, *rows)
    (reference,) = leads_among(survey(folder, folder)[0]).references
    return contact_query(reference, words_of(None), codes or {})


def rows(pattern):
    return [pattern.format(i=i % 20, way=("in", "out")[i % 2], done=i % 3 > 0) for i in range(40)]


def test_the_noun_of_a_file_is_the_kind_where_no_column_is(tmp_path):
    query = query_of(tmp_path, "chiamate", "lead,date,direzione", *rows(f"L{{i}},{DAY},{{way}}"))
    assert "'call' AS kind" in query.sql
    assert "'phone' AS channel" in query.sql
    assert query.words == {"direction": {"in": "inbound", "out": "outbound"}}


def test_contacts_that_are_only_planned_are_left_out(tmp_path):
    query = query_of(tmp_path, "tasks", "lead,date,done", *rows(f"L{{i}},{DAY},{{done}}"))
    assert query.unfinished == ("done", ("False",))
    assert query.sql.endswith("WHERE coalesce(\"done\", '') NOT IN ('False')")


@pytest.mark.parametrize(
    ("header", "words", "unfinished"),
    [
        ("Erledigt", ("Erledigt", "Zu erledigen"), ("Zu erledigen",)),
        ("Concluído", ("Feito", "A fazer"), ("A fazer",)),
        ("whatever", ("Done", "To do"), ("To do",)),
        ("urgent", ("yes", "no"), None),
        ("status", ("yes", "no"), ("no",)),
    ],
)
def test_words_that_say_what_is_planned_need_no_header(tmp_path, header, words, unfinished):
    table = [f"L{i % 20},{DAY},{words[i % 2]}" for i in range(40)]
    query = query_of(tmp_path, "tasks", f"lead,date,{header}", *table)
    assert query.unfinished == (None if unfinished is None else (header, unfinished))


def test_a_day_tells_less_than_the_time_of_entering(tmp_path):
    header = "lead,activity date,created at"
    query = query_of(tmp_path, "tasks", header, *rows(f"L{{i}},2024-01-01,{DAY}"))
    assert query.occurred.name == "created at"
    assert query.recorded is None


def test_a_length_is_a_measure_with_its_unit(tmp_path):
    header = "lead,date,Duration (minutes)"
    query = query_of(tmp_path, "calls", header, *rows(f"L{{i}},{DAY},{{i}}"))
    assert query.measure is not None
    assert query.measure[0] == "duration_minutes"


def test_a_length_without_a_unit_gets_none(tmp_path):
    query = query_of(tmp_path, "calls", "lead,date,Dauer", *rows(f"L{{i}},{DAY},{{i}}"))
    assert query.measure is not None
    assert query.measure[0] == "duration"


def test_a_table_that_names_each_lead_once_holds_no_contacts(tmp_path):
    assert query_of(tmp_path, "cards", "lead,date,note", *rows(f"L{{i}},{DAY},x")[:20]) is None


def test_codes_become_what_they_mean(tmp_path):
    codes = {"type": {"1": "meeting", "2": "call"}}
    table = [f"L{i},{DAY},{i % 2 + 1}" for i in [*range(20), *range(20)]]
    query = query_of(tmp_path, "tasks", "lead,date,type", *table, codes=codes)
    assert query.words["kind"] == {"1": "meeting", "2": "call"}


def test_a_history_and_a_table_without_times_are_no_contacts(tmp_path):
    history = "lead,old value,new value,date"
    assert query_of(tmp_path, "changes", history, *rows(f"L{{i}},a,b,{DAY}")) is None
    (tmp_path / "changes.csv").unlink()
    assert query_of(tmp_path, "tags", "lead,tag", *rows("L{i},{way}")) is None
