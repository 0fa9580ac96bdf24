"""Leads that arrive at the same time are scored together, in one pass.

Most of a lead's cost is the overhead of NumPy calls: eight leads in one pass cost little more than
two that are scored one by one. So a lead waits for a turn or two of the event loop, never for a
clock, until no other lead arrives; then all leads that wait are scored. Requests that come one by
one do not wait, and requests that crowd cost less each. The answers do not depend on it: a lead
among others gets the same bits as alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.answers.model import ServedModel
from serving.answers.problem import Problem
from serving.answers.recording import Recording
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads

MAX_LEADS = 16
"""Most leads in one pass: a full pass holds up the event loop as long as one long body does."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A lead that waits, and the future that will hold its answer."""

    model: ServedModel
    lead: object
    reasons: int
    recording: Recording | None
    answer: asyncio.Future[ScoredLead | Problem]


class SharedPasses:
    """Scores the leads of one application's requests; to be called from its event loop only.

    Parameters
    ----------
    clock : callable
        Returns the present, in microseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._waiting: list[_Waiting] = []

    async def score(
        self, model: ServedModel, lead: object, reasons: int, recording: Recording | None = None
    ) -> ScoredLead | Problem:
        """Answer for a lead, as `serving.answers.scorer.score_leads` gives it."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(model, lead, reasons, recording, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._turn, 1)
        return await waiting.answer

    def _turn(self, waiting_before: int) -> None:
        """Score the leads that wait, once no other has come during a turn of the event loop."""
        loop, waiting_count = asyncio.get_running_loop(), len(self._waiting)
        if waiting_before < waiting_count < MAX_LEADS:
            loop.call_soon(self._turn, waiting_count)
            return
        leads_of_pass, self._waiting = self._waiting[:MAX_LEADS], self._waiting[MAX_LEADS:]
        if self._waiting:
            loop.call_soon(self._turn, len(self._waiting))
        for way in dict.fromkeys((one.reasons, one.recording) for one in leads_of_pass):
            self._answer([one for one in leads_of_pass if (one.reasons, one.recording) == way])

    def _answer(self, together: Sequence[_Waiting]) -> None:
        """Score leads in one pass; if it fails, score each alone, so that only the cause fails."""
        first, leads = together[0], [waiting.lead for waiting in together]
        try:
            answers = score_leads(
                first.model, leads, self._clock(), first.reasons, recording=first.recording
            )
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
