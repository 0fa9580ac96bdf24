"""The sections of lead_temperature.toml that speak of the export."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features.export.mapping import export_mapping
from features.export.sections import near_miss
from tests.support.exports import micros

LEADS = {"source": "leads.csv"}


def refusal(sections: dict[str, object]) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the tests look at the message
        export_mapping(sections, Path())
    return str(caught.value)


def test_a_name_left_out_of_columns_is_looked_for_as_it_stands():
    mapping = export_mapping({"leads": {**LEADS, "columns": {"lead_id": "id"}}}, Path())
    assert mapping.leads.column("lead_id") == "id"
    assert mapping.leads.column("created_at") == "created_at"


def test_an_unknown_key_is_answered_with_the_key_that_was_meant():
    message = refusal({"leads": {**LEADS, "delimeter": ";"}})
    assert message.startswith("lead_temperature.toml: [leads]: unknown key 'delimeter'.")
    assert "Did you mean 'delimiter'?" in message


def test_an_unknown_section_is_answered_with_the_section_that_was_meant():
    assert "Did you mean 'leads'?" in refusal({"leeds": LEADS})


def test_the_name_of_another_file_stands_in_the_message():
    with pytest.raises(ValueError, match=r"^ours\.toml: \[leads\]: is missing"):
        export_mapping({}, Path(), "ours.toml")


def test_an_unknown_name_in_columns_is_refused_as_a_typing_error():
    message = refusal({"leads": {**LEADS, "columns": {"create_at": "created"}}})
    assert "Did you mean 'created_at'?" in message


def test_a_kind_for_an_attribute_that_is_not_declared_is_refused():
    message = refusal({"leads": {**LEADS, "kinds": {"amount": "number"}}})
    assert "'amount' is not in fixed_at_creation" in message


def test_a_kind_that_does_not_exist_is_answered_with_those_that_do():
    leads = {**LEADS, "fixed_at_creation": ["amount"], "kinds": {"amount": "float"}}
    message = refusal({"leads": leads})
    assert "[leads] kinds.amount" in message
    assert "'number', 'category' or 'timestamp'" in message


@pytest.mark.parametrize(
    ("section", "table"),
    [
        ("leads", {**LEADS, "fixed_at_creation": ["created_at"]}),
        ("interactions", {"source": "i.csv", "measures": ["kind"]}),
    ],
)
def test_a_column_with_a_part_of_its_own_cannot_be_declared(section, table):
    assert "has a part of its own" in refusal({"leads": LEADS, section: table})


def test_a_name_declared_twice_is_refused():
    assert "found twice: a" in refusal({"leads": {**LEADS, "fixed_at_creation": ["a", "a", "b"]}})


@pytest.mark.parametrize("leads", [{}, {"source": "leads.csv", "table": "leads"}])
def test_rows_come_from_exactly_one_place(leads):
    assert "exactly one of source, table, query, file and sql" in refusal({"leads": leads})


def test_a_table_needs_a_database():
    assert "[data] must name the database" in refusal({"leads": {"table": "leads"}})


@pytest.mark.parametrize(
    ("key", "value", "law"),
    [
        ("delimiter", ";;", "must be one ASCII character"),
        ("encoding", "utf-99", "must be an encoding such as"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_law(key, value, law):
    message = refusal({"leads": {**LEADS, key: value}})
    assert f"[leads] {key}: {law}" in message
    assert repr(value) in message


def test_a_mistyped_time_zone_is_answered_with_the_one_meant():
    message = refusal({"leads": LEADS, "data": {"timezone": "Europe/Amsterdm"}})
    assert "Did you mean 'Europe/Amsterdam'?" in message


def test_the_zone_of_the_machine_is_no_zone_of_an_export():
    message = refusal({"leads": LEADS, "data": {"timezone": "localtime"}})
    assert "must be the IANA name of a time zone" in message


@pytest.mark.parametrize(
    ("ends_at", "end"),
    [
        ("2012-01-15T00:00:00+01:00", "2012-01-14T23:00:00"),
        ("2012-01-15", "2012-01-14T23:00:00"),
        (datetime(2012, 1, 15, tzinfo=UTC), "2012-01-15T00:00:00"),
    ],
)
def test_the_end_of_the_data_is_a_moment_in_utc(ends_at, end):
    data = {"timezone": "Europe/Amsterdam", "ends_at": ends_at}
    assert export_mapping({"leads": LEADS, "data": data}, Path()).data.end() == micros(end)


def test_an_end_without_a_zone_is_refused():
    message = refusal({"leads": LEADS, "data": {"ends_at": "2012-01-15"}})
    assert "names no time zone" in message


@pytest.mark.parametrize("ends_at", ["soon", 7, date(2012, 1, 15)])
def test_an_end_that_is_no_moment_is_refused(ends_at):
    message = refusal({"leads": LEADS, "data": {"timezone": "UTC", "ends_at": ends_at}})
    assert "[data] ends_at: must be a moment such as" in message


def test_the_database_is_never_shown():
    data = {"database": "postgresql://ana:secret@host/crm"}
    mapping = export_mapping({"leads": {"table": "leads"}, "data": data}, Path())
    assert "secret" not in repr(mapping)


def test_a_mistyped_key_does_not_show_the_password_behind_it():
    data = {"databse": "postgresql://ana:secret@host/crm"}
    assert "secret" not in refusal({"leads": LEADS, "data": data})


def test_a_name_far_from_all_others_has_no_suggestion():
    assert near_miss("zzz", ["source", "table"]) == ""


def test_a_measure_cannot_be_called_measures():
    with pytest.raises(ValueError, match=r"cannot be called 'measures'.*amount = \"measures\""):
        export_mapping(
            {
                "leads": {"source": "leads.csv"},
                "interactions": {"source": "i.csv", "measures": ["value", "measures"]},
            },
            Path(),
        )


@pytest.mark.parametrize("path", ["a.csv", ["a.csv"], {"path": "a.csv"}, {"path": ["a.csv"]}])
def test_a_name_stands_for_a_path_or_paths_with_or_without_a_format(path):
    mapping = export_mapping({"leads": {"file": "Lead"}, "files": {"Lead": path}}, Path())
    assert mapping.files["Lead"].path == ("a.csv",)


def test_a_file_that_is_not_named_is_answered_with_the_name_that_was_meant():
    message = refusal({"leads": {"file": "Leed"}, "files": {"Lead": "a.csv"}})
    assert "Did you mean 'Lead'? Named there: Lead" in message


def test_sql_needs_files():
    assert "[files] must name what it reads" in refusal({"leads": {"sql": "SELECT 1"}})


def test_interactions_are_one_section_or_several():
    one, other = (
        {"source": "a.csv", "measures": ["x", "y"]},
        {"source": "b.csv", "measures": ["z", "x"]},
    )
    single = export_mapping({"leads": LEADS, "interactions": one}, Path())
    assert [name for name, _ in single.tables()] == ["leads", "interactions"]
    several = export_mapping({"leads": LEADS, "interactions": [one, other]}, Path())
    assert [name for name, _ in several.tables()] == ["leads", "interactions 1", "interactions 2"]
    assert several.measures == ("x", "y", "z")


def test_a_fault_in_one_of_several_sections_names_it():
    several = [{"source": "a.csv"}, {"sorce": "b.csv"}]
    assert "[interactions] 2: unknown key" in refusal({"leads": LEADS, "interactions": several})
