"""What all tests share: a trained CRM, Hypothesis' profiles, the rings, and a count of skips.

The fast ring (``make test-fast``) starts no process, opens no MLflow store and trains on no export.
A test that does so says it by a marker (see ``pyproject.toml``); without the marker it fails there.
What computes for seconds is marked ``long`` and left out as well.
"""

import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from lead_temperature import main
from tests.support.cached import cached, copy_kept
from tests.support.required import in_ci
from tests.support.rings import Effect, forbidden, watch, watch_trainings

collect_ignore = ["clients"]
"""Programs on generated clients, which run where these are (`make install-clients`)."""

# A server that the developer's environment names is not for tests.
os.environ.pop("MLFLOW_TRACKING_URI", None)

# No deadlines: a busy machine is no finding. CI draws the same examples at each run and prints what
# reproduces a failure; the fast ring draws few, and the night many, whatever a test says itself.
EXAMPLES = {"dev": 0.5, "ci": 0.5, "quick": 0.1, "nightly": 20}
"""Profiles of Hypothesis, and by how much each multiplies the examples of every test."""
for name, factor in EXAMPLES.items():
    hypothesis.settings.register_profile(
        name,
        deadline=None,
        derandomize=name == "ci" or (name == "quick" and in_ci()),
        print_blob=name != "dev",
        max_examples=round(100 * factor),
    )
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "dev")
hypothesis.settings.load_profile(PROFILE)

watch()


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


def make_trained_crm(folder: Path) -> None:
    """Recipe: an export of 4,000 made-up leads, trained and registered by the command."""
    crm = TrainedCrm(folder)
    made = lead_temperature("synthesize", folder, "--leads", 4000, "--seed", 11)
    assert made.returncode == 0, made.stderr
    with crm.config.open("a") as file:
        file.write("\n[model]\ntrees = 60\n")
    done = lead_temperature("train", "--config", crm.config, "--json", folder / "figures.json")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def run():
    return lead_temperature


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedCrm:
    """A copy of the trained CRM; what tests change in its registry, they change in the copy."""
    folder = tmp_path_factory.mktemp("crm")
    copy_kept(cached("trained-crm", make_trained_crm), folder)
    return TrainedCrm(folder)


@pytest.fixture
def own_crm(tmp_path: Path) -> TrainedCrm:
    """A copy of the trained CRM for one test alone, which may train in it again."""
    copy_kept(cached("trained-crm", make_trained_crm), tmp_path / "crm")
    return TrainedCrm(tmp_path / "crm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the trained CRM, and draw as many examples as the profile says."""
    usual = hypothesis.settings().max_examples
    for item in items:
        if {"trained", "own_crm"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.training)
        function = getattr(item, "obj", None)
        chosen = getattr(function, "_hypothesis_internal_use_settings", None)
        if chosen is not None and chosen.max_examples != usual:
            function._hypothesis_internal_use_settings = hypothesis.settings(
                chosen, max_examples=max(2, round(chosen.max_examples * EXAMPLES[PROFILE]))
            )


def pytest_configure(config: pytest.Config) -> None:
    """In the fast ring, watch trainings before a test module imports them."""
    if is_fast(config):
        watch_trainings()


def is_fast(config: pytest.Config) -> bool:
    """Whether the markers that are left out are those of the fast ring."""
    expression = config.option.markexpr
    return expression.startswith("not (") and Effect.PROCESS in expression


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """In the fast ring, fail a test that does what this ring does not."""
    with forbidden(Effect if is_fast(item.config) else ()):
        return (yield)


@pytest.fixture(autouse=True)
def settings_are_left_as_found() -> Iterator[None]:
    """Fail a test that leaves a setting in the environment: the next test would obey it."""
    before = settings_in_environment()
    yield
    assert settings_in_environment() == before, (
        "Set variables by monkeypatch, which takes them back"
    )


def settings_in_environment() -> dict[str, str]:
    """What the environment says to the product; other variables are set by libraries, too."""
    ours = ("LEAD_TEMPERATURE_", "MLFLOW_TRACKING_")
    return {name: value for name, value in os.environ.items() if name.startswith(ours)}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and for want of what."""
    reasons = Counter(
        str(report.longrepr[-1]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
    )
    terminalreporter.section(f"skipped: {reasons.total()}")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4d}  {reason}")
