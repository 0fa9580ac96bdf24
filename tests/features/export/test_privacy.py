import pyarrow as pa
import pytest

from features.export.privacy import (
    distinct_objection,
    name_objection,
    sensitive_objection,
    value_objection,
)


@pytest.mark.parametrize(
    ("name", "objection"),
    [
        ("contactName", "personal data: its name speaks of a person's name"),
        ("phone_number", "personal data: its name speaks of a phone number"),
        ("campaign_name", None),
        ("village", None),
        ("", None),
    ],
)
def test_a_name_may_speak_of_a_person(name: str, objection: str | None) -> None:
    assert name_objection(name) == objection


def test_a_sensitive_name_says_how_it_may_be_used_all_the_same() -> None:
    found = sensitive_objection("customer_age")
    assert found == "sensitive: age; name it in allow_sensitive to use it"
    assert sensitive_objection("page") is None


def test_values_of_persons_are_objected_to_and_others_are_not() -> None:
    addresses = pa.chunked_array([[f"lead{i}@example.org" for i in range(20)] + [None]])
    assert "e-mail addresses" in str(value_objection(addresses))
    assert value_objection(pa.chunked_array([["call", "visit", None] * 10])) is None
    assert value_objection(pa.chunked_array([pa.nulls(3, pa.string())])) is None


def test_words_of_which_almost_all_differ_are_objected_to() -> None:
    different = pa.chunked_array([[f"word {i}" for i in range(1_000)]])
    assert distinct_objection(different) is not None
    assert distinct_objection(pa.chunked_array([["it", "pt"] * 500])) is None
