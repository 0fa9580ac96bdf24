"""Another bundle takes the place of the one that is served, and only the scores tell."""

import gc
import json
import logging
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from models.bundle import REPORT, load_bundle, save_bundle
from models.folder import MANIFEST
from serving.answers.model import ServedModel
from serving.http import folder_watch
from serving.http.app import create_app
from serving.http.folder_watch import folder_identity
from serving.http.settings import Settings
from tests.support.bundles import small_bundle
from tests.support.http import TestClient
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
LEAD = {
    "lead_id": "1",
    "created_at": "1970-01-01T00:00:00Z",
    "as_of": "1970-01-20T00:00:00Z",
    "attributes": {"country": "it", "company_size": 5},
    "interactions": [{"occurred_at": "1970-01-19T00:00:00Z", "kind": "price_question"}],
}
RELOAD = "/v1/model/reload"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles that answer differently."""
    folder = tmp_path_factory.mktemp("two")
    for name, seed in (("first", 7), ("second", 8)):
        save_bundle(small_bundle(seed=seed), folder / name, {REPORT: name})
    return folder / "first", folder / "second"


@pytest.fixture
def folder(tmp_path: Path, bundles) -> Path:
    """A folder that holds the first one."""
    shutil.copytree(bundles[0], tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(create_app(folder))


def put(bundle: Path, folder: Path) -> None:
    """Write a bundle as `pull` does."""
    save_bundle(load_bundle(bundle), folder, {REPORT: (bundle / REPORT).read_text()})


def told(client: TestClient) -> dict[str, Any]:
    """All that is told of a bundle."""
    return {
        "score": client.post("/v1/score", json=LEAD, headers={"x-request-id": "1"}).json(),
        "model": client.get("/v1/model").json(),
        "health": [client.get(page).json()["model_version"] for page in ("/healthz", "/readyz")],
        "document": client.get("/openapi.json").json(),
        "report": client.get("/report").text,
    }


def test_a_reload_serves_the_bundle_that_lies_there_now(client, folder, bundles) -> None:
    put(bundles[1], folder)
    answer = client.post(RELOAD)
    version = load_bundle(bundles[1]).version
    assert (answer.status_code, answer.json()["model_version"]) == (200, version)
    assert told(client) == told(TestClient(create_app(bundles[1])))


def test_a_reload_of_the_same_bundle_changes_nothing(client) -> None:
    before = told(client)
    assert client.post(RELOAD).status_code == 200
    assert told(client) == before


def without_a_file(folder: Path) -> None:
    (folder / "hot.txt").unlink()


def half_a_file(folder: Path) -> None:
    path = folder / "hot.txt"
    path.write_bytes(path.read_bytes()[:100])


def another_format(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format": 999}))


def no_json(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"\xff\xfe")


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def a_file_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a bundle")


HARM = (without_a_file, half_a_file, another_format, no_json, no_folder, a_file_in_its_place)


@pytest.mark.parametrize("harm", HARM)
def test_what_cannot_be_served_leaves_the_earlier_bundle_serving_and_is_told(
    client, folder, bundles, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = told(client)
    put(bundles[1], folder)
    harm(folder)
    with caplog.at_level(logging.ERROR, "serving"):
        answer = client.post(RELOAD)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"{before['model']['model_version']} is served as before" in answer.json()["detail"]
    assert "is served as before" in caplog.text
    assert told(client) == before
    figures = client.get("/metrics").text
    assert "lead_temperature_bundle_refused 1.0" in figures
    assert 'lead_temperature_reloads_total{outcome="refused"} 1.0' in figures


def test_a_good_bundle_after_a_refused_one_is_served(client, folder, bundles) -> None:
    no_folder(folder)
    assert client.post(RELOAD).status_code == 409
    put(bundles[1], folder)
    assert client.post(RELOAD).status_code == 200
    figures = client.get("/metrics").text
    version = load_bundle(bundles[1]).version
    assert "lead_temperature_bundle_refused 0.0" in figures
    assert re.findall(r'bundle_info{version="(.*)"}', figures) == [version]


def test_a_folder_that_changes_while_it_is_read_is_refused(
    client, folder, bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_then_change(path: Path):
        found = load_bundle(path)
        (path / REPORT).unlink()
        return found

    monkeypatch.setattr("serving.http.routes.load_bundle", load_then_change)
    assert "changed while it was read" in client.post(RELOAD).json()["detail"]


def test_a_bundle_that_comes_into_the_folder_is_noticed(folder, bundles) -> None:
    version = load_bundle(bundles[1]).version
    with TestClient(create_app(folder, Settings(reload_seconds=0.02))) as client:
        put(bundles[1], folder)
        assert until(lambda: client.get("/readyz").json()["model_version"] == version)


def test_a_bundle_that_is_copied_slowly_is_served_once_it_is_whole(folder, bundles) -> None:
    version = load_bundle(bundles[1]).version
    with TestClient(create_app(folder, Settings(reload_seconds=0.02))) as client:
        first = client.get("/readyz").json()["model_version"]
        for path in bundles[1].iterdir():
            (folder / path.name).write_bytes(b"")
            assert until(lambda: "refused 1.0" in client.get("/metrics").text)
            assert client.get("/readyz").json()["model_version"] == first
        for path in bundles[1].iterdir():
            shutil.copy(path, folder)
        assert until(lambda: client.get("/readyz").json()["model_version"] == version)
        assert "lead_temperature_bundle_refused 0.0" in client.get("/metrics").text


@pytest.fixture
def looks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The test's own folder, once for each look at it; the module's server looks at another."""
    folders: list[Path] = []

    def counted(looked_at: Path) -> folder_watch.Identity:
        if looked_at == folder:
            folders.append(looked_at)
        return folder_identity(looked_at)

    monkeypatch.setattr(folder_watch, "folder_identity", counted)
    return folders


