"""The same registry behind an MLflow server, whose clients see none of its files."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.bundle import load_bundle, save_bundle
from tests.support.cards import judged_bundle
from training.versions.mlflow_store import Registry
from training.versions.registry import Judgement, promote, pull, record, rollback, versions

READY_WITHIN = 90.0
"""Seconds that the server may take to start."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server on loopback that is ended with all its processes."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def wait_until_ready(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own
                assert answer.read() == b"OK"
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"The server did not start:\n{log.read_text()}") from None
            time.sleep(0.2)


def test_a_version_is_recorded_promoted_and_pulled_through_the_server(
    server: str, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "nothing here", "lead-temperature", server)
    for seed in (1, 2):
        saved = save_bundle(judged_bundle(seed=seed), tmp_path / f"bundle {seed}")
        documents = {"audit.json": "[]\n", "pictures/reliability_hot.svg": "<svg/>"}
        assert record(registry, tmp_path / f"bundle {seed}", documents).bundle == saved.version
    promote(registry, 1)
    judgement = Judgement(1, "better", promoted=True, forced=False, document="{}\n")
    promote(registry, 2, judgement)
    assert pull(registry, "champion", tmp_path / "pulled").number == 2
    for path in sorted((tmp_path / "bundle 2").iterdir()):
        assert (tmp_path / "pulled" / path.name).read_bytes() == path.read_bytes()
    assert load_bundle(tmp_path / "pulled").version == saved.version
    assert rollback(registry).number == 1
    assert [version.champion for version in versions(registry)] == [True, False]
    assert not (tmp_path / "nothing here").exists()


def test_the_command_takes_the_server_from_the_environment(
    server: str, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_bundle(judged_bundle(seed=3), tmp_path / "bundle")
    config = tmp_path / "lead_temperature.toml"
    config.write_text('[leads]\nsource = "leads.csv"\n[registry]\nmodel = "elsewhere"\n')
    saved = record(Registry(tmp_path, "elsewhere", server), tmp_path / "bundle")
    assert "No version yet" in run("versions", "--config", config).stdout
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert saved.bundle in run("versions", "--config", config).stdout
    config.write_text(
        '[leads]\nsource = "leads.csv"\n[registry]\nmodel = "elsewhere"\n'
        f'tracking_uri = "sqlite:///{tmp_path / "artifacts" / "mlflow.db"}"\n'
    )
    assert "No version yet" in run("versions", "--config", config).stdout
