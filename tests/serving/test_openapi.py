"""The OpenAPI document shows the bundle's own schema, and what it shows is true."""

import json

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def example(document, path: str, status: str = "200"):
    """Example request and answer of a route."""
    route = document["paths"][path]["post"]
    (answer,) = route["responses"][status]["content"].values()
    return route["requestBody"]["content"]["application/json"]["example"], answer["example"]


@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch"])
def test_the_examples_score_as_they_say(client, document, path: str) -> None:
    request, expected = example(document, path)
    answer = client.post(path, json=request)
    assert answer.status_code == 200
    assert answer.json() == expected


def test_the_example_lead_uses_all_of_the_schema(client, document) -> None:
    request, expected = example(document, "/v1/score")
    assert set(request["attributes"]) == {"country", "company_size", "first_met_at"}
    assert set(request["interactions"][0]["measures"]) == {"duration_seconds"}
    assert expected["warnings"] == []


@pytest.mark.parametrize("path", ["/v1/model", "/healthz", "/readyz"])
def test_the_examples_of_what_can_be_read_are_the_answers(client, document, path: str) -> None:
    content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    assert content["example"] == client.get(path).json()


def test_the_schema_of_a_lead_is_closed_and_the_bundles_own(document) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["Attributes"]["properties"]) == {"country", "company_size", "first_met_at"}
    assert schemas["Lead"]["required"] == ["lead_id", "created_at"]
    for name in ("Lead", "Attributes", "Interaction", "Measures", "Batch"):
        assert schemas[name]["additionalProperties"] is False
    assert schemas["Batch"]["properties"]["leads"]["maxItems"] == 1_000


def test_every_reference_leads_somewhere(document) -> None:
    def references(value):
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = set(references(document))
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_every_problem_that_is_shown_is_a_problem(document) -> None:
    shown = [
        (status, answer["content"]["application/problem+json"]["example"])
        for routes in document["paths"].values()
        for route in routes.values()
        for status, answer in route["responses"].items()
        if status != "200"
    ]
    assert len(shown) >= 10
    for status, example_ in shown:
        assert str(example_["status"]) == status
        assert example_["detail"]


def test_the_example_of_invalid_fields_is_what_the_server_says(client, document) -> None:
    _, expected = example(document, "/v1/score", "422")
    found = client.post("/v1/score", json={"lead_id": "L-1001"}).json()
    assert found | {"request_id": ""} == expected | {"request_id": ""}


def test_two_servers_of_one_bundle_have_one_document(client, bundle_folder, document) -> None:
    again = TestClient(create_app(bundle_folder)).get("/openapi.json").json()
    assert json.dumps(again) == json.dumps(document)
