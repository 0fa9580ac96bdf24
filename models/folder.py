"""A bundle's folder among others: it appears under its name only when it is complete.

It is written under a hidden name, file by file down to the disk, and then renamed, so that a reader
sees the earlier bundle or the whole new one, whatever is killed meanwhile. A folder that holds
something else than a bundle is never replaced.

A folder is read as data that anybody may have written: `OpenFolder` reads regular files of bounded
size and follows no link, so that no name in the folder reads another file of the machine, waits for
a writer that never comes, or fills the memory.
"""

import errno
import os
import shutil
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

MANIFEST = "manifest.json"
"""Name of the file that lists the others; a folder with it is a bundle's."""
MAX_FILE_BYTES = 64 * 2**20
"""Longest file of a bundle. Reports with their pictures have a few MiB."""
MAX_ENTRIES = 100
"""Most files of a folder that holds a bundle; a bundle has fewer."""

_READ_ONLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class OpenFolder:
    """A folder whose regular files are read, by its descriptor where the system offers that.

    So all files are those of one folder, even if another takes its name meanwhile. To be used in a
    `with` block.

    Parameters
    ----------
    path : pathlib.Path
        The folder; the path itself may lead through links.

    Raises
    ------
    OSError
        It cannot be opened, or is no folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        if os.open in os.supports_dir_fd and os.scandir in os.supports_fd:
            self._descriptor = os.open(path, _READ_ONLY | os.O_DIRECTORY)

    def __enter__(self) -> Self:
        """The folder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def names(self) -> dict[str, bool]:
        """Names of its entries, and whether each is a folder.

        Raises
        ------
        ValueError
            There are more than `MAX_ENTRIES`, or one is neither a file nor a folder.
        """
        names: dict[str, bool] = {}
        with os.scandir(self.path if self._descriptor is None else self._descriptor) as entries:
            for entry in entries:
                if len(names) == MAX_ENTRIES:
                    raise ValueError(f"{self.path} holds more than {MAX_ENTRIES} files.")
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not entry.is_file(follow_symlinks=False):
                    raise self._not_a_file(entry.name)
                names[entry.name] = is_folder
        return names

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            It is no regular file, or longer than `MAX_FILE_BYTES`.
        """
        try:
            if self._descriptor is None:
                file = os.open(self.path / name, _READ_ONLY | _NO_LINK)
            else:
                file = os.open(name, _READ_ONLY | _NO_LINK, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
                raise self._not_a_file(name) from error
            raise
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise self._not_a_file(name)
        with os.fdopen(file, "rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(
                f"{self.path / name} is longer than the {MAX_FILE_BYTES} bytes that a file of a "
                "bundle may have."
            )
        return content

    def _not_a_file(self, name: str) -> ValueError:
        return ValueError(
            f"{self.path / name} must be a regular file, and is a link, a folder or a device. "
            "Pull or copy the bundle as files."
        )


def require_replaceable(folder: Path) -> None:
    """Refuse a folder that is not ours to replace: one that holds something else than a bundle.

    Raises
    ------
    FileExistsError
        With the way out.
    """
    if not folder.exists() or (folder / MANIFEST).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not a bundle; name another folder.")


def put_in_place(part: Path, folder: Path) -> None:
    """Give a finished folder its name; a bundle of that name is moved out of the way first.

    Between the two renames, a kill leaves the earlier bundle whole under a hidden name. Where
    others do the same at the same time, one after the other has its way, the last one for good.
    """
    moved_away = []
    while True:
        require_replaceable(folder)
        try:
            part.rename(folder)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        earlier = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.earlier")
        with suppress(FileNotFoundError):  # another one has just moved it away
            folder.rename(earlier)
            moved_away.append(earlier)
    for earlier in moved_away:
        shutil.rmtree(earlier)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file down to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
