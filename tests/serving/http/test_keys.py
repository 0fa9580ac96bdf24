"""Keys of a file: read again when it changes, and kept when it is broken."""

import hashlib
import os
from pathlib import Path

import pytest

from serving.http.app import create_app
from serving.http.keys import LOOK_SECONDS, MAX_KEYS_BYTES, KeyRing, keys_of_file
from serving.http.settings import settings_from
from tests.support.http import TestClient


def line(name: str) -> str:
    return f"{name}:score:{hashlib.sha256(name.encode()).hexdigest()}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(line("first"))
    return path


def names(ring: KeyRing) -> list[str]:
    return [key.name for key in ring()]


def test_a_change_counts_at_the_next_look(file: Path) -> None:
    now = [0.0]
    ring = KeyRing(keys_of_file(file), file, lambda: now[0])
    assert names(ring) == ["first"]
    file.write_text(line("first") + line("second"))
    assert names(ring) == ["first"]
    now[0] = LOOK_SECONDS
    assert names(ring) == ["first", "second"]


@pytest.mark.parametrize("content", ["", "no key", "a:score:secret", None, b"\xff"])
def test_a_broken_file_changes_nothing_and_is_told_without_its_content(
    file: Path, content, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    ring = KeyRing(keys_of_file(file), file, lambda: now[0])
    assert names(ring) == ["first"]
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    now[0] = LOOK_SECONDS
    assert names(ring) == ["first"]
    assert "the keys stay as they were" in caplog.text
    assert "secret" not in caplog.text


def test_a_server_takes_another_key_without_a_restart(
    bundle_folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.http.keys.LOOK_SECONDS", 0.0)
    settings = settings_from({"LEAD_TEMPERATURE_API_KEYS_FILE": str(file)})
    client = TestClient(create_app(bundle_folder, settings))

    def status(key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        lead = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}
        return client.post("/v1/score", json=lead, headers=headers).status_code

    assert (status("first"), status("second")) == (200, 401)
    file.write_text(line("second"))
    assert (status("first"), status("second")) == (401, 200)


def test_keys_come_from_one_place(file: Path) -> None:
    both = {"LEAD_TEMPERATURE_API_KEYS_FILE": str(file), "LEAD_TEMPERATURE_API_KEYS": line("a")}
    with pytest.raises(ValueError, match="exclude each other"):
        settings_from(both)
    with pytest.raises(ValueError, match=r"API_KEYS_FILE: .*cannot be read: FileNotFoundError"):
        settings_from({"LEAD_TEMPERATURE_API_KEYS_FILE": f"{file}.gone"})


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "long"])
def test_what_is_no_plain_file_is_told_at_once_and_changes_nothing(
    file: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    ring = KeyRing(keys_of_file(file), file, lambda: now[0])
    assert names(ring) == ["first"]
    file.unlink()
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "folder":
            file.mkdir()
        case "long":
            file.write_bytes(b"\n" * (MAX_KEYS_BYTES + 1))
    now[0] = LOOK_SECONDS
    assert names(ring) == ["first"]
    assert "the keys stay as they were" in caplog.text


def test_all_routes_take_their_keys_from_one_ring(
    bundle_folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(KeyRing, "_look", lambda ring, path: looks.append(path))
    settings = settings_from({"LEAD_TEMPERATURE_API_KEYS_FILE": str(file)})
    client = TestClient(create_app(bundle_folder, settings))
    for path in ("/v1/model", "/v1/contract", "/report", "/metrics", "/docs", "/leads/try"):
        client.get(path, headers={"authorization": "Bearer first"})
    client.post("/v1/score", headers={"authorization": "Bearer first"})
    assert looks == [file]