def test_what_is_refused_is_not_tried_again_and_again(folder, looks: list[Path]) -> None:
    with TestClient(create_app(folder, Settings(reload_seconds=0.01))) as client:
        no_json(folder)
        assert until(lambda: "refused 1.0" in client.get("/metrics").text)
        looks_at_refusal = len(looks)
        assert until(lambda: len(looks) > looks_at_refusal + 10)
        assert 'reloads_total{outcome="refused"} 1.0' in client.get("/metrics").text


def test_zero_seconds_mean_that_nobody_looks(folder, looks: list[Path]) -> None:
    with TestClient(create_app(folder, Settings(reload_seconds=0))) as client:
        no_folder(folder)
        looks.clear()
        for _ in range(50):  # each is some turns of the event loop, in which a look could come
            assert client.get("/healthz").status_code == 200
        assert "lead_temperature_bundle_refused 0.0" in client.get("/metrics").text
    assert looks == []


def models_in_memory() -> int:
    gc.collect()
    return sum(isinstance(one, ServedModel) for one in gc.get_objects())


@pytest.mark.slow
@pytest.mark.long
def test_an_earlier_bundle_leaves_the_memory(client) -> None:
    before = models_in_memory()
    for _ in range(5):
        assert client.post(RELOAD).status_code == 200
    assert models_in_memory() == before


def test_another_bundle_has_another_identity(bundles, tmp_path: Path) -> None:
    first, second = bundles
    assert folder_identity(first) == folder_identity(first)
    assert (
        len({folder_identity(first), folder_identity(second), folder_identity(tmp_path / "none")})
        == 3
    )


SERVER = """
import sys
from pathlib import Path
from serving.process.run import run

run(Path(sys.argv[1]), port=0)
"""


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """Address of a server in a process of its own."""
    command = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield next(line.split()[1] for line in process.stderr if line.startswith("serving "))
        finally:
            process.kill()


@pytest.mark.slow
def test_no_request_fails_during_fifty_reloads_and_each_answer_is_of_one_bundle(
    served: str, folder: Path, bundles
) -> None:
    named = {"x-request-id": "from-the-crm"}  # the same for all, for answers tell it
    whole = [
        TestClient(create_app(one), headers=named).post("/v1/score", json=LEAD).json()
        for one in bundles
    ]
    assert whole[0]["hot_probability"] != whole[1]["hot_probability"]
    assert whole[0]["reasons"] != whole[1]["reasons"]
    found: list[Any] = []
    over = threading.Event()

    def ask() -> None:
        with httpx2.Client(headers=named) as client:
            while not over.is_set():
                answer = client.post(f"{served}/v1/score", json=LEAD, timeout=120)
                found.append(answer.json() if answer.status_code == 200 else answer.text)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for one in askers:
        one.start()
    try:
        for number in range(50):
            put(bundles[(number + 1) % 2], folder)
            answer = httpx2.post(f"{served}{RELOAD}", timeout=120)
            assert answer.status_code == 200, answer.text
    finally:
        over.set()
        for one in askers:
            one.join()
    assert len(found) > 100
    assert [one for one in found if one not in whole] == []
    assert all(one in found for one in whole)
