"""Private copies of proved bundles, and which of them was the last good one.

The copies lie in a folder that only this server writes: a temporary one that goes with it, or one
that an operator names, in which the last good copy outlives the server. A small file names that
copy; it is replaced at once or not at all.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from models.folder import write_durably

PRIVATE_PREFIX = "lead-temperature-"
"""Names of temporary folders with private copies begin so."""
COPY_PREFIX = "bundle-"
"""Names of copies begin so."""
_LAST_GOOD = "last-good"


@contextmanager
def private_folder(operators_folder: str | None) -> Iterator[Path]:
    """Folder for private copies until the block ends; what an operator named stays.

    Raises
    ------
    OSError
        It cannot be made, or others may write it.
    """
    if operators_folder is None:
        with TemporaryDirectory(prefix=PRIVATE_PREFIX) as folder:
            yield Path(folder)
        return
    folder_path = Path(operators_folder).absolute()
    folder_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder_path.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(
            f"{folder_path} must belong to the server's user, and nobody else may write there: "
            f"`chown` it, and `chmod 700 {folder_path}`."
        )
    yield folder_path


def remember_last_good(folder: Path, copy: Path) -> None:
    """Name the copy that was the last good one."""
    part = folder / f".{_LAST_GOOD}.part"
    write_durably(part, copy.name.encode())
    part.replace(folder / _LAST_GOOD)


def last_good_copy(folder: Path) -> Path | None:
    """The last good copy of an earlier server; None if there is none."""
    try:
        name = (folder / _LAST_GOOD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # there is none, or none that can be read
        return None
    copy = folder / name
    return (
        copy if name.startswith(COPY_PREFIX) and copy.parent == folder and copy.is_dir() else None
    )


def remove_other_copies(folder: Path, kept_copies: Collection[Path]) -> None:
    """Remove all copies but some."""
    for copy in folder.glob(f"{COPY_PREFIX}*"):
        if copy not in kept_copies:
            shutil.rmtree(copy, ignore_errors=True)
