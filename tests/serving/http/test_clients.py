"""The document without fault for a linter, and clients of three languages generated from it.

Each program in `tests/clients` uses the client of its language against a server with keys, and
tells what it was answered: the same as a plain request.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.required import missing, require_command, require_module
from tests.support.served import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.process]

CLIENTS = Path(__file__).parents[2] / "clients"
KEY, WRONG_KEY = "for-the-crm", "another-key"
LEAD: dict[str, Any] = {
    "lead_id": "L-1",
    "created_at": "1970-01-10T00:00:00Z",
    "as_of": "1970-02-01T00:00:00Z",
    "attributes": {"country": "it", "company_size": 40},
    "interactions": [{"occurred_at": "1970-01-30T00:00:00Z", "kind": "price_question"}],
}
ANNOTATIONS = Path("/usr/share/java/jakarta-annotation-api.jar")


def node_tool(name: str) -> Path:
    """A command that `make install-clients` brings."""
    require_command("node", "nodejs")
    path = CLIENTS / "node_modules" / ".bin" / name
    if not path.exists():
        missing(f"{name} is not installed: `make install-clients` brings it")
    return path


def generator() -> Path:
    """The archive of OpenAPI Generator, which holds Jackson for the Java client, too."""
    require_command("java", "default-jdk-headless")
    module = require_module("openapi_generator_cli")
    return Path(module.__file__).parent / "openapi-generator.jar"


def done(*words: object, folder: Path, **environment: str) -> str:
    """Output of a command that must end well."""
    told = subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def server(bundle_folder: Path) -> Iterator[Served]:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    keys = {"LEAD_TEMPERATURE_API_KEYS": f"crm:score:{digest}"}
    with served(bundle_folder, 1, keys) as server:
        yield server


@pytest.fixture(scope="module")
def document(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    headers = {"authorization": f"Bearer {KEY}"}
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(httpx2.get(f"{server.url}/openapi.json", headers=headers, timeout=60).content)
    return file


def test_a_linter_has_nothing_to_say_of_the_document(document: Path) -> None:
    rules = CLIENTS / "spectral.json"
    command = (node_tool("spectral"), "lint", "--fail-severity", "hint", "-r", rules, document)
    assert "No results" in done(*command, folder=document.parent)


def generated(language: str, document: Path, folder: Path, *options: str) -> Path:
    """Folder of the client of a language."""
    command = ("java", "-jar", generator(), "generate", "-g", language, "-i", document)
    done(*command, "-o", folder, *options, folder=document.parent)
    return folder


def python_program(document: Path, folder: Path) -> tuple[list[object], dict[str, str]]:
    client = generated("python", document, folder / "client")
    return [sys.executable, CLIENTS / "program.py"], {"PYTHONPATH": str(client)}


def typescript_program(document: Path, folder: Path) -> tuple[list[object], dict[str, str]]:
    compiler = node_tool("tsc")
    extension = "--additional-properties=importFileExtension=.js"
    generated("typescript-fetch", document, folder / "client", extension)
    (folder / "program.ts").write_bytes((CLIENTS / "program.ts").read_bytes())
    (folder / "package.json").write_text('{"type": "module"}')
    options = ("--target", "es2022", "--module", "nodenext", "--strict", "--skipLibCheck")
    types = ("--types", "node", "--typeRoots", CLIENTS / "node_modules" / "@types")
    done(compiler, *options, *types, "program.ts", folder=folder)
    return ["node", folder / "program.js"], {}


def java_program(document: Path, folder: Path) -> tuple[list[object], dict[str, str]]:
    require_command("javac", "default-jdk-headless")
    if not ANNOTATIONS.exists():
        missing(f"{ANNOTATIONS} is not here; `apt-get install libjakarta-annotation-api-java`")
    properties = "useJakartaEe=true,openApiNullable=false"
    options = ("--library", "native", f"--additional-properties={properties}")
    client = generated("java", document, folder / "client", *options) / "src" / "main" / "java"
    classes = f"{generator()}{os.pathsep}{ANNOTATIONS}"
    sources = sorted(client.rglob("*.java"))
    done("javac", "-nowarn", "-cp", classes, "-d", folder / "classes", CLIENTS / "Program.java",
         *sources, folder=folder)  # fmt: skip
    return ["java", "-cp", f"{folder / 'classes'}{os.pathsep}{classes}", "Program"], {}


PROGRAMS = {"python": python_program, "typescript": typescript_program, "java": java_program}


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_generated_client_is_answered_as_a_plain_request(
    language: str, server: Served, document: Path, tmp_path: Path
) -> None:
    command, environment = PROGRAMS[language](document, tmp_path)
    words = (server.url, KEY, WRONG_KEY)
    told = json.loads(done(*command, *words, folder=tmp_path, **environment))
    headers = {"authorization": f"Bearer {KEY}"}
    url = f"{server.url}/v1/score?reasons=2"
    plain = httpx2.post(url, json=LEAD, headers=headers, timeout=60).json()
    assert told == {
        "band": plain["band"],
        "hot_probability": plain["hot_probability"],
        "reasons": len(plain["reasons"]),
        "results": ["score", "problem"],
        "code": "before_creation",
        "refused": [401, "no_key"],
        "contract": "1.0.0",
        "kind": "number",
    }
