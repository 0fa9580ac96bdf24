"""Counts in memory that processes share: made beforehand, never on a disk.

Each process that answers counts in a `Region` of its own, and any process can read all of them, so
that one process tells the sums over all. The memory is reserved before the first request: a full
disk cannot take it away, as it would end a process that maps a file. A region outlives the process
that counted in it, and the next process of the same number counts on; only *live* values, which say
what is now, are cleared in between.

A key is a tuple of words. Its first use takes room for its values at the region's end; a reader
sees a key once all of it is written. Values are float64 and aligned, so none is read half-written.
"""

import json
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence

REGION_BYTES = 192 * 1024
_NAMES_BYTES = 64 * 1024
_FIRST_NAME = 8
_LIVE = "live"
"""First word of a key whose values say what is now."""

Key = tuple[str, ...]


class Region:
    """The counts of one process.

    Parameters
    ----------
    memory : memoryview or bytearray
        `REGION_BYTES` bytes: zeros, or what an earlier process has counted.
    """

    def __init__(self, memory: memoryview | bytearray) -> None:
        view = memoryview(memory)
        self._names_end = view[:_FIRST_NAME].cast("q")
        self._names = view[:_NAMES_BYTES]
        self._values = view[_NAMES_BYTES:REGION_BYTES].cast("d")
        self._lock = threading.Lock()
        self._slots: dict[Key, tuple[int, int]] = {}
        self._read, self._next = _FIRST_NAME, 0
        self._names_end[0] = max(self._names_end[0], _FIRST_NAME)

    def slot(self, key: Key, values: int = 1) -> int:
        """Index of the first of a key's values; -1 if there is no room for another key.

        Parameters
        ----------
        key : tuple of str
            What is counted.
        values : int
            How many values the key has.
        """
        with self._lock:
            self._read_names()
            if key in self._slots:
                return self._slots[key][0]
            line = json.dumps([*key, values]).encode() + b"\n"
            begin = self._names_end[0]
            end = begin + len(line)
            if end > len(self._names) or self._next + values > len(self._values):
                return -1
            self._names[begin:end] = line
            self._names_end[0] = end  # from now on readers see it
            self._read_names()
            return self._slots[key][0]

    def add(self, *additions: tuple[int, float]) -> None:
        """Add numbers to values, each named by its slot; places below 0 are not counted."""
        with self._lock:
            for slot, amount in additions:
                if slot >= 0:
                    self._values[slot] += amount

    def put(self, slot: int, value: float) -> None:
        """Replace a value."""
        if slot >= 0:
            self._values[slot] = value

    def value(self, key: Key) -> float:
        """First value of a key; 0 where nobody has counted it here.

        Parameters
        ----------
        key : tuple of str
            What is counted.
        """
        with self._lock:
            self._read_names()
            slot = self._slots.get(key)
        return 0.0 if slot is None else float(self._values[slot[0]])

    def clear_live(self) -> None:
        """Set all live values to 0: the process that they speak of has ended."""
        for key, values in self.items():
            if key[0] == _LIVE:
                slot, _ = self._slots[key]
                for index in range(len(values)):
                    self._values[slot + index] = 0.0

    def items(self) -> Iterator[tuple[Key, list[float]]]:
        """All keys with their values."""
        with self._lock:
            self._read_names()
            slots = list(self._slots.items())
        for key, (slot, count) in slots:
            yield key, [float(value) for value in self._values[slot : slot + count]]

    def _read_names(self) -> None:
        """Read the keys that were written since."""
        end = self._names_end[0]
        for line in bytes(self._names[self._read : end]).splitlines():
            *words, count = json.loads(line)
            self._slots[tuple(words)] = (self._next, count)
            self._next += count
        self._read = end


def live(*words: str) -> Key:
    """Key of values that say what is now."""
    return (_LIVE, *words)


def private_region() -> Region:
    """A region that no other process reads."""
    return Region(bytearray(REGION_BYTES))


def make_shared_memory(regions: int) -> int:
    """Descriptor of memory for so many regions, all of it reserved.

    Raises
    ------
    OSError
        There is not enough memory.
    """
    size = regions * REGION_BYTES
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("lead-temperature-figures")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        # Pages that are written to now are there later, whatever fills up meanwhile.
        os.pwrite(descriptor, bytes(size), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def shared_regions(descriptor: int, regions: int) -> Sequence[Region]:
    """Regions of memory from `make_shared_memory`, in the same order in every process."""
    memory = memoryview(mmap.mmap(descriptor, regions * REGION_BYTES))
    begins = range(0, regions * REGION_BYTES, REGION_BYTES)
    return [Region(memory[begin : begin + REGION_BYTES]) for begin in begins]
