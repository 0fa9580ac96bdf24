"""Following an alias of the registry: whatever it comes to mean is fetched into a folder.

The server looks at a folder and knows no registry. This stands beside it: promote a version, and
within some seconds its bundle lies in the folder, from which the server takes it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from training.versions.mlflow_store import Registry
from training.versions.registry import Version, pull, resolve_version


def follow_alias(
    registry: Registry, alias: str, folder: Path, wait: Callable[[], object]
) -> Iterator[Version | ValueError | OSError]:
    """Every version that an alias means, as soon as its bundle is in the folder; without end.

    Parameters
    ----------
    registry : Registry
        The registry.
    alias : str
        An alias such as "champion".
    folder : pathlib.Path
        Replaced when it holds a bundle.
    wait : callable
        Comes back when it is time for another look.

    Yields
    ------
    Version, ValueError or OSError
        An error of a later look is told once for as long as it lasts; the folder stays as it is.

    Raises
    ------
    ValueError, OSError
        Already the first look fails.
    """
    here = pull(registry, alias, folder)
    yield here
    told = ""
    while True:
        wait()
        try:
            if resolve_version(registry, alias).number != here.number:
                here = pull(registry, alias, folder)
                yield here
            told = ""
        except (ValueError, OSError) as error:
            if str(error) != told:
                told = str(error)
                yield error
