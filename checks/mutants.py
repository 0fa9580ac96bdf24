"""Plant bugs in a room's modules, one at a time, and list those that its own tests do not notice.

``make mutants ROOM=training/calibration`` (or one file) copies the checkout to
``artifacts/mutants/tree``, lets mutmut change comparisons, arithmetic, constants, arguments and
statements there, and runs the mirrored tests for each change. What survives is written to
``artifacts/mutants/ROOM.md`` with file, line and diff. It takes minutes and is never a part of CI.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "artifacts" / "mutants"
COPIED = (
    "features",
    "models",
    "ledger",
    "training",
    "serving",
    "lead_temperature",
    "tests",
    "benchmarks",
)
BESIDE = ("checks", "docs", "deploy", "README.md", "uv.lock", "demo.py")
SURVIVED = {0: "survived", 33: "no test reaches it"}
"""Exit codes of the tests by which mutmut tells that nobody noticed."""


class Survivor(NamedTuple):
    """A planted bug that no test noticed."""

    name: str
    module: str
    finding: str
    diff: str


def main() -> None:
    """Plant, test, list; exit with 1 if fewer were noticed than asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", help="folder or file, such as training/calibration")
    parser.add_argument(
        "--tests", nargs="*", help="test files or folders; the mirrored ones if left out"
    )
    parser.add_argument("--most", type=int, help="number of mutants in a random sample")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--minutes", type=float, default=30, help="stop after this time")
    parser.add_argument("--least", type=float, default=0, help="share that must be noticed")
    asked = parser.parse_args()
    modules = modules_of(ROOT / asked.room)
    if not modules:
        sys.exit(f"{asked.room} holds no Python module")
    tests = asked.tests or sorted({str(path) for path in map(mirrored_test, modules) if path})
    if not tests:
        sys.exit(f"{asked.room} has no mirrored tests; name some with --tests")
    tree = copied_tree(modules, tests)
    names = None
    if asked.most is not None:
        generate(tree)
        names = sample(list(exit_codes(tree)), asked.most, asked.seed)
    run_mutmut(tree, names or (), 60 * asked.minutes)
    tried = {name: code for name, code in exit_codes(tree).items() if code is not None}
    survivors = [survivor(tree, name, code) for name, code in tried.items() if code in SURVIVED]
    share = report(asked.room, tests, tried, survivors)
    sys.exit(1 if share < asked.least else 0)


def modules_of(path: Path) -> list[Path]:
    """Modules below a folder, or the one that a path names, relative to the root."""
    found = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return [one.relative_to(ROOT) for one in found if one.name != "__init__.py" and one.exists()]


def mirrored_test(module: Path) -> Path | None:
    """Test file of a module: of its name at the mirrored place, or where its docstring says."""
    mirrored = Path("tests") / module.with_name(f"test_{module.name}")
    if (ROOT / mirrored).exists():
        return mirrored
    named = re.search(r"^Tests: (tests/\S+\.py)\.", (ROOT / module).read_text(), re.MULTILINE)
    return Path(named[1]) if named else None


def copied_tree(modules: Iterable[Path], tests: Iterable[str]) -> Path:
    """A copy of the checkout with settings for mutmut."""
    tree = OUTPUT / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in (*COPIED, *BESIDE):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, tree / name)
    settings = {
        "source_paths": sorted({module.parts[0] for module in modules}),
        "only_mutate": [module.as_posix() for module in modules],
        "pytest_add_cli_args_test_selection": list(tests),
        "pytest_add_cli_args": ["-m", "not slow", "-p", "no:cacheprovider"],
        "also_copy": [*COPIED, *BESIDE],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text()
    (tree / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]))
    return tree


def generate(tree: Path) -> None:
    """Plant the bugs without trying any: a name that none has is asked for."""
    run_mutmut(tree, ["none.such"], 600)


def run_mutmut(tree: Path, names: Iterable[str], seconds: float) -> None:
    """Try the bugs of these names, or all; what was tried in time stays tried."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    # The random examples of one run and the next must be the same, or luck would be measured.
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "ci", "COLUMNS": "100"}
    try:
        with (OUTPUT / "mutmut.log").open("w") as log:
            subprocess.run(  # noqa: S603
                command, cwd=tree, env=environment, stdout=log, stderr=log, timeout=seconds,
                check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"stopped after {seconds:.0f} seconds")


def exit_codes(tree: Path) -> dict[str, int | None]:
    """Exit code of the tests for each planted bug; none where it was not tried."""
    codes: dict[str, int | None] = {}
    for path in sorted((tree / "mutants").rglob("*.meta")):
        codes |= json.loads(path.read_text())["exit_code_by_key"]
    return codes


def sample(names: list[str], most: int, seed: int) -> list[str]:
    """At most the requested number of names; one seed always draws the same."""
    return sorted(random.Random(seed).sample(sorted(names), min(most, len(names))))  # noqa: S311


def survivor(tree: Path, name: str, code: int) -> Survivor:
    """What was planted and not noticed."""
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S603
    module = re.sub(r"\.(x_|xǁ).*", "", name).replace(".", "/") + ".py"
    return Survivor(name, module, SURVIVED[code], shown.stdout.strip())


def line_of(diff: str, source: str) -> int | None:
    """Line of the source that a diff removes first, if the source has it once."""
    removed = [line[1:] for line in diff.splitlines() if re.match(r"-(?!-)", line)]
    places = [
        number
        for number, line in enumerate(source.splitlines(), 1)
        if removed and line.strip() == removed[0].strip()
    ]
    return places[0] if len(places) == 1 else None


def report(
    room: str, tests: Iterable[str], tried: Mapping[str, int], survivors: list[Survivor]
) -> float:
    """Write and print what came of it; the share that was noticed."""
    share = 1 - len(survivors) / len(tried) if tried else 0.0
    summary = f"{len(tried) - len(survivors)} of {len(tried)} noticed ({share:.0%})"
    by_module = Counter(survivor.module for survivor in survivors)
    parts = [f"# Planted bugs in {room}: {summary}", f"Tests: {' '.join(tests)}"]
    for survivor in sorted(survivors):
        source = ROOT / survivor.module
        line = line_of(survivor.diff, source.read_text()) if source.exists() else None
        place = f"{survivor.module}:{line}" if line else survivor.module
        parts.append(f"## {place} ({survivor.finding})\n\n```diff\n{survivor.diff}\n```")
    path = OUTPUT / f"{room.strip('/').replace('/', '_').removesuffix('.py')}.md"
    path.write_text("\n\n".join([*parts, ""]), encoding="utf-8")
    print(f"{room}: {summary}; survivors: {path.relative_to(ROOT)}")
    for module, count in by_module.most_common():
        print(f"  {count:4d} survived in {module}")
    return share


if __name__ == "__main__":
    main()
