"""Long work in short turns, so that a single lead never waits for a batch.

A batch is scored a few leads at a time, each time in a thread. One turn runs at a time; the next
one goes to whoever has waited longest, and begins once no single lead is at work. So four batches
share what one would have, and a single lead waits for one turn at most.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

TURN_LEADS = 25
"""Leads that are scored in one turn: some milliseconds."""
TURN_LEADS_WITH_COURSE = 2
"""The same where each lead is looked at on a hundred days."""
MAX_YIELDS = 200
"""How often a turn lets the event loop go first; then it runs, or batches would starve."""

Result = TypeVar("Result")


class Turns:
    """The turns of one process; to be used from its event loop only.

    Parameters
    ----------
    is_single_at_work : callable
        Says whether a single lead is being scored or waits for it.
    """

    def __init__(self, is_single_at_work: Callable[[], bool]) -> None:
        self._is_single_at_work = is_single_at_work
        self._turn = asyncio.Lock()

    async def take(self, work: Callable[[], Result]) -> Result:
        """Result of a function that is called in a thread, when it is its turn."""
        async with self._turn:
            for _ in range(MAX_YIELDS):
                if not self._is_single_at_work():
                    break
                await asyncio.sleep(0)
            return await asyncio.to_thread(work)
