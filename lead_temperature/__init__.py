"""Which sales leads are about to buy: the Python door to this project, and its command.

``import lead_temperature as lt`` gives what a data scientist needs without knowing the packages
behind it: `read_config` and `read_export` read a CRM's export, `training_frame` is what a model
learns from as a pandas table, `train`, `backtest` and `report` do what the commands of these names
do, and a bundle from `train` or `load_bundle` has a method `score`.

Nothing of that is loaded before it is used, so the import takes milliseconds and the server's
environment, which has neither pandas nor scikit-learn, can import this package too. `main` is the
command ``lead-temperature``.

Examples
--------
>>> import lead_temperature as lt
>>> print(lt.__version__)  # doctest: +SKIP
0.1.0
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lead_temperature.shadowing import require_own_rooms

if TYPE_CHECKING:
    from lead_temperature.api import (
        ScoringBundle,
        backtest,
        load_bundle,
        read_config,
        read_export,
        report,
        save_bundle,
        synthesize,
        train,
        training_frame,
    )
    from lead_temperature.command import main

    __version__: str

require_own_rooms()

__all__ = [
    "ScoringBundle",
    "__version__",
    "backtest",
    "load_bundle",
    "main",
    "read_config",
    "read_export",
    "report",
    "save_bundle",
    "synthesize",
    "train",
    "training_frame",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is used for the first time."""
    if name not in __all__:
        raise AttributeError(
            f"lead_temperature has no attribute '{name}'. It has: {', '.join(__all__)}."
        )
    if name == "__version__":
        return import_module("importlib.metadata").version("lead-temperature")
    if name == "main":
        return import_module("lead_temperature.command").main
    try:
        value = getattr(import_module("lead_temperature.api"), name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"lead_temperature.{name} needs the laboratory, and '{error.name}' is not installed: "
            "pip install 'lead-temperature[train]'.",
            name=error.name,
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
