"""Counts that processes share are exact, and no disk can take them away."""

import os
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.http.figures import (
    REGION_BYTES,
    Region,
    live,
    make_shared_memory,
    private_region,
    shared_regions,
)


@given(
    st.lists(st.tuples(st.lists(st.text(max_size=8), min_size=1, max_size=3), st.integers(1, 9)))
)
def test_values_are_what_was_added(additions: list[tuple[list[str], int]]) -> None:
    region = private_region()
    expected: dict[tuple[str, ...], float] = {}
    for words, amount in additions:
        key = tuple(words)
        region.add((region.slot(key), amount))
        expected[key] = expected.get(key, 0) + amount
    assert {key: values[0] for key, values in region.items()} == expected


def test_a_key_keeps_its_place_and_its_neighbours_theirs() -> None:
    region = private_region()
    wide, narrow = region.slot(("wide",), 5), region.slot(("narrow",))
    assert region.slot(("wide",), 5) == wide
    region.add((wide + 4, 2.5), (narrow, 1))
    assert dict(region.items()) == {("wide",): [0, 0, 0, 0, 2.5], ("narrow",): [1]}


@pytest.fixture
def memory() -> Callable[[], list[Region]]:
    """Regions of one memory, as each of several processes maps them."""
    descriptor = make_shared_memory(2)
    return lambda: list(shared_regions(descriptor, 2))


def test_every_process_reads_all_regions(memory) -> None:
    writer, reader = memory(), memory()
    writer[1].add((writer[1].slot(("scored",)), 3))
    assert dict(reader[0].items()) == {}
    assert dict(reader[1].items()) == {("scored",): [3]}
    writer[1].add((writer[1].slot(("refused",), 2) + 1, 4))
    assert dict(reader[1].items()) == {("scored",): [3], ("refused",): [0, 4]}


def test_the_next_process_counts_on_where_the_one_before_has_ended(memory) -> None:
    first = memory()[1]
    first.add((first.slot(("scored",)), 3), (first.slot(live("workers")), 1))
    second = memory()[1]
    second.clear_live()
    second.add((second.slot(("scored",)), 2))
    assert dict(memory()[1].items()) == {("scored",): [5], live("workers"): [0]}


def test_all_of_the_memory_is_reserved_before_it_is_used() -> None:
    descriptor = make_shared_memory(3)
    assert os.fstat(descriptor).st_blocks * 512 >= 3 * REGION_BYTES


def test_without_room_nothing_is_lost_but_the_new_key() -> None:
    region = private_region()
    names = [("key", str(number) * 400) for number in range(200)]
    places = [region.slot(name) for name in names]
    assert places[0] == 0
    assert places[-1] == -1
    region.add((places[-1], 1), (places[0], 1))
    region.put(places[-1], 7)
    assert dict(region.items())[names[0]] == [1]
    assert region.slot(("wide",), 10**9) == -1


def test_threads_that_count_at_once_lose_nothing() -> None:
    region = private_region()
    place = region.slot(("scored",))

    def count() -> None:
        for _ in range(5_000):
            region.add((place, 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(region.items()) == {("scored",): [20_000]}
