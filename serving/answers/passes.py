"""Leads that come at the same time are scored together, in one pass.

Most of what one lead costs is the way through NumPy, not the numbers: eight leads in one pass cost
little more than two that come alone. So a lead waits until no other comes with it — a turn or two
of the event loop, never a clock — and then all that wait are scored. Where requests come one by
one nobody waits; where they crowd, each costs less. What is answered does not depend on it: a lead
among others has the bits it has alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.answers.model import ServedModel
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads

MAX_LEADS = 16
"""Leads in one pass: it holds up the event loop for as long as one long body would."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A lead that waits, and the future that is to hold its answer."""

    model: ServedModel
    lead: object
    reasons: int
    answer: asyncio.Future[ScoredLead | Problem]


class SharedPasses:
    """Scores the leads of one application's requests; asked from the event loop alone.

    Parameters
    ----------
    clock : callable
        The present, in microseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._waiting: list[_Waiting] = []

    async def score(self, model: ServedModel, lead: object, reasons: int) -> ScoredLead | Problem:
        """Answer for a lead, as `serving.answers.scorer.score_leads` gives it."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(model, lead, reasons, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._turn, 1)
        return await waiting.answer

    def _turn(self, waiting_before: int) -> None:
        """Score those that wait, once no other has come during a turn of the loop."""
        loop, waiting_count = asyncio.get_running_loop(), len(self._waiting)
        if waiting_before < waiting_count < MAX_LEADS:
            loop.call_soon(self._turn, waiting_count)
            return
        leads_of_pass, self._waiting = self._waiting[:MAX_LEADS], self._waiting[MAX_LEADS:]
        if self._waiting:
            loop.call_soon(self._turn, len(self._waiting))
        for reasons in dict.fromkeys(one.reasons for one in leads_of_pass):
            self._answer([one for one in leads_of_pass if one.reasons == reasons])

    def _answer(self, together: Sequence[_Waiting]) -> None:
        """Score leads in one pass; where that fails, each alone, so that one fails for itself."""
        first, leads = together[0], [waiting.lead for waiting in together]
        try:
            answers = score_leads(first.model, leads, self._clock(), first.reasons)
        except Exception as error:
            if len(together) > 1:
                for waiting in together:
                    self._answer([waiting])
            elif not first.answer.done():
                first.answer.set_exception(error)
            return
        for waiting, answer in zip(together, answers, strict=True):
            if not waiting.answer.done():  # its client may have gone
                waiting.answer.set_result(answer)
