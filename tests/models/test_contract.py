"""The contract as a file: what it holds of a model, and what is refused as one."""

import json
from datetime import date
from pathlib import Path

import pytest

from models.bundle import add_companion, load_bundle, read_bundle_files, save_bundle
from models.contract import (
    CONTRACT,
    ContractName,
    contract_from_text,
    first_contract,
    served_contract,
)
from tests.support.bundles import small_bundle

DAY_ONE = date(2026, 1, 1)


@pytest.fixture(scope="module")
def bundle():
    return small_bundle()


@pytest.fixture
def folder(bundle, tmp_path: Path) -> Path:
    save_bundle(bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_the_first_contract_holds_what_the_model_reads(bundle) -> None:
    contract = first_contract(bundle.spec, "2026-a", DAY_ONE)
    assert contract.version == "1.0.0"
    assert contract.names["attributes.country"] == ContractName("category", ("it", "pt"))
    assert contract.names["attributes.company_size"] == ContractName("number")
    assert contract.names["attributes.first_met_at"] == ContractName("timestamp")
    assert contract.names["interactions.kind"].words == ("price_question",)
    assert contract.names["interactions.measures.duration_seconds"] == ContractName("number")
    assert not contract.retired


def test_a_contract_is_the_same_after_its_text(bundle) -> None:
    contract = first_contract(bundle.spec, "2026-a", DAY_ONE)
    assert contract_from_text(contract.text, "it") == contract


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "has format 2, this release reads 1"),
        ({"names": {"attributes.a": {"kind": "colour"}}}, "names.attributes.a.kind"),
        ({"names": {"attributes.a": {"kind": "number", "extra": 1}}}, "extra"),
        ({"releases": []}, "must list its versions"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_no_contract_is_refused_by_name(bundle, change, said: str) -> None:
    values = {**json.loads(first_contract(bundle.spec, "2026-a", DAY_ONE).text), **change}
    with pytest.raises(ValueError, match=said):
        contract_from_text(json.dumps(values), "contract.json")


@pytest.mark.parametrize("text", ["", "[]", "{", 60_000 * "[", '{"format": NaN}'])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"contract\.json"):
        contract_from_text(text, "contract.json")


def test_a_bundle_without_a_contract_is_served_by_its_own_names(folder: Path, bundle) -> None:
    served = served_contract(folder, load_bundle(folder))
    assert served.names == first_contract(bundle.spec, "2026-a", DAY_ONE).names
    assert served.releases[0].released == date(1970, 2, 1)


def test_a_contract_beside_a_bundle_changes_no_version_and_is_listed(folder: Path, bundle) -> None:
    contract = first_contract(bundle.spec, "2026-a", DAY_ONE)
    version = load_bundle(folder).version
    add_companion(folder, CONTRACT, contract.text)
    assert load_bundle(folder).version == version
    assert set(read_bundle_files(folder).companions) == {CONTRACT}
    assert served_contract(folder, load_bundle(folder)) == contract
    (folder / CONTRACT).write_text(contract.text.replace("country", "land"))
    with pytest.raises(ValueError, match=r"contract\.json has SHA-256"):
        load_bundle(folder)


def test_a_contract_of_another_model_is_refused(folder: Path, bundle) -> None:
    contract = first_contract(bundle.spec, "2026-a", DAY_ONE)
    del contract.names["attributes.country"]
    add_companion(folder, CONTRACT, contract.text)
    with pytest.raises(ValueError, match=r"is not of this model, which reads attributes\.country"):
        served_contract(folder, load_bundle(folder))


def test_companions_of_an_earlier_release_are_listed_with_the_contract(bundle, tmp_path) -> None:
    folder = tmp_path / "bundle"
    version = save_bundle(bundle, folder).version
    (folder / "report.html").write_text("<h1>report</h1>")  # as it was before they were listed
    add_companion(folder, CONTRACT, first_contract(bundle.spec, "2026-a", DAY_ONE).text)
    assert set(read_bundle_files(folder).companions) == {CONTRACT, "report.html"}
    assert load_bundle(folder).version == version
