"""Registries of MLflow: a new store is copied, since making its tables costs a second or more."""

from pathlib import Path

from models.bundle import save_bundle
from tests.support.cached import cached, copy_kept
from tests.support.cards import judged_bundle
from training.versions.mlflow_store import Registry
from training.versions.registry import record, versions

MODEL = "lead-temperature"


def make_store(folder: Path) -> None:
    """Recipe: a store without any version."""
    assert versions(Registry(folder, MODEL)) == []


def make_three_versions(folder: Path) -> None:
    """Recipe: a store with the small bundles of seeds 1, 2 and 3 as versions 1, 2 and 3."""
    copy_kept(cached("mlflow-store", make_store), folder)
    for seed in (1, 2, 3):
        bundle = folder / f"bundle {seed}"
        save_bundle(judged_bundle(seed=seed), bundle)
        assert record(Registry(folder, MODEL), bundle).number == seed


def new_registry(folder: Path, model: str = MODEL) -> Registry:
    """A registry without any version in a folder of its own."""
    copy_kept(cached("mlflow-store", make_store), folder)
    return Registry(folder, model)


def registry_of_three(folder: Path) -> Registry:
    """A registry with versions 1, 2 and 3, none of which is the champion.

    The bundles that they were recorded from lie beside the store, as ``bundle 1`` and so on.
    """
    copy_kept(cached("mlflow-three-versions", make_three_versions), folder)
    return Registry(folder, MODEL)
