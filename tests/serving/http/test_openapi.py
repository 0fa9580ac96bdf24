"""The OpenAPI document shows the bundle's own schema, and what it shows is true."""

import json

import pytest

from serving.http.app import create_app
from tests.support.http import TestClient


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


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


def test_two_servers_of_one_bundle_have_one_document(client, bundle_folder, document) -> None:
    again = TestClient(create_app(bundle_folder)).get("/openapi.json").json()
    assert json.dumps(again) == json.dumps(document)


def test_operations_have_the_names_that_clients_call(document) -> None:
    names = {
        route["operationId"] for routes in document["paths"].values() for route in routes.values()
    }
    assert names >= {"score", "scoreBatch", "showModel", "showContract", "showContractChanges"}
    assert len(names) == sum(map(len, document["paths"].values()))


def test_every_operation_says_what_it_does_and_has_a_known_tag(document) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for routes in document["paths"].values():
        for route in routes.values():
            assert route["description"]
            assert set(route["tags"]) <= tags
    assert document["servers"][0]["url"] == "/"
    assert document["info"]["description"]


def test_the_headers_that_are_shown_are_sent(client, document) -> None:
    lead = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
    answer = client.post("/v1/score", json=lead, headers={"prefer": "handling=lenient"})
    responses = document["paths"]["/v1/score"]["post"]["responses"]
    assert set(responses["200"]["headers"]) == {"X-Request-ID", "Preference-Applied"}
    assert all(name in answer.headers for name in responses["200"]["headers"])
    assert {"X-Request-ID", "Retry-After"} == set(responses["503"]["headers"])


def test_answers_to_a_batch_are_told_apart_by_one_field(client, document) -> None:
    union = document["components"]["schemas"]["BatchResult"]
    assert union["discriminator"]["propertyName"] == "result"
    lead = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
    leads = [lead, {"lead_id": "2"}]
    results = client.post("/v1/score/batch", json={"leads": leads}).json()["results"]
    for result, name in zip(results, ("ScoredLead", "Problem"), strict=True):
        schema = union["discriminator"]["mapping"][result["result"]].rpartition("/")[2]
        assert schema == name
        assert set(document["components"]["schemas"][name]["required"]) == set(result)
