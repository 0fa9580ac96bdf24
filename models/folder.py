"""A bundle's folder among others: it appears under its name only when it is complete.

It is written under a hidden name, file by file down to the disk, and then renamed, so that a reader
sees the earlier bundle or the whole new one, whatever is killed meanwhile. A folder that holds
something else than a bundle is never replaced.
"""

import errno
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

MANIFEST = "manifest.json"
"""Name of the file that lists the others; a folder with it is a bundle's."""


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
