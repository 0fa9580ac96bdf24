"""The README's commands and its request work as they stand."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from features.language.spec import feature_from_json
from lead_temperature.inputs import registry_of
from serving.http.app import create_app
from tests.support.http import TestClient
from training.config import read_config

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_commands_of_the_readme_run_in_their_order(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        name, *arguments = shlex.split(line)
        assert name == "lead-temperature"
        done = run(*arguments)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_the_request_of_the_readme_is_answered(trained) -> None:
    request = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
    with TestClient(create_app(trained.bundle)) as client:
        answer = client.post("/v1/score", json=request)
    assert answer.status_code == 200
    assert 0 < answer.json()["hot_probability"] <= answer.json()["warm_probability"]
    assert answer.json()["reasons"]


def test_every_verb_stands_in_the_readme() -> None:
    from tests.lead_temperature.test_command import VERBS

    missing = [verb for verb in VERBS if f"lead-temperature {verb}" not in README]
    assert missing in ([], ["rollback"])
    assert "`rollback`" in README


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (Path(__file__).resolve().parent.parent / "Makefile").read_text()
    for target in re.findall(r"^make (\w[\w-]*)", README, re.MULTILINE):
        assert re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", makefile, re.MULTILINE), target


def test_the_feature_of_the_readme_is_one(tmp_path: Path) -> None:
    text = next(text for kind, text in BLOCKS if kind == "toml")
    assert len([line for line in text.splitlines() if line.strip()]) == 6
    config = tmp_path / "lead_temperature.toml"
    config.write_text('[leads]\nsource = "leads.csv"\n' + text)
    (item,) = read_config(config).features.add
    assert feature_from_json(item).name == "count[kind=call,outcome=answered]_5d"


@pytest.mark.slow
@pytest.mark.training
def test_the_python_of_the_readme_runs(trained, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "crm").symlink_to(trained.folder)
    monkeypatch.chdir(tmp_path)
    code = next(text for kind, text in BLOCKS if kind == "python")
    names: dict[str, Any] = {}
    exec(code.replace('"trees": 100', '"trees": 20'), names)  # noqa: S102 - it is our own
    assert len(names["X"]) == len(names["y"]) > 1_000
    assert names["y"].notna().all()
    assert set(names["scores"].band) <= {"hot", "warm", "cold"}
    assert names["page"].startswith("<!DOCTYPE html>")


def test_the_address_of_mlflows_store_in_the_readme_is_the_registrys(trained) -> None:
    registry = registry_of(read_config(trained.config))
    relative = registry.uri.replace(str(trained.folder.resolve()), "crm")
    assert f"--backend-store-uri {relative}" in README
    assert f"MLFLOW_TRACKING_URI={relative}" in README
