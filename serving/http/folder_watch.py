"""When a folder holds another bundle: looked at again and again, without reading a file.

Tests: tests/serving/http/test_live.py.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path

MAX_FILES = 100
"""Most files of a folder that are looked at; a bundle has fewer."""

Identity = tuple[tuple[str, int, int, int], ...]
"""Names, sizes, times and inodes of a folder's files; two bundles have different ones."""


def folder_identity(folder: Path) -> Identity:
    """What tells one bundle in a folder from another without reading it; empty without a folder."""
    try:
        with os.scandir(folder) as entries:
            files = [
                (entry.name, entry.stat(follow_symlinks=False))
                for entry in islice(entries, MAX_FILES)
            ]
    except OSError:
        return ()
    return tuple(sorted((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in files))


class FolderWatch:
    """Notices that a folder holds another bundle and does not change any more.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that holds the bundle and will hold its successors.
    seconds : float
        Seconds between two looks; 0 for no looks.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds
        self.handled: Identity = ()
        """The folder as it was when it was last loaded or refused."""

    async def note(self) -> Identity:
        """Take the folder as it is now as handled: it is about to be loaded."""
        self.handled = await asyncio.to_thread(folder_identity, self._folder)
        return self.handled

    async def run(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Call a function whenever another bundle has come.

        Parameters
        ----------
        reload : async function
            Loads the bundle, after it has called `note`.
        """
        identity_before = self.handled
        while self._seconds:
            await asyncio.sleep(self._seconds)
            identity_now = await asyncio.to_thread(folder_identity, self._folder)
            # A folder that changes between two looks is still being written.
            if identity_now == identity_before != self.handled:
                await reload()
            identity_before = identity_now
