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
