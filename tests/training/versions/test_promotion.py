"""From a recorded version to the champion: what is asked, what is kept, and what force does."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from models.bundle import save_bundle
from models.card import CardDocument
from tests.support.bundles import small_bundle
from tests.support.cards import document, lifelike_card
from tests.support.stores import new_registry
from training.card.values import read_card
from training.config import Config, config_of
from training.versions.gate import Verdict
from training.versions.mlflow_store import Registry
from training.versions.promotion import Examination, examination
from training.versions.registry import Judgement, keep, promote, record, rollback, versions
from training.versions.run_figures import run_metrics

pytestmark = pytest.mark.mlflow
BASE = ["base rate", "age only"]


def card(better_than: list[str]) -> CardDocument:
    values = lifelike_card()
    values["data_fingerprint"] = "f" * 32
    values["settings"] = {"trees": 30, "monotone": {"x": "increasing"}, "test_from": None}
    for horizon in values["horizons"].values():
        horizon["better_than"] = better_than
    for name in ("auc", "auc_low", "auc_high"):
        values["horizons"]["warm"][name] = None
    return document(values)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Version 1 beats the baselines, 2 does not, 3 does again."""
    folder = tmp_path_factory.mktemp("registry")
    registry = new_registry(folder / "store")
    for seed, better_than in ((1, BASE), (2, []), (3, BASE)):
        bundle = dataclasses.replace(small_bundle(seed=seed), card=card(better_than))
        save_bundle(bundle, folder / f"bundle {seed}")
        record(registry, folder / f"bundle {seed}", {"audit.json": "[]\n"})
    return registry


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of({"leads": {"source": "leads.csv"}}, tmp_path)


def unread() -> Any:
    raise AssertionError("The export must not be read.")


def gone() -> Any:
    raise FileNotFoundError("leads.csv is gone")


def client(registry: Registry) -> MlflowClient:
    return MlflowClient(registry.uri, registry.uri)


def tags(registry: Registry, number: int) -> dict[str, str]:
    version = client(registry).get_model_version(registry.model, str(number))
    prefix = "lead_temperature.gate."
    return {k.removeprefix(prefix): v for k, v in version.tags.items() if k.startswith(prefix)}


def test_a_run_shows_settings_data_and_every_figure(filled: Registry) -> None:
    version = client(filled).get_model_version(filled.model, "1")
    assert version.tags["lead_temperature.data"] == "f" * 32
    run = client(filled).get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["data_fingerprint"] == "f" * 32
    assert run.data.params["trees"] == "30"
    assert run.data.params["library.lightgbm"] == "4.7.0"
    assert run.data.metrics == pytest.approx(run_metrics(read_card(card(BASE))))
    assert run.data.metrics["hot.auc"] == 0.831
    assert "warm.auc" not in run.data.metrics
    files = {one.path for one in client(filled).list_artifacts(version.run_id)}
    assert files == {"audit.json", "bundle"}


def test_a_first_champion_is_judged_by_its_card_without_reading_the_export(
    filled: Registry, config: Config
) -> None:
    assert examination(filled, 1, config, unread, force=False).verdict.finding == "better"
    found = examination(filled, 2, config, unread, force=False)
    assert (found.champion, found.verdict.finding) == (None, "cannot be told")
    assert not found.judgement(force=False).promoted


def test_what_was_found_is_kept_with_the_version(filled: Registry) -> None:
    refused = Judgement(None, "worse", promoted=False, forced=False, document='{"a": 1}\n')
    keep(filled, 2, refused)
    assert not any(version.champion for version in versions(filled))
    told = {"against": "baselines", "finding": "worse", "promoted": "false", "forced": "false"}
    told["given_up"] = "{}"
    assert tags(filled, 2) == told
    version = client(filled).get_model_version(filled.model, "2")
    kept = client(filled).download_artifacts(version.run_id, "gate/against_baselines.json")
    assert json.loads(Path(kept).read_text()) == {"a": 1}


