"""Following an alias of the registry: the bundle it refers to is kept in a folder.

The server reads a folder and knows no registry. `follow_alias` runs beside it: when a version is
promoted, its bundle is copied into the folder within seconds, and the server loads it from there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from training.versions.mlflow_store import Registry
from training.versions.registry import Version, pull, resolve_version


def follow_alias(
    registry: Registry, alias: str, folder: Path, wait: Callable[[], object]
) -> Iterator[Version | ValueError | OSError]:
    """Each version that an alias refers to, as soon as its bundle is in the folder; without end.

    Parameters
    ----------
    registry : Registry
        The registry.
    alias : str
        An alias such as "champion".
    folder : pathlib.Path
        Target; a bundle in it is replaced.
    wait : callable
        Called between two checks; it returns when it is time for the next one.

    Yields
    ------
    Version, ValueError or OSError
        The version that was fetched, or the error of a check. An error that lasts is yielded once;
        the folder stays as it is meanwhile.

    Raises
    ------
    ValueError, OSError
        The first check fails.
    """
    current_version = pull(registry, alias, folder)
    yield current_version
    reported_message = ""
    while True:
        wait()
        try:
            if resolve_version(registry, alias).number != current_version.number:
                current_version = pull(registry, alias, folder)
                yield current_version
            reported_message = ""
        except (ValueError, OSError) as error:
            if str(error) != reported_message:
                reported_message = str(error)
                yield error
