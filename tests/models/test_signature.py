"""A signature covers what a manifest lists, and only the key's holder can make it."""

import hashlib
import hmac
from pathlib import Path

import pytest

from models.bundle import read_bundle_files, save_bundle
from models.folder import MANIFEST
from models.signature import SIGNATURE, require_signature, sign_bundle, signature_of
from tests.support.bundles import rehashed, small_bundle

KEY = "a secret of this test"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(small_bundle(rows=60), tmp_path / "bundle", {"report.html": "<p>"})
    return tmp_path / "bundle"


def require(folder: Path, key: str = KEY) -> None:
    require_signature(folder, read_bundle_files(folder).manifest, key)


def test_a_signature_is_an_hmac_of_the_manifest(folder: Path) -> None:
    manifest = (folder / MANIFEST).read_bytes()
    expected = hmac.digest(KEY.encode(), manifest, hashlib.sha256).hex()
    assert signature_of(manifest, KEY) == expected
    sign_bundle(folder, KEY)
    assert (folder / SIGNATURE).read_text() == expected
    require(folder)


def test_without_a_signature_or_with_another_keys_it_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"has no signature, manifest\.hmac"):
        require(folder)
    sign_bundle(folder, "a secret of others")
    with pytest.raises(ValueError, match="made with another key"):
        require(folder)


@pytest.mark.parametrize("name", ["report.html", "card.md"])
def test_whoever_changes_a_file_and_its_hash_breaks_the_signature(folder: Path, name: str) -> None:
    sign_bundle(folder, KEY)
    rehashed(folder, name, b"other")
    with pytest.raises(ValueError, match="made with another key"):
        require(folder)


def test_what_is_not_whole_is_not_signed(folder: Path) -> None:
    (folder / "card.md").write_text("changed")
    with pytest.raises(ValueError, match="changed after it was written"):
        sign_bundle(folder, KEY)
    assert not (folder / SIGNATURE).exists()


def test_the_command_signs_with_the_environments_key(
    run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = run("sign", "--bundle", folder)
    assert without.returncode == 1
    assert "LEAD_TEMPERATURE_BUNDLE_KEY" in without.stderr
    monkeypatch.setenv("LEAD_TEMPERATURE_BUNDLE_KEY", KEY)
    done = run("sign", "--bundle", folder)
    assert done.returncode == 0, done.stderr
    require(folder)
