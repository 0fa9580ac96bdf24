"""The contract in the registry: in force with the champion, and pulled with its bundle."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from mlflow import MlflowClient

from models.bundle import load_bundle, save_bundle
from models.contract import CONTRACT, contract_from_text, served_contract
from models.contract_draft import Terms
from tests.support.cards import judged_bundle
from tests.support.stores import registry_of_three
from training.versions.mlflow_store import Registry
from training.versions.promotion import contract_draft
from training.versions.registry import contract_in_force, promote, pull, record, rollback, versions

pytestmark = pytest.mark.mlflow
TERMS = Terms(date(2026, 3, 1), 30)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Versions 1 to 3 read the same; version 4 reads another attribute as well."""
    registry = registry_of_three(tmp_path / "registry")
    bundle = judged_bundle(seed=4)
    kinds = {**bundle.spec.attribute_kinds, "source": "category"}
    more = replace(bundle, spec=replace(bundle.spec, attribute_kinds=kinds))
    save_bundle(more, tmp_path / "bundle 4")
    assert record(registry, tmp_path / "bundle 4").number == 4
    return registry


def promote_by_contract(registry: Registry, number: int) -> None:
    promote(registry, number, contract=contract_draft(registry, number, TERMS).contract)


def pulled(registry: Registry, alias: str, folder: Path):
    """Contract of a pulled bundle; None if the bundle came without one."""
    pull(registry, alias, folder)
    file = folder / CONTRACT
    return contract_from_text(file.read_text(), "it") if file.exists() else None


def test_without_a_champion_there_is_no_contract(registry, tmp_path: Path) -> None:
    assert contract_in_force(registry) is None
    assert pulled(registry, "1", tmp_path / "pulled") is None


def test_the_first_champion_makes_the_first_contract(registry, tmp_path: Path) -> None:
    promote_by_contract(registry, 1)
    contract = contract_in_force(registry)
    assert contract is not None
    assert contract.version == "1.0.0"
    assert pulled(registry, "champion", tmp_path / "pulled") == contract
    assert served_contract(tmp_path / "pulled", load_bundle(tmp_path / "pulled")) == contract


def test_a_champion_of_an_earlier_release_has_the_contract_of_its_names(registry) -> None:
    promote(registry, 1)  # without a contract
    assert contract_in_force(registry) is None
    draft = contract_draft(registry, 4, TERMS)
    assert draft.contract.version == "1.1.0"
    assert [change.change for change in draft.changes] == ["added"]
    assert not draft.breaking


def test_a_rollback_keeps_what_callers_may_have_begun_to_send(registry, tmp_path: Path) -> None:
    promote_by_contract(registry, 1)
    promote_by_contract(registry, 4)
    assert contract_in_force(registry).version == "1.1.0"
    rollback(registry, lambda number: contract_draft(registry, number, TERMS).contract)
    contract = contract_in_force(registry)
    assert contract.version == "1.2.0"
    assert set(contract.retired) == {"attributes.source"}
    assert pulled(registry, "champion", tmp_path / "pulled") == contract


def test_another_version_is_pulled_with_the_contract_if_it_keeps_it(registry, tmp_path) -> None:
    promote_by_contract(registry, 1)
    assert pulled(registry, "2", tmp_path / "second") == contract_in_force(registry)
    assert pulled(registry, "4", tmp_path / "fourth") is None  # it reads what no contract has


def test_a_promotion_killed_before_the_alias_moved_leaves_the_contract(
    registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_by_contract(registry, 1)
    earlier = contract_in_force(registry)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", killed)
        with pytest.raises(KeyboardInterrupt):
            promote_by_contract(registry, 4)
    assert contract_in_force(registry) == earlier
    assert pulled(registry, "champion", tmp_path / "pulled") == earlier
    assert [version.number for version in versions(registry) if version.champion] == [1]
