"""Keys that are replaced while the server runs: those of a file, read again when it changes.

A file is looked at once a second at most. One that is broken, empty or gone changes nothing: the
keys that were good before stay, and the log says so.
"""

import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.http.security import ApiKey, api_keys

LOOK_SECONDS = 1.0
MAX_KEYS_BYTES = 2**20
_LOG = logging.getLogger(__name__)


def keys_of_file(file: Path) -> tuple[ApiKey, ...]:
    """Keys of a file: one a line, or with commas between, in the form of `api_keys`.

    Raises
    ------
    ValueError
        It is no regular file of ordinary size, cannot be read, has another form, or holds no key.
        No message shows what stands in it.
    """
    try:
        text = _regular_file(file).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {type(error).__name__}") from None
    try:
        keys = api_keys(",".join(text.splitlines()))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if not keys:
        raise ValueError(f"{file} holds no key; NAME:ROLES:SHA256 is one")
    return keys


def _regular_file(file: Path) -> bytes:
    """Content of a file; a pipe, which may never end, is not waited for.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no regular file, or too long.
    """
    with open(file, "rb", opener=_open_at_once) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise ValueError(f"{file} must be a regular file, no pipe and no device")
        content = opened.read(MAX_KEYS_BYTES + 1)
    if len(content) > MAX_KEYS_BYTES:
        raise ValueError(f"{file} must have at most {MAX_KEYS_BYTES} bytes")
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class KeyRing:
    """The keys that are good now.

    Parameters
    ----------
    keys : sequence of ApiKey
        Keys at the start.
    file : pathlib.Path or None
        Where they came from and are looked for; None where they never change.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        keys: Sequence[ApiKey],
        file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys, self._file, self._clock = keys, file, clock
        self._next_look = 0.0
        self._identity: tuple[int, ...] | None = None

    def __call__(self) -> Sequence[ApiKey]:
        """Keys that are good now."""
        if self._file is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS
            self._look(self._file)
        return self._keys

    def _look(self, file: Path) -> None:
        identity: tuple[int, ...] = ()
        try:
            status = file.stat()
            identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            pass  # said below, when it cannot be read
        if identity == self._identity:
            return
        self._identity = identity
        try:
            self._keys = keys_of_file(file)
        except ValueError as error:
            _LOG.error("the keys stay as they were: %s", error)