@pytest.mark.slow
def test_force_promotes_what_is_refused_and_that_is_kept(filled: Registry, config: Config) -> None:
    promote(filled, 1)
    with pytest.raises(FileNotFoundError, match="gone"):
        examination(filled, 2, config, gone, force=False)
    found = examination(filled, 2, config, gone, force=True)
    assert found.verdict.finding == "cannot be told"
    assert found.verdict.reasons == ("leads.csv is gone",)
    promote(filled, 2, found.judgement(force=True))
    assert tags(filled, 2) == {
        "against": "version_1",
        "finding": "cannot be told",
        "promoted": "true",
        "forced": "true",
        "given_up": "{}",
    }
    assert rollback(filled).number == 1


def test_force_is_not_said_of_what_passes_anyway() -> None:
    passed = Examination(2, 1, Verdict("no worse", ()), None).judgement(force=True)
    assert (passed.promoted, passed.forced) == (True, False)


def test_a_champion_that_changed_meanwhile_is_compared_with_again(filled: Registry) -> None:
    promote(filled, 1)
    judged = Judgement(1, "better", promoted=True, forced=False, document="{}\n")
    promote(filled, 3)
    with pytest.raises(ValueError, match="compared with champion 1, but meanwhile version 3"):
        promote(filled, 2, judged)
    assert [version.number for version in versions(filled) if version.champion] == [3]


@pytest.mark.slow
def test_a_champion_that_cannot_be_read_does_not_stand_in_the_way(
    filled: Registry, config: Config, tmp_path: Path
) -> None:
    registry = Registry(filled.folder, "other")
    for seed in (4, 5):
        bundle = dataclasses.replace(small_bundle(seed=seed), card=card(BASE))
        save_bundle(bundle, tmp_path / f"bundle {seed}")
        record(registry, tmp_path / f"bundle {seed}")
    promote(registry, 1)
    (folder,) = (
        path.parent
        for path in filled.folder.rglob("manifest.json")
        if path.read_bytes() == (tmp_path / "bundle 4" / "manifest.json").read_bytes()
    )
    (folder / "manifest.json").write_text('{"format": 0, "files": {}}')
    found = examination(registry, 2, config, unread, force=False)
    assert (found.champion, found.verdict.finding) == (1, "better")
    assert "cannot be served by this release" in found.verdict.reasons[0]
    shutil.rmtree(folder)
    with pytest.raises(ValueError, match="refused"):
        examination(registry, 2, config, unread, force=False)
    assert examination(registry, 2, config, unread, force=True).judgement(force=True).forced


@pytest.mark.slow
def test_the_command_refuses_says_why_and_is_told_to_do_it_all_the_same(
    filled: Registry, run, tmp_path: Path
) -> None:
    registry = Registry(filled.folder, "commanded")
    for seed in (1, 2):
        bundle = dataclasses.replace(small_bundle(seed=seed), card=card([]))
        save_bundle(bundle, tmp_path / f"bundle {seed}")
        record(registry, tmp_path / f"bundle {seed}")
    config = tmp_path / "lead_temperature.toml"
    config.write_text(
        '[leads]\nsource = "leads.csv"\n[registry]\nmodel = "commanded"\n'
        f'folder = "{filled.folder}"\n'
    )
    refused = run("promote", 1, "--config", config)
    assert refused.returncode == 1
    assert "Version 1 against baselines: cannot be told." in refused.stdout
    assert "Version 1 is not promoted: cannot be told." in refused.stderr
    assert tags(registry, 1)["promoted"] == "false"
    assert run("promote", 1, "--force", "--config", config).returncode == 0
    assert tags(registry, 1)["forced"] == "true"
    assert "is the champion already" in run("promote", 1, "--config", config).stdout
    without_export = run("promote", 2, "--config", config)
    assert without_export.returncode == 1
    assert "leads.csv" in without_export.stderr
    assert run("promote", 2, "--force", "--config", config).returncode == 0
    assert [version.champion for version in versions(registry)] == [False, True]
    assert run("rollback", "--config", config).returncode == 0
