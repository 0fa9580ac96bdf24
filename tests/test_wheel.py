"""The wheel alone, in an empty environment without the laboratory, serves a bundle."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import venv
from pathlib import Path

import pytest

from models.bundle import save_bundle
from models.golden import GOLDEN, golden_json
from tests.support.bundles import small_bundle

ROOT = Path(__file__).resolve().parent.parent
LABORATORY = {
    "pandas",
    "sklearn",
    "duckdb",
    "mlflow",
    "matplotlib",
    "pyarrow",
    "pytest",
    "sqlalchemy",
}
LEAD = {
    "lead_id": "L1",
    "created_at": "2026-01-01T09:00:00Z",
    "as_of": "2026-01-20T09:00:00Z",
    "interactions": [{"occurred_at": "2026-01-19T09:00:00Z", "kind": "price_question"}],
}


def uv(*arguments: object) -> None:
    """Run uv, which the environment holds where the machine has none."""
    program = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    subprocess.run([program, *map(str, arguments), "--quiet"], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder / "dist")
    venv.create(folder / "environment", symlinks=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    uv("pip", "install", "--python", folder / "environment" / "bin" / "python", wheel)
    return folder / "environment"


@pytest.mark.slow
def test_the_laboratory_is_not_installed(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    installed = {path.name for path in packages.iterdir()}
    assert {"serving", "models", "features", "ledger", "lightgbm"} <= installed
    assert not installed & LABORATORY


@pytest.mark.slow
def test_the_command_serves_a_bundle(environment: Path, tmp_path: Path) -> None:
    save_bundle(bundle := small_bundle(), tmp_path / "bundle", {GOLDEN: golden_json(bundle)})
    command = [environment / "bin" / "lead-temperature", "serve", "--bundle", "bundle"]
    with subprocess.Popen(
        [*map(str, command), "--port", "0"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            address = next(
                line.split()[1] for line in server.stderr if line.startswith("serving http://")
            )
            request = urllib.request.Request(  # noqa: S310 - our own server
                f"{address}/v1/score",
                json.dumps(LEAD).encode(),
                {"content-type": "application/json"},
            )
            with urllib.request.urlopen(request) as response:  # noqa: S310
                answer = json.load(response)
        finally:
            server.terminate()
    assert answer["lead_id"] == "L1"
    assert 0 < answer["hot_probability"] < 1
    assert answer["band"] in ("hot", "warm", "cold")
