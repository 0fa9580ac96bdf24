"""Long work goes in turns, one at a time, and lets single leads go first."""

import asyncio
import threading

from serving.answers.turns import MAX_YIELDS, Turns


def test_turns_go_round_and_one_runs_at_a_time() -> None:
    order: list[str] = []
    running = threading.Semaphore(1)

    async def work(turns: Turns, name: str) -> None:
        for step in range(3):

            def run(step: int = step) -> None:
                assert running.acquire(blocking=False)
                order.append(f"{name}{step}")
                running.release()

            await turns.take(run)

    async def ask() -> None:
        turns = Turns(lambda: False)
        await asyncio.gather(*(work(turns, name) for name in "abc"))

    asyncio.run(ask())
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_single_leads_go_first_and_not_for_ever() -> None:
    singles = 3
    looks = 0

    def is_single_at_work() -> bool:
        nonlocal singles, looks
        looks += 1
        singles -= 1
        return singles >= 0

    turns = Turns(is_single_at_work)
    assert asyncio.run(turns.take(lambda: (singles, looks))) == (-1, 4)
    assert asyncio.run(Turns(lambda: True).take(lambda: "done")) == "done"
    assert MAX_YIELDS < 1_000


def test_a_failure_ends_the_turn() -> None:
    async def ask() -> str:
        turns = Turns(lambda: False)
        try:
            await turns.take(lambda: 1 // 0)
        except ZeroDivisionError:
            return await turns.take(lambda: "next")
        return "nothing failed"

    assert asyncio.run(ask()) == "next"
