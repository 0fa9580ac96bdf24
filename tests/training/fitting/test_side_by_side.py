import threading

import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from training.fitting import side_by_side as room
from training.fitting.side_by_side import side_by_side


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four cores."""
    monkeypatch.setattr(room.os, "sched_getaffinity", lambda _: set(range(4)))


@pytest.mark.usefixtures("cores")
def test_results_keep_the_order_of_the_items_whichever_ends_first() -> None:
    """The first item waits for the last: only fits that truly run side by side end at all."""
    last_has_run = threading.Event()

    def fit(item: int) -> int:
        if item == 0:
            assert last_has_run.wait(timeout=60)
        if item == 3:
            last_has_run.set()
        return item * 10

    assert side_by_side(fit, range(4), threads=1) == [0, 10, 20, 30]


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(("threads", "at_once"), [(1, 4), (2, 2), (3, 1), (8, 1)])
def test_as_many_fits_run_at_once_as_there_are_cores_for_their_threads(
    threads: int, at_once: int
) -> None:
    running: list[int] = []
    most: list[int] = []
    counting = threading.Lock()
    all_begun = threading.Barrier(at_once, timeout=60)

    def fit(item: int) -> None:
        with counting:
            running.append(item)
            most.append(len(running))
        all_begun.wait()
        with counting:
            running.remove(item)

    side_by_side(fit, range(8), threads)
    assert max(most) == at_once


def test_what_a_fit_fails_with_is_raised() -> None:
    def fit(item: int) -> float:
        return 1 / item

    with pytest.raises(ZeroDivisionError):
        side_by_side(fit, [1, 0, 2], threads=1)


def test_algebra_has_one_thread_while_fits_run_and_its_own_after_them() -> None:
    before = threadpool_info()
    during = side_by_side(lambda _: threadpool_info(), [0], threads=1)[0]
    assert {pool["num_threads"] for pool in during} == {1}
    assert threadpool_info() == before
