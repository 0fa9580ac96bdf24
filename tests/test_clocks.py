"""No test fails because the machine is busy: none asserts that something took less than a time."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent
CLOCKS = frozenset(("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time"))
NOT_YET: frozenset[str] = frozenset()
"""Files that still do so; an entry that is no longer needed fails the test, too."""


def reads_clock(node: ast.AST, clocked: frozenset[str]) -> bool:
    """Whether an expression reads a clock of the wall, or a variable that was set from one."""
    for part in ast.walk(node):
        match part:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr=name)):
                if name in CLOCKS:
                    return True
            case ast.Name(id=name) if name in clocked:
                return True
    return False


def clocked_names(function: ast.AST) -> frozenset[str]:
    """Variables of a function that hold an instant or a duration by a clock."""
    names: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if reads_clock(
                value, frozenset(names)
            ):
                names.add(name)
    return frozenset(names)


def asserted_limits(source: str) -> Iterator[int]:
    """Lines of assertions that a time by a clock is less than something."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        clocked = clocked_names(function)
        for node in ast.walk(function):
            match node:
                case ast.Assert(test=ast.Compare(left=left, ops=[operator], comparators=[right])):
                    smaller = {ast.Lt: left, ast.LtE: left, ast.Gt: right, ast.GtE: right}
                    limited = smaller.get(type(operator))
                    if limited is not None and reads_clock(limited, clocked):
                        yield node.lineno


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic()\n    assert time.monotonic() - began < 5",
        "took = time.perf_counter() - 1\n    assert took <= 5",
        "assert 5 > time.time()",
        "deadline = time.monotonic() + 60\n    assert time.monotonic() < deadline",
    ],
)
def test_a_planted_limit_is_found(body: str) -> None:
    assert list(asserted_limits(f"def test():\n    {body}\n"))


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic()\n    assert time.monotonic() - began > 1",
        "while time.monotonic() < 5: pass",
        "assert 1 < 2",
        "assert time.sleep(1) is None",
    ],
)
def test_what_limits_nothing_is_spared(body: str) -> None:
    assert not list(asserted_limits(f"def test():\n    {body}\n"))


def test_no_test_limits_a_time_by_the_clock() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if (lines := list(asserted_limits(path.read_text(encoding="utf-8"))))
    }
    assert {path: lines for path, lines in found.items() if path not in NOT_YET} == {}
    assert set(found) >= NOT_YET
