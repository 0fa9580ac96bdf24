"""The contract over HTTP: what may be sent, what became of it, and the document's version."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from models.bundle import add_companion, save_bundle
from models.contract import CONTRACT, ContractName, first_contract
from models.contract_draft import Terms, draft_contract
from serving.http.app import create_app
from tests.support.bundles import small_bundle
from tests.support.histories import DAY
from tests.support.http import TestClient


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A server whose contract has retired an attribute."""
    folder: Path = tmp_path_factory.mktemp("contract") / "bundle"
    bundle = save_bundle(small_bundle(), folder)
    first = first_contract(bundle.spec, "2026-a", date(2026, 1, 1))
    earlier = replace(first, names={**first.names, "attributes.staff": ContractName("number")})
    terms = Terms(date(2026, 3, 1), 30, {"staff": "company_size"})
    contract = draft_contract(earlier, bundle.spec, bundle.version, terms)
    add_companion(folder, CONTRACT, contract.text)
    return TestClient(create_app(folder, clock=lambda: 60 * DAY))


def test_the_contract_lists_names_with_kind_words_and_retirement(client) -> None:
    told = client.get("/v1/contract").json()
    assert (told["version"], told["released"]) == ("1.1.0", "2026-03-01")
    assert told["names"]["attributes.country"] == {
        "kind": "category",
        "words": ["it", "pt"],
        "retirement": None,
    }
    assert told["names"]["attributes.staff"]["retirement"] == {
        "since": "2026-03-01",
        "accepted_until": "2026-03-31",
        "instead": "attributes.company_size",
    }


def test_the_changes_come_newest_first(client) -> None:
    told = client.get("/v1/contract/changes").json()
    assert [release["version"] for release in told["releases"]] == ["1.1.0", "1.0.0"]
    (change,) = told["releases"][0]["changes"]
    assert change["path"] == "attributes.staff"
    assert change["change"] == "retired"


def test_the_document_has_the_contracts_version_and_marks_retired_names(client) -> None:
    document = client.get("/openapi.json").json()
    assert document["info"]["version"] == "1.1.0"
    attributes = document["components"]["schemas"]["Attributes"]["properties"]
    assert attributes["staff"]["deprecated"] is True
    assert "deprecated" not in attributes["country"]


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("prefer", ["handling=strict", "handling=lenient"])
def test_a_caller_of_before_is_answered_by_every_route(client, many: bool, prefer: str) -> None:
    attributes = {"staff": 10, "country": "it"}
    lead = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z", "attributes": attributes}
    path = "/v1/score/batch" if many else "/v1/score"
    body = {"leads": [lead]} if many else lead
    answer = client.post(path, json=body, headers={"prefer": prefer})
    assert answer.status_code == 200
    scored = answer.json()["results"][0] if many else answer.json()
    assert any("attributes.staff: retired" in warning for warning in scored["warnings"])
    assert not any("does not know" in warning for warning in scored["warnings"])
