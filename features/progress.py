"""How a long computation says how far it has come.

Whatever takes longer than a moment accepts a callback and calls it as it goes on; the callback's
return value is ignored. A command passes one that draws a bar, everybody else keeps the default,
which does nothing. There are four types of callback, one for each thing that may be known:

- `Progress`: several stages, each with a known end;
- `StepProgress`: one stage with a known end;
- `RowProgress`: rows that were finished, whose total the caller knows;
- `ReadProgress`: rows read from a file whose length nobody knows yet.

Tests: tests/features/scale/test_stream.py.
"""

from collections.abc import Callable
from threading import Lock

Progress = Callable[[str, int, int], object]
"""Called with the name of the stage, the number of its steps that are done, and their total."""
StepProgress = Callable[[int, int], object]
"""Called with the number of steps that are done and their total."""
RowProgress = Callable[[int], object]
"""Called with the number of rows that were finished since the last call."""
ReadProgress = Callable[[str, int], object]
"""Called with the name of the table that is read and the number of its rows read so far."""


def one_at_a_time(report_progress: Progress) -> Progress:
    """Callback that several threads may call; it calls another, never twice at once.

    Parameters
    ----------
    report_progress : callable
        What is called.
    """
    calling = Lock()

    def report(stage: str, finished: int, total: int) -> None:
        with calling:
            report_progress(stage, finished, total)

    return report


def no_progress(stage: str, finished: int, total: int) -> None:
    """Report nothing: the default where a `Progress` is accepted."""


def no_step_progress(finished: int, total: int) -> None:
    """Report nothing: the default where a `StepProgress` is accepted."""


def no_row_progress(rows: int) -> None:
    """Report nothing: the default where a `RowProgress` is accepted."""


def no_read_progress(table: str, rows: int) -> None:
    """Report nothing: the default where a `ReadProgress` is accepted."""
