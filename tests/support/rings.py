"""What keeps the fast ring fast: a test that starts a process or opens MLflow's store says so.

Python reports both to an audit hook, wherever in the product they happen, so that no test can leave
its marker out: it fails with the name of the marker.
"""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What the fast ring does not do; the value is the name of the marker."""

    PROCESS = "process"
    MLFLOW = "mlflow"


STARTS = frozenset(("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"))
_forbidden: set[Effect] = set()


class UnmarkedError(BaseException):
    """Not an `Exception`, so that the product does not take it for a fault of its own."""


def watch() -> None:
    """Begin to look at what Python reports; once in a process, since hooks cannot be removed."""
    sys.addaudithook(_refuse)


def effect_of(event: str, arguments: tuple[Any, ...]) -> Effect | None:
    """What an event means, if it is one of the effects."""
    if event in STARTS:
        return Effect.PROCESS
    if event == "sqlite3.connect" and "mlflow.db" in str(arguments[0]):
        return Effect.MLFLOW
    return None


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _forbidden and (effect := effect_of(event, arguments)) in _forbidden:
        raise UnmarkedError(
            f"This test does what the fast ring does not ({event}): mark it, or its module, with "
            f"pytest.mark.{effect}."
        )


@contextmanager
def forbidden(effects: Collection[Effect]) -> Iterator[None]:
    """Refuse these effects, and no others, until the block ends."""
    earlier = set(_forbidden)
    _forbidden.clear()
    _forbidden.update(effects)
    try:
        yield
    finally:
        _forbidden.clear()
        _forbidden.update(earlier)
