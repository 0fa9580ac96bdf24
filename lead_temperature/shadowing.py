"""Notice another `models`, `features`, `ledger`, `training` or `serving` in the way of ours.

Our packages have plain names, and Python takes the first module of a name that it finds on
``sys.path``. A ``models.py`` or a ``serving/`` of the user's own, in the folder from which Python
runs, would be imported in place of ours and fail somewhere deep inside with a message about a name
that it does not have. `require_own_rooms` asks where each package would come from, without
importing any of them, and says which file is in the way.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent.parent
"""Folder that holds `lead_temperature` and the packages beside it."""
ROOMS = ("features", "models", "ledger", "training", "serving")


def require_own_rooms() -> None:
    """Refuse to go on where a package beside `lead_temperature` is hidden by something else.

    Raises
    ------
    ImportError
        Another file or folder has the name of one of our packages and comes first, or was imported
        already; or one of our packages is missing.
    """
    for room in ROOMS:
        module = sys.modules.get(room)
        location = _spec_location(room) if module is None else _module_location(module)
        if location is None:
            raise ImportError(
                f"The package '{room}' is missing beside {HOME / 'lead_temperature'}. "
                "Install lead-temperature again.",
                name="lead_temperature",
            )
        if not _is_same(location, HOME / room):
            raise ImportError(_message(room, location, module is not None), name="lead_temperature")


def _message(room: str, location: str, imported: bool) -> str:
    path = os.path.abspath(location) if location else "A module without a file"  # noqa: PTH100
    if imported:
        return (
            f"{path} is imported already as '{room}', the name of a package of lead-temperature "
            f"({HOME / room}). Rename it, or use lead_temperature in a process that does not "
            "import it."
        )
    return (
        f"{path} hides the package '{room}' of lead-temperature ({HOME / room}), because its "
        f"folder comes first on sys.path. Rename it, run from another folder, or put {HOME} first "
        "on sys.path (PYTHONPATH)."
    )


def _spec_location(room: str) -> str | None:
    """Folder or file from which a package would be imported; None where there is none."""
    try:
        spec = find_spec(room)
    except ValueError:  # what stands in sys.modules names no origin
        return ""
    if spec is None:
        return None
    return _location(spec.origin if spec.has_location else None, spec.submodule_search_locations)


def _module_location(module: ModuleType) -> str:
    """Folder or file from which a module was imported; empty where it was made in memory."""
    return _location(getattr(module, "__file__", None), getattr(module, "__path__", None))


def _location(file: str | None, folders: object) -> str:
    """The folder of a package, the file of a module, the first folder of a namespace package."""
    if file is not None:
        return os.path.dirname(file) if folders is not None else file  # noqa: PTH120
    return next(iter(folders), "") if hasattr(folders, "__iter__") else ""


def _is_same(location: str, folder: Path) -> bool:
    try:
        return os.path.samefile(location, folder)  # noqa: PTH121 - an empty one is no folder
    except OSError:  # inside an archive, or not there
        return os.path.normcase(location) == os.path.normcase(folder)
