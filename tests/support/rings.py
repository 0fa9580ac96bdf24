"""What keeps the fast ring fast: tests that start a process, open MLflow or train are marked.

Python reports the first two to an audit hook, wherever in the product they happen. The functions
that train on an export are replaced before any test imports them. So no test can leave its marker
out: it fails with the name of the marker.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What the fast ring does not do; the value is the name of the marker."""

    PROCESS = "process"
    MLFLOW = "mlflow"
    TRAINING = "training"


STARTS = frozenset(("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"))
TRAININGS = {
    "training.pipeline": "trained_bundle",
    "training.search.backtest": "backtest",
    "training.search.tune": "tune_boosters",
}
"""Functions that train on an export, by their modules."""
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
        raise _unmarked(event, effect)


def _unmarked(event: str, effect: Effect | None) -> UnmarkedError:
    return UnmarkedError(
        f"This test does what the fast ring does not ({event}): mark it, or its module, with "
        f"pytest.mark.{effect}."
    )


def watch_trainings(replace: Callable[[object, str, object], None] = setattr) -> None:
    """Let the functions of `TRAININGS` refuse to train while that is forbidden.

    Their modules are imported for it, before anybody else has a reference to the functions.
    """
    for module, name in TRAININGS.items():
        room = importlib.import_module(module)
        replace(room, name, _refusing(getattr(room, name)))


def _refusing(train: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(train)
    def refuse_or_train(*arguments: Any, **keywords: Any) -> Any:
        if Effect.TRAINING in _forbidden:
            raise _unmarked(train.__name__, Effect.TRAINING)
        return train(*arguments, **keywords)

    return refuse_or_train


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
