"""Who prefers it is told of unknown names in place of being refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.answers.lenient import MAX_TOLD, without_unknown_names

LEAD = {
    "lead_id": "1",
    "created_at": "1970-01-01T00:00:00Z",
    "as_of": "1970-01-20T00:00:00Z",
    "attributes": {"country": "it"},
    "interactions": [{"occurred_at": "1970-01-19T00:00:00Z", "kind": "price_question"}],
}
ODD = {
    **LEAD,
    "phone": "1",
    "attributes": {"country": "it", "colour": "red"},
    "interactions": [
        {**LEAD["interactions"][0], "note": "secret", "measures": {"steps": 3}},  # type: ignore[dict-item, index]
    ],
}
LENIENT = {"prefer": "handling=lenient"}
UNKNOWN = ("attributes.colour", "interactions.measures.steps", "interactions.note", "phone")


def test_unknown_names_are_left_out_and_named(model) -> None:
    lead, unknown = without_unknown_names(ODD, model.names)
    assert unknown == UNKNOWN
    assert lead == {**LEAD, "interactions": [{**LEAD["interactions"][0], "measures": {}}]}
    assert "phone" in ODD


def test_what_is_known_is_left_as_it_is(model) -> None:
    assert without_unknown_names(LEAD, model.names) == (LEAD, ())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*LEAD, "x", "measures"]), json_values) | json_values)
def test_any_json_is_taken(model, value: object) -> None:
    known, unknown = without_unknown_names(value, model.names)
    assert without_unknown_names(known, model.names) == (known, ())
    if not unknown:
        assert known == value


@pytest.mark.parametrize("query", ["", "?include=trend", "?reasons=0"])
def test_a_lenient_call_is_answered_with_the_bits_of_the_known_fields(client, query: str) -> None:
    path = f"/v1/score{query}"
    assert client.post(path, json=ODD).status_code == 422
    answer = client.post(path, json=ODD, headers=LENIENT)
    assert answer.status_code == 200
    assert "handling=lenient" in answer.headers["preference-applied"]
    *warnings, last = answer.json()["warnings"]
    assert all(f'"{name}"' in last for name in UNKNOWN)
    expected = client.post(path, json=LEAD).json()
    assert {**answer.json(), "warnings": warnings} == expected


def test_a_lenient_batch_too(client) -> None:
    leads = {"leads": [ODD, LEAD, {**ODD, "created_at": "yesterday"}]}
    strict = client.post("/v1/score/batch", json=leads).json()["results"]
    assert [result.get("status") for result in strict] == [422, None, 422]
    lenient = client.post("/v1/score/batch", json=leads, headers=LENIENT).json()["results"]
    assert [result.get("status") for result in lenient] == [None, None, 422]
    assert [error["field"] for error in lenient[2]["errors"]] == ["created_at"]
    assert lenient[1] == strict[1]
    assert "phone" in lenient[0]["warnings"][-1]


def test_a_long_body_too(client) -> None:
    long = {**ODD, "attributes": {"country": 70_000 * "x"}}
    assert client.post("/v1/score", json=long).json()["code"] != "overload"
    answer = client.post("/v1/score", json={**ODD, "memo": 70_000 * "x"}, headers=LENIENT)
    assert answer.status_code == 200
    assert '"memo"' in answer.json()["warnings"][-1]


def test_so_many_names_are_told_at_most(client) -> None:
    many = {**LEAD, **{f"field_{number}": 1 for number in range(200)}}
    answer = client.post("/v1/score", json=many, headers=LENIENT).json()
    assert f"and {200 - MAX_TOLD} more" in answer["warnings"][-1]


def test_strict_may_be_said(client) -> None:
    assert (
        client.post("/v1/score", json=ODD, headers={"prefer": "handling=strict"}).status_code == 422
    )


def test_lists_within_lists_are_left_to_the_schema_however_deep(client) -> None:
    headers = LENIENT | {"content-type": "application/json"}
    deep = "[" * 900 + "]" * 900
    for path, body in (("/v1/score", deep), ("/v1/score/batch", f'{{"leads": [{deep}]}}')):
        answer = client.post(path, content=body, headers=headers)
        problem = answer.json() if path == "/v1/score" else answer.json()["results"][0]
        assert (problem["status"], problem["code"]) == (422, "other_kind")
