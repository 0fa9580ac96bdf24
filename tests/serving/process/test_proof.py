"""Only what a server may load is copied, and only if the copy answers."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.bundle import JUDGED_FIT, load_bundle, save_bundle
from models.folder import MANIFEST
from models.golden import GOLDEN, golden_json
from models.signature import sign_bundle
from serving.http import score_routes
from serving.http.settings import Settings
from serving.process.proof import prove_bundle
from tests.support.bundles import blended, rehashed, small_bundle, unlisted
from tests.support.folders import contents

KEY = "a secret of this test"


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candidate") / "bundle"
    bundle = replace(blended(small_bundle()), judged_fit=small_bundle(seed=9))
    save_bundle(bundle, folder, {GOLDEN: golden_json(bundle), "report.html": "<p>41 %</p>"})
    return folder


@pytest.fixture
def folder(candidate: Path, tmp_path: Path) -> Path:
    shutil.copytree(candidate, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


def test_the_copy_is_the_bundle_without_what_is_not_of_it(folder: Path, copy: Path) -> None:
    (folder / "notes.txt").write_text("not of the bundle")
    version = prove_bundle(folder, copy, Settings())
    assert version == load_bundle(folder).version == load_bundle(copy).version
    original = contents(folder)
    assert contents(copy) == {
        name: content for name, content in original.items() if name != "notes.txt"
    }


def test_a_server_with_keys_is_asked_without_one(folder: Path, copy: Path) -> None:
    keys = Settings.model_validate({"api_keys": "crm:score:" + 64 * "0"})
    assert prove_bundle(folder, copy, keys) == load_bundle(folder).version


def test_an_earlier_releases_bundle_lists_no_companions_and_keeps_them(
    folder: Path, copy: Path
) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["companions"]
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    version = prove_bundle(folder, copy, Settings())
    assert (copy / "report.html").read_text() == "<p>41 %</p>"
    assert (copy / GOLDEN).exists()
    assert version == load_bundle(copy).version


@pytest.mark.parametrize("name", [GOLDEN, "report.html", f"{JUDGED_FIT}/hot.txt"])
def test_a_file_beside_the_model_that_is_changed_is_refused(
    folder: Path, copy: Path, name: str
) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="was changed after it was written"):
        prove_bundle(folder, copy, Settings())
    assert contents(copy) == {}


def test_a_judged_fit_that_is_gone_is_refused(folder: Path, copy: Path) -> None:
    shutil.rmtree(folder / JUDGED_FIT)
    with pytest.raises(FileNotFoundError, match="judged_fit is missing"):
        prove_bundle(folder, copy, Settings())


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_a_pipe_or_a_link_is_refused_though_nobody_would_read_it(
    folder: Path, copy: Path, make
) -> None:
    make(folder / "notes.txt")
    with pytest.raises(ValueError, match=r"notes\.txt must be a regular file"):
        prove_bundle(folder, copy, Settings())


def test_golden_leads_that_are_answered_otherwise_are_refused(folder: Path, copy: Path) -> None:
    rehashed(folder, GOLDEN, golden_json(small_bundle(seed=8)).encode())
    with pytest.raises(ValueError, match="Golden lead"):
        prove_bundle(folder, copy, Settings())


def test_a_bundle_that_answers_a_request_by_a_failure_is_refused(
    folder: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(score_routes, "score_leads", failing)
    with pytest.raises(ValueError, match=r"POST /v1/score is answered by \[500\]"):
        prove_bundle(folder, copy, Settings())


def test_with_a_key_only_signed_bundles_are_served(folder: Path, copy: Path) -> None:
    settings = Settings(bundle_key=KEY)
    with pytest.raises(ValueError, match="has no signature"):
        prove_bundle(folder, copy, settings)
    sign_bundle(folder, KEY)
    assert prove_bundle(folder, copy, settings) == load_bundle(folder).version


def test_with_a_key_nothing_is_served_that_the_manifest_does_not_list(
    folder: Path, copy: Path
) -> None:
    unlisted(folder, GOLDEN)
    report = (folder / "report.html").read_bytes()
    unlisted(folder, "report.html")
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["companions"]
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    sign_bundle(folder, KEY)
    (folder / "report.html").write_bytes(report)
    prove_bundle(folder, copy, Settings(bundle_key=KEY))
    assert not (copy / "report.html").exists()
