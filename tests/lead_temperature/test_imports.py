"""What each verb may load: by modules, in processes of their own."""

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.bundle import save_bundle
from serving.process.prover import LEAN
from tests.support.bundles import small_bundle
from tests.support.exports import at, write_csv

VERBS = sorted((Path(__file__).parents[2] / "lead_temperature" / "verbs").glob("*.py"))
LABORATORY = {"pandas", "sklearn", "scipy.stats", "scipy.optimize", "mlflow", "matplotlib"}
HEAVY = LABORATORY | {"scipy", "duckdb", "lightgbm", "sqlalchemy", "python_calamine", "fastapi"}
TELL = "import json, sys; print(json.dumps([*sys.modules]), file=sys.__stdout__)"
RUN = f"""
import json, sys
from lead_temperature.command import run
sys.argv = ["lead-temperature", *json.loads(sys.argv[1])]
try:
    run()
finally:
    print("LOADED", end=" ", file=sys.__stdout__)
    {TELL}
"""


def modules_after(arguments: Sequence[str | Path]) -> tuple[set[str], str]:
    """Modules that a verb has loaded when it ends, and what it wrote to both streams."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([str(argument) for argument in arguments])],
        capture_output=True,
        text=True,
        check=False,
    )
    _, _, loaded = run.stdout.rpartition("LOADED ")
    return set(json.loads(loaded)), run.stdout + run.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    leads = [{"lead_id": f"L{i}", "created_at": at(f"2024-01-{i:02}")} for i in range(1, 10)]
    write_csv(tmp_path / "leads.csv", leads)
    contacts = [{"lead_id": f"L{i}", "occurred_at": at(f"2024-02-{i:02}")} for i in range(1, 10)]
    write_csv(tmp_path / "interactions.csv", contacts)
    file = tmp_path / "lead_temperature.toml"
    file.write_text(
        '[leads]\nsource = "leads.csv"\n[interactions]\nsource = "interactions.csv"\n',
        encoding="utf-8",
    )
    return file


@pytest.mark.process
@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("train", ()),
        ("score", ("--bundle", "bundle", "--output", "scores.parquet")),
    ],
)
def test_a_mistake_in_the_configuration_is_told_before_anything_heavy_is_loaded(
    config: Path, verb: str, options: Sequence[str]
) -> None:
    config.write_text('[leads]\nsorce = "leads.csv"\n', encoding="utf-8")
    modules, output = modules_after([verb, *options, "--config", config])
    assert "unknown key 'sorce'" in output
    assert modules & HEAVY == set()


@pytest.mark.parametrize("path", VERBS, ids=lambda path: path.stem)
def test_every_verb_reads_the_configuration_before_it_imports_a_room(path: Path) -> None:
    functions = [f for f in ast.parse(path.read_text()).body if isinstance(f, ast.FunctionDef)]
    for function in functions:
        calls = [
            node.lineno
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "configuration"
        ]
        imports = [node.lineno for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
        assert not calls or min(calls) < min(imports, default=min(calls) + 1), function.name


@pytest.mark.process
def test_check_loads_no_library_of_the_laboratory_and_no_reader_that_it_does_not_need(
    config: Path,
) -> None:
    modules, output = modules_after(["check", "--config", config])
    assert "interactions" in output
    assert modules & (HEAVY - {"duckdb"}) == set()
    assert len(modules) <= 620


@pytest.mark.process
def test_the_server_asks_boosters_without_the_laboratory() -> None:
    code = f"{LEAN}; import serving.process.worker; {TELL}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    modules = set(json.loads(run.stdout))
    assert "lightgbm" in modules
    assert LABORATORY & modules == set()


@pytest.mark.process
def test_scoring_loads_lightgbm_without_what_it_brings_elsewhere(
    config: Path, tmp_path: Path
) -> None:
    save_bundle(small_bundle(), tmp_path / "bundle")
    options = ("--bundle", tmp_path / "bundle", "--output", tmp_path / "scores.parquet")
    modules, output = modules_after(["score", *options, "--config", config])
    assert "Wrote 9 scores" in output
    assert modules & (HEAVY - {"duckdb", "lightgbm", "scipy"}) == set()
    assert len(modules) <= 900
