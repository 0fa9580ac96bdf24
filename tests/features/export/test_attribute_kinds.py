"""Which kind an attribute is of, and what its values or its name rule out."""

import pytest

from tests.support.exports import (
    read_attribute,
    read_leads,
    write_text,
)


def test_a_timestamp_of_an_attribute_may_lie_in_any_year(tmp_path):
    values = ["1948-05-01T00:00:00Z", "9999-12-31T00:00:00Z"]
    tables = read_attribute(tmp_path, "founded", values)
    assert [moment.year for moment in tables.leads["founded"].to_pylist()] == [1948, 9999]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.5", "", "1e3"], "number"),
        (["2024-01-01T00:00:00Z", "", "2024-01-01T00:00:00+01:00"], "timestamp"),
        (["1", "two", "3"], "category"),
    ],
)
def test_the_kind_of_an_attribute_is_guessed_from_all_its_values(tmp_path, values, kind):
    assert read_attribute(tmp_path, "x", values).attribute_kinds == {"x": kind}


def test_a_configured_kind_is_taken_for_the_guess(tmp_path):
    tables = read_attribute(tmp_path, "x", ["1", "2"], kinds={"x": "category"})
    assert tables.leads["x"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "rule"),
    [
        ("number", "1", "two", "unparsable number"),
        ("number", "1", "1,5", "decimal comma"),
        ("number", "1", "inf", "not a finite number"),
        ("number", "1", "1e-400", "number too small"),
        ("timestamp", "2024-01-01T00:00:00Z", "soon", "unparsable time"),
        ("timestamp", "2024-01-01T00:00:00Z", "2024-01-01", "time without zone"),
        ("category", "a", "b" * 201, "text too long"),
    ],
)
def test_a_wrong_attribute_is_left_out_alone_and_named(tmp_path, kind, good, wrong, rule):
    tables = read_attribute(tmp_path, "x", [good, wrong, good], kinds={"x": kind})
    assert tables.leads["lead_id"].to_pylist() == ["0", "1", "2"]
    assert tables.leads["x"].is_null().to_pylist() == [False, True, False]
    (reject,) = tables.rejects.to_pylist()
    named = ("x", "value", rule, wrong)
    assert (reject["column"], reject["left_out"], reject["rule"], reject["value"]) == named


def test_a_text_of_the_greatest_length_is_kept(tmp_path):
    tables = read_attribute(tmp_path, "x", ["é" * 200, "é" * 200])
    assert tables.rejects.num_rows == 0


def test_an_odd_word_among_numbers_does_not_make_words_of_them(tmp_path):
    tables = read_attribute(tmp_path, "x", [*map(str, range(95)), "n/a", "", "-", "?", "", "x"])
    assert tables.attribute_kinds == {"x": "number"}
    assert tables.leads["x"].null_count == 6
    # What programs write for a missing number is no wrong one.
    assert tables.rejects["value"].to_pylist() == ["?", "x"]


def test_numbers_among_many_words_are_words(tmp_path):
    tables = read_attribute(tmp_path, "x", [*["1"] * 90, *["a"] * 10])
    assert tables.attribute_kinds == {"x": "category"}


@pytest.mark.parametrize(
    "name",
    ["name", "contact_name", "E-Mail", "phoneNumber", "telefone", "Телефон", "cognome", "adresa"],
)
def test_a_column_named_like_personal_data_is_never_used(tmp_path, name):
    tables = read_attribute(tmp_path, name, ["a", "b"], allow_sensitive=[name])
    assert tables.attribute_kinds == {}
    assert tables.unused[name].startswith("personal data: its name speaks of")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["ana@example.org", "rui@example.org", "none"], "e-mail addresses"),
        (["+351 912 345 678", "(020) 123 4567", "0031201234567"], "phone numbers"),
        (["PT50 0002 0123 1234 5678 9015 4", "NL91ABNA0417164300"], "account numbers"),
        (["she rang twice and wants a price", "he will call back after the fair"], "free text"),
    ],
)
def test_values_that_look_personal_are_never_used(tmp_path, values, what):
    tables = read_attribute(tmp_path, "contact_info", values, kinds={"contact_info": "category"})
    assert tables.attribute_kinds == {}
    assert tables.unused["contact_info"] == f"personal data: its values look like {what}"


def test_a_category_in_which_almost_all_values_differ_needs_a_configured_kind(tmp_path):
    values = [f"a{i}" for i in range(60)]
    assert "almost all values differ" in read_attribute(tmp_path, "x", values).unused["x"]
    configured = read_attribute(tmp_path, "x", values, kinds={"x": "category"})
    assert configured.attribute_kinds == {"x": "category"}


@pytest.mark.parametrize(
    "name", ["age", "customer_age", "estado_civil", "возраст", "venit", "sesso"]
)
def test_a_sensitive_column_is_used_only_where_it_is_allowed(tmp_path, name):
    assert read_attribute(tmp_path, name, ["1", "2"]).unused[name].startswith("sensitive: ")
    allowed = read_attribute(tmp_path, name, ["1", "2"], allow_sensitive=[name])
    assert allowed.attribute_kinds == {name: "number"}


@pytest.mark.parametrize("where", ["leads", "attributes"])
def test_a_flag_whose_name_speaks_of_a_person_can_be_allowed_by_name(tmp_path, where):
    flags = {"allow_flags": ["Do Not Email"]}
    if where == "leads":
        values = ["true", "false"]
        assert (
            "allow_flags" in read_attribute(tmp_path, "Do Not Email", values).unused["Do Not Email"]
        )
        tables = read_attribute(tmp_path, "Do Not Email", values, **flags)
    else:
        line = "0,2024-01-02T00:00:00Z,Do Not Email,true"
        write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", line)
        tables = read_leads(tmp_path, "lead_id,created_at", "0,2024-01-01T00:00:00Z", leads=flags)
    assert tables.attribute_kinds == {"Do Not Email": "category"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"w{i}" for i in range(21)], "it has 21"),
        (["ana@example.org", "rui@example.org"], "e-mail addresses"),
    ],
)
def test_what_is_allowed_as_a_flag_must_be_one(tmp_path, values, words):
    tables = read_attribute(tmp_path, "email", values, allow_flags=["email"])
    assert words in tables.unused["email"]


@pytest.mark.parametrize("name", ["campaign_name", "email_opens", "page", "phone_type", "village"])
def test_a_harmless_column_is_used(tmp_path, name):
    assert name in read_attribute(tmp_path, name, ["1", "2"]).attribute_kinds


def test_a_column_without_a_value_is_not_used(tmp_path):
    assert read_attribute(tmp_path, "x", ["", ""]).unused == {"x": "it has no value in any row"}
