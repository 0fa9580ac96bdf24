"""Leads that come together are scored in one pass, and each is answered as if it came alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import serving.answers.passes
from serving.answers.model import ServedModel
from serving.answers.passes import MAX_LEADS, SharedPasses
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from tests.support.histories import DAY

NOW = 60 * DAY
BROKEN = "broken"


def lead(number: int) -> dict[str, Any]:
    """A lead whose history grows with its number."""
    times = [f"1970-01-{day + 1:02d}T12:00:00Z" for day in range(number % 28)]
    return {
        "lead_id": str(number),
        "created_at": "1970-01-01T00:00:00Z",
        "interactions": [{"occurred_at": time, "kind": "call"} for time in times],
    }


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many leads each pass had; a lead named `BROKEN` makes its pass fail."""
    found: list[int] = []

    def watched(model: ServedModel, leads: Sequence[Any], *rest: Any, **more: Any) -> Any:
        found.append(len(leads))
        if any(one["lead_id"] == BROKEN for one in leads):
            raise RuntimeError(BROKEN)
        return score_leads(model, leads, *rest, **more)

    monkeypatch.setattr(serving.answers.passes, "score_leads", watched)
    return found


def answers(model: ServedModel, *asked: tuple[Any, int]) -> list[Any]:
    """Answers to leads that come together, each with its number of reasons."""

    async def ask() -> list[Any]:
        passes = SharedPasses(lambda: NOW)
        coming = (passes.score(model, one, reasons) for one, reasons in asked)
        return await asyncio.gather(*coming, return_exceptions=True)

    return asyncio.run(ask())


def alone(model: ServedModel, one: Any, reasons: int) -> ScoredLead | Problem:
    return score_leads(model, [one], NOW, reasons)[0]


def test_leads_that_come_together_are_scored_in_one_pass_with_the_bits_of_each_alone(
    model, sizes
) -> None:
    asked = [(lead(number), 3) for number in range(10)]
    assert answers(model, *asked) == [alone(model, *one) for one in asked]
    assert sizes == [10]


def test_a_lead_that_comes_alone_is_scored_at_once(model, sizes) -> None:
    async def ask() -> list[Any]:
        passes = SharedPasses(lambda: NOW)
        return [await passes.score(model, lead(number), 0) for number in range(3)]

    assert asyncio.run(ask()) == [alone(model, lead(number), 0) for number in range(3)]
    assert sizes == [1, 1, 1]


def test_a_pass_takes_so_many_and_the_others_take_the_next(model, sizes) -> None:
    asked = [(lead(number), 0) for number in range(2 * MAX_LEADS + 3)]
    assert answers(model, *asked) == [alone(model, *one) for one in asked]
    assert sizes == [MAX_LEADS, MAX_LEADS, 3]


def test_who_asks_for_other_reasons_gets_them(model, sizes) -> None:
    asked = [(lead(number), number % 3) for number in range(6)]
    assert answers(model, *asked) == [alone(model, *one) for one in asked]
    assert sizes == [2, 2, 2]


def test_a_lead_that_cannot_be_scored_is_told_why_and_the_others_are_scored(model, sizes) -> None:
    asked = [(lead(1), 0), ({"lead_id": 1}, 0), (lead(2), 0)]
    found = answers(model, *asked)
    assert [type(one) for one in found] == [ScoredLead, Problem, ScoredLead]
    assert sizes == [3]


def test_a_failure_is_of_the_lead_that_makes_it(model, sizes) -> None:
    asked = [(lead(1), 0), ({"lead_id": BROKEN}, 0), (lead(2), 0)]
    first, broken, last = answers(model, *asked)
    assert [first, last] == [alone(model, lead(1), 0), alone(model, lead(2), 0)]
    assert isinstance(broken, RuntimeError)
    assert sizes == [3, 1, 1, 1]


def test_who_goes_away_leaves_the_others_their_answers(model, sizes) -> None:
    async def ask() -> list[Any]:
        passes = SharedPasses(lambda: NOW)
        tasks = [asyncio.create_task(passes.score(model, lead(n), 0)) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, gone, last = asyncio.run(ask())
    assert [first, last] == [alone(model, lead(0), 0), alone(model, lead(2), 0)]
    assert isinstance(gone, asyncio.CancelledError)
