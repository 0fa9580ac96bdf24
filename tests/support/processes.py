"""Processes that do one thing, and may be killed or run out of disk while they do it."""

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

REFUSED = 3
"""Exit code after an error that a person would be told of in one message."""


def process(function: Callable[..., Any], *arguments: Any) -> ForkServerProcess:
    """A process that calls a function; its imports are paid for once, in a server that forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow", "sqlalchemy", "training.versions.registry", __name__])
    return context.Process(target=function, args=arguments)


def on_a_full_disk(size: int, function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function while no file can be written beyond so many bytes; exit by how it ended."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        function(*arguments)
    except (ValueError, OSError) as error:
        raise SystemExit(REFUSED) from error
