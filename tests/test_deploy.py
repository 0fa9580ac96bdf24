"""The unit and the container image fit the project: what they name exists, and works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from models.bundle import save_bundle
from serving.http.app import create_app
from serving.http.settings import settings_from
from serving.process.worker import IDLE_SHUTDOWN_SECONDS, SHUTDOWN_SECONDS
from tests.support.bundles import small_bundle
from tests.support.required import require_command
from tests.support.servers import answering

ROOT = Path(__file__).resolve().parent.parent
UNIT = (ROOT / "deploy" / "lead-temperature.service").read_text()
DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()
PREFIX = "/opt/lead-temperature"
LEAST_EXPOSED = "15"
"""Tenths of systemd's measure from 0 (safe) to 10."""


def container() -> list[tuple[str, str]]:
    """Instructions of the Containerfile with their arguments."""
    text = (ROOT / "deploy" / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


CONTAINER = container()


def arguments(instruction: str) -> list[str]:
    return [rest for word, rest in CONTAINER if word == instruction]


def unit(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return value


def analyzed(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of the unit, with the command that is installed here."""
    require_command("systemd-analyze", "systemd")
    here = folder / "lead-temperature.service"
    here.write_text(UNIT.replace(f"{PREFIX}/bin/lead-temperature", sys.executable))
    told = ["systemd-analyze", *command, str(here)]
    return subprocess.run(told, capture_output=True, text=True, check=False)


@pytest.mark.process
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    told = analyzed(tmp_path, "verify", "--man=no", "--recursive-errors=no")
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.process
def test_the_unit_leaves_the_server_little_to_do_harm_with(tmp_path: Path) -> None:
    told = analyzed(tmp_path, "security", "--offline=true", f"--threshold={LEAST_EXPOSED}")
    assert told.returncode == 0, told.stdout


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_nobody_kills_a_server_that_drains() -> None:
    # A supervisor of several workers waits a little longer than each of them.
    enough = IDLE_SHUTDOWN_SECONDS + SHUTDOWN_SECONDS + 10
    assert seconds(unit("TimeoutStopSec")) >= enough
    told = re.findall(r"(?:--stop-timeout|GracePeriodSeconds:) (\d+)", DOCUMENT)
    assert len(told) == 2
    assert min(map(int, told)) >= enough
    assert arguments("STOPSIGNAL") == [unit("KillSignal")] == ["SIGTERM"]


@pytest.mark.parametrize(
    "command", [unit("ExecStart"), shlex.join(json.loads(arguments("ENTRYPOINT")[0]))]
)
def test_the_command_starts_a_server(run, command: str, monkeypatch, tmp_path: Path) -> None:
    program, *words = shlex.split(command)
    assert program == f"{PREFIX}/bin/lead-temperature"
    asked = []
    monkeypatch.setattr("serving.process.run.run", lambda *given: asked.append(given))
    assert run(*words).returncode == 0
    ((bundle, host, port, *_),) = asked
    assert bundle.is_absolute()
    assert port == 8000
    assert host == ("0.0.0.0" if "served" in command else "127.0.0.1")  # noqa: S104


def test_the_image_is_made_of_files_that_are_there_and_of_all_packages() -> None:
    copied = [
        name
        for words in map(str.split, arguments("COPY"))
        if not words[0].startswith("--from")
        for name in words[:-1]
    ]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    ignored = (ROOT / "deploy" / "Containerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], project["project"]["readme"], "uv.lock"} <= set(copied)


def test_the_image_runs_as_nobody_in_particular() -> None:
    users = [int(one) for one in arguments("USER")[-1].split(":")]
    assert min(users) > 1_000
    last_stage = CONTAINER[max(i for i, (word, _) in enumerate(CONTAINER) if word == "FROM") :]
    after = [word for word, _ in last_stage[[word for word, _ in last_stage].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def health_check(port: str) -> list[str]:
    program, *words = json.loads(arguments("HEALTHCHECK")[0].partition(" CMD ")[2])
    assert program == f"{PREFIX}/bin/python"
    assert "8000" in words[-1]
    return [sys.executable, *words[:-1], words[-1].replace("8000", port)]


@pytest.mark.process
def test_the_health_check_tells_a_server_from_none(tmp_path: Path) -> None:
    save_bundle(small_bundle(), tmp_path / "bundle")
    with answering(create_app(tmp_path / "bundle")) as address:
        command = health_check(address.rpartition(":")[2])
        assert subprocess.run(command, check=False).returncode == 0
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_environment_of_the_document_is_understood() -> None:
    (block,) = re.findall(r"^```ini\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    digits = iter("0123456789")
    hashed = re.sub("HASH", lambda _: 64 * next(digits), block)
    settings = settings_from(dict(line.split("=", 1) for line in hashed.splitlines()))
    assert [key.roles for key in settings.api_keys] == [("score",), ("report",), ("operate",)]


def test_the_document_names_the_files_and_paths_of_both() -> None:
    assert "deploy/lead-temperature.service" in DOCUMENT
    assert "deploy/Containerfile" in DOCUMENT
    for path in (unit("EnvironmentFile"), "/srv/lead-temperature/bundle", PREFIX):
        assert path in DOCUMENT


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_image_would_build_and_hold_the_server_alone(tmp_path: Path) -> None:
    """Its COPY and uv lines, run here; the base image and apt are left to an engine."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    source, target = tmp_path / "src", tmp_path / "environment"
    source.mkdir()
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(target), "UV_LINK_MODE": "copy"}
    for word, rest in CONTAINER[: [word for word, _ in CONTAINER].index("FROM", 1)]:
        words = rest.split()
        if word == "COPY":
            for name in words[:-1]:
                from_, to = ROOT / name, source / words[-1]
                copied = shutil.copytree if from_.is_dir() else shutil.copy
                copied(from_, to)
        if word == "RUN" and words[0] == "uv":
            command = [uv, *words[1:], "--quiet", "--python", sys.executable]
            subprocess.run(command, cwd=source, env=environment, check=True)
    told = subprocess.run(
        [target / "bin" / "lead-temperature", "serve", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--bundle" in told.stdout
    code = "import serving.http.app, serving.pages.try_page as page; print(page.__file__)"
    found = subprocess.run(
        [target / "bin" / "python", "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    page = Path(found.stdout.strip())
    assert page.is_relative_to(target)
    assert all(page.with_suffix(suffix).exists() for suffix in (".html", ".css", ".js"))
    installed = {
        path.name for path in (next(target.glob("lib/python*")) / "site-packages").iterdir()
    }
    assert not installed & {"pandas", "sklearn", "duckdb", "mlflow", "pytest", "matplotlib"}
