"""The log of attributes: wrong versions, and names that may not be used."""

import pytest

from features.export.inspection import inspection
from tests.support.exports import (
    broken,
    read_leads,
    write_text,
)


def test_an_attribute_both_declared_fixed_and_in_the_log_is_refused(tmp_path):
    write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", "1,2024-01-01,s,a")
    with pytest.raises(ValueError, match=r"'s' is declared fixed at creation and changes in"):
        read_leads(
            tmp_path, "lead_id,created_at,s", "1,2024-01-01,a", leads={"fixed_at_creation": ["s"]}
        )


def test_a_wrong_version_of_an_attribute_is_rejected(tmp_path):
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        "1,2024-01-01T00:00:00Z,score,1",
        "1,2024-01-01T00:00:00Z,score,high",
        "1,2024-01-01T00:00:00Z,,1",
        "2,2024-01-01T00:00:00Z,score,1",
        "1,2024-01-01T00:00:00Z,score,",
    )
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        attributes={"kinds": {"score": "number"}},
    )
    # Nobody knows what it became: it is missing from then on.
    assert tables.attribute_log["number"].to_pylist() == [1.0, None, None]
    assert broken(tables) == [
        ("attributes", 2, "unparsable number"),
        ("attributes", 3, "missing value"),
        ("attributes", 4, "unknown lead"),
    ]


def test_names_of_ours_in_the_log_are_not_used(tmp_path):
    lines = [f"1,2024-01-02T00:00:00Z,{name},5" for name in ("lead_id", "converted_at", "size")]
    write_text(tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", *lines)
    tables = read_leads(tmp_path, "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    assert tables.attribute_kinds == {"size": "number"}
    assert sorted(tables.unused) == ["attributes.converted_at", "attributes.lead_id"]
    assert inspection(tables).attributes[0].coverage == 1


def test_personal_and_sensitive_names_in_the_log_are_not_used(tmp_path):
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        *(f"1,2024-01-01T00:00:00Z,{name},5" for name in ("email", "age", "income", "score")),
    )
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        leads={"allow_sensitive": ["income"]},
    )
    assert tables.attribute_log["name"].to_pylist() == ["income", "score"]
    assert sorted(tables.unused) == ["attributes.age", "attributes.email"]
    assert tables.unused["attributes.email"].endswith("(1 rows)")


def test_a_word_stands_for_a_missing_value_of_the_attribute_that_says_so_alone(tmp_path):
    write_text(
        tmp_path / "attributes.csv",
        "lead_id,recorded_at,name,value",
        *(f"1,2024-01-0{i}T00:00:00Z,{name},{value}" for i, (name, value) in enumerate(
            [("debt", "5"), ("debt", "n.n."), ("stage", "n.n."), ("debt", "?"), ("stage", "?")], 1
        )),
    )  # fmt: skip
    formats = {"debt": {"missing": ["n.n."]}, "stage": {"missing": ["?"]}}
    tables = read_leads(
        tmp_path,
        "lead_id,created_at",
        "1,2024-01-01T00:00:00Z",
        attributes={"formats": formats, "kinds": {"debt": "number"}},
    )
    assert tables.attribute_log["text"].to_pylist() == [None, None, "n.n.", None, None]
    assert tables.attribute_log["number"].to_pylist() == [5.0, None, None, None, None]
    assert broken(tables) == [("attributes", 4, "unparsable number")]
