"""A small CRM with a trained, registered bundle, made once for all tests that need one."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from lead_temperature import main

# A server that the developer's environment names is not for tests.
os.environ.pop("MLFLOW_TRACKING_URI", None)


@dataclass(frozen=True)
class TrainedCrm:
    """Folder of an export, its configuration and the bundle trained on it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "lead_temperature.toml"

    @property
    def bundle(self) -> Path:
        return self.folder / "artifacts" / "bundle"


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


def lead_temperature(*arguments: object) -> Ended:
    """Run the command as a user would, but in this process: imports are paid for once."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lead-temperature", *map(str, arguments)])
        patch.setenv("COLUMNS", "100")
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def run():
    return lead_temperature


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedCrm:
    folder = tmp_path_factory.mktemp("crm")
    crm = TrainedCrm(folder)
    made = lead_temperature("synthesize", folder, "--leads", 4000, "--seed", 11)
    assert made.returncode == 0, made.stderr
    with crm.config.open("a") as file:
        file.write("\n[model]\ntrees = 60\n")
    done = lead_temperature("train", "--config", crm.config, "--json", folder / "figures.json")
    assert done.returncode == 0, done.stderr
    return crm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the trained CRM run in one worker, so that it is trained once."""
    for item in items:
        if "trained" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("trained"))
