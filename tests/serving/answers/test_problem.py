"""Problems name the field, the law, the finding and the way out, and stay short."""

import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from starlette.exceptions import HTTPException
from typing_extensions import TypedDict

from serving.answers.problem import (
    MAX_ERRORS,
    MAX_PROBLEM_NAMES,
    MAX_QUOTED,
    FieldError,
    Names,
    Problem,
    Refused,
    invalid_fields_problem,
    list_names,
    problem,
    problem_of,
    quoted_value,
    validation_problem,
)
from serving.answers.schemas import as_json

NAMES: Names = {(): ("weight", "inner"), ("inner",): ("depth",)}


@with_config(ConfigDict(extra="forbid", strict=True))
class Inner(TypedDict):
    depth: float


@with_config(ConfigDict(extra="forbid", strict=True))
class Outer(TypedDict):
    weight: float
    inner: list[Inner]


def refusal(value: object) -> Problem:
    """Problem of a value that is no `Outer`."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python(value)
    return validation_problem(caught.value.errors(), NAMES)


def test_a_missing_field_is_named_with_what_to_do() -> None:
    (error,) = refusal({"inner": []}).errors
    assert error == FieldError("weight", "Is required", "nothing", "Send it.", "missing")


def test_an_unknown_name_is_answered_with_those_of_its_own_object() -> None:
    (error,) = refusal({"weight": 1.0, "inner": [{"depth": 1.0, "x": 1}]}).errors
    assert (error.field, error.found, error.code) == ("inner[0].x", '"x"', "unknown_name")
    assert error.way_out == "Leave it out, or mend its name. Known: depth."


def test_a_wrong_value_is_quoted_beside_its_law() -> None:
    (error,) = refusal({"weight": "12", "inner": []}).errors
    assert (error.field, error.found, error.code) == ("weight", '"12"', "other_kind")
    assert error.way_out == "Send a number without quotes; leave it out when it is unknown."


class Frame(TypedDict):
    leads: Annotated[list[int], Field(max_length=1)]
    other: Annotated[list[int], Field(max_length=1)]


def test_too_many_leads_are_to_be_sent_in_several_calls() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Frame).validate_python({"leads": [1, 2], "other": [1, 2]})
    leads, other = validation_problem(caught.value.errors(), {}).errors
    assert leads.way_out == "Send them in several calls."
    assert other.way_out == "Send fewer: the latest are the ones that count."


def test_all_errors_are_counted_and_the_first_are_listed() -> None:
    unknown = {f"x{number}": 1 for number in range(MAX_ERRORS + 5)}
    found = refusal({"weight": 1.0, "inner": [], **unknown})
    assert len(found.errors) == MAX_ERRORS
    assert found.detail == (
        f"{MAX_ERRORS + 5} fields break their law; `errors` names what to mend, the first "
        f"{MAX_ERRORS} of them."
    )


def test_one_wrong_field_is_said_in_the_singular() -> None:
    error = FieldError("a", "law", "found", "way out", "length")
    found = invalid_fields_problem([error])
    assert found.detail == "1 field breaks its law; `errors` names what to mend."
    assert (found.type, found.status, found.code) == ("/problems/length", 422, "length")


@pytest.mark.parametrize(
    ("status", "title", "reason"),
    [
        (401, "Unauthorized", "no_key"),
        (403, "Forbidden", "other_role"),
        (404, "Not Found", "no_such_page"),
        (405, "Method Not Allowed", "other_method"),
        (408, "Request Timeout", "slow_body"),
        (409, "Conflict", "broken_bundle"),
        (421, "Misdirected Request", "other_host"),
        (500, "Internal Server Error", "failure"),
        (503, "Service Unavailable", "overload"),
        (418, "I'm a Teapot", "other"),
    ],
)
def test_a_status_says_the_title_and_the_reason(status: int, title: str, reason: str) -> None:
    found = problem(status, "detail")
    assert (found.type, found.title, found.code) == (f"/problems/{reason}", title, reason)
    assert problem_of(HTTPException(status, "detail")) == found


def test_a_refusal_keeps_the_reason_that_its_status_does_not_say() -> None:
    assert problem_of(Refused(400, "too_deep", "detail")).code == "too_deep"
    assert problem_of(Refused(503, "ending", "detail")).code == "ending"


def test_a_field_is_sent_with_its_code() -> None:
    sent = json.loads(as_json(invalid_fields_problem([FieldError("a", "b", "c", "d")])))
    assert sent["errors"] == [
        {"field": "a", "law": "b", "found": "c", "way_out": "d", "code": "other_value"}
    ]


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Nd"])))
def test_any_text_is_quoted_short_and_as_json_can_carry_it(text: str) -> None:
    quoted = quoted_value(text)
    assert len(quoted) <= MAX_QUOTED + len('"…"')
    assert quoted.startswith('"')
    quoted.encode()


@pytest.mark.parametrize("length", [MAX_QUOTED - 1, MAX_QUOTED, MAX_QUOTED + 1])
def test_a_text_is_cut_only_beyond_the_limit(length: int) -> None:
    quoted = quoted_value(length * "x")
    assert quoted.count("x") == min(length, MAX_QUOTED)
    assert quoted.endswith("…" + '"' if length > MAX_QUOTED else "x" + '"')


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        ({"a": 1}, "an object of 1"),
        ((1, 2, 3), "an array of 3"),
        (10**MAX_QUOTED, "1" + (MAX_QUOTED - 1) * "0" + "…"),
    ],
)
def test_what_is_no_text_is_described(value: object, quoted: str) -> None:
    assert quoted_value(value) == quoted


@given(st.lists(st.text("ab", min_size=1), max_size=9), st.integers(1, 9))
def test_names_are_listed_in_their_order_and_the_rest_counted(names: list[str], most: int) -> None:
    listed = list_names(names, most)
    if not names:
        assert listed == "none"
    elif len(names) <= most:
        assert listed == ", ".join(names)
    else:
        assert listed == f"{', '.join(names[:most])} and {len(names) - most} more"


def test_known_names_are_offered_up_to_a_number() -> None:
    names: Names = {(): tuple(f"n{number}" for number in range(MAX_PROBLEM_NAMES + 3))}
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"weight": 1.0, "inner": [], "x": 1})
    (error,) = validation_problem(caught.value.errors(), names).errors
    assert error.way_out.endswith(f"n{MAX_PROBLEM_NAMES - 1} and 3 more.")
