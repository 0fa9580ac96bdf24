"""What the functions of the Python door accept, and what each argument must be.

Tests: tests/lead_temperature/test_api.py.
"""

import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lead_temperature.frames import AnyPath
from lead_temperature.inputs import CONFIG

if TYPE_CHECKING:
    from features.tables import Tables
    from training.config import Config


def read_config(path: AnyPath = CONFIG, **sections: Mapping[str, object]) -> "Config":
    """Read a configuration, and change settings of it.

    Parameters
    ----------
    path : str or path
        A TOML file as ``lead-temperature init`` writes it, or the folder that holds
        ``lead_temperature.toml``.
    **sections : mapping of setting to value
        Settings that replace those of the file, by section: ``model={"trees": 60}``.

    Returns
    -------
    Config
        Every setting has a value; those that the file leaves out have their default.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not valid TOML, or a section, setting or value is not allowed.

    Examples
    --------
    >>> import lead_temperature as lt
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = lt.synthesize(folder, leads=20)
    ...     config = lt.read_config(folder, horizons={"hot_days": 7})
    >>> config.horizons.hot_days, config.horizons.warm_days
    (7, 90)
    """
    from training.config import config_of
    from training.config import read_config as read_file

    file = as_path(path, "path", 'Use the path of a lead_temperature.toml: read_config("crm").')
    if file.is_dir():
        file /= CONFIG
    config = read_file(file)
    if not sections:
        return config
    settings: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    for name, changes in sections.items():
        if not isinstance(changes, Mapping):
            raise TypeError(
                f"{name} must be a mapping of settings to values, found {type(changes).__name__}. "
                f'Use read_config(path, {name}={{"setting": value}}).'
            )
        settings[name] = {**settings.get(name, {}), **changes}
    return config_of(settings, file.resolve().parent, str(file))


def as_config(config: "Config | AnyPath") -> "Config":
    """A configuration, read first where its path is given."""
    from training.config import Config

    if isinstance(config, Config):
        return config
    if isinstance(config, str | PathLike):
        return read_config(config)
    raise TypeError(
        "config must be what lt.read_config returns or the path of a lead_temperature.toml, got "
        f"{type(config).__name__}."
    )


def require_tables(tables: "Tables") -> "Tables":
    """The tables, if they are what `read_export` returns."""
    from features.tables import Tables

    if not isinstance(tables, Tables):
        raise TypeError(
            f"tables must be what lt.read_export returns, got {type(tables).__name__}. "
            "Read them first: tables = lt.read_export(config)."
        )
    return tables


def as_path(path: AnyPath, argument: str, way_out: str) -> Path:
    """A path, if the argument of this name is one; the message ends with the way out."""
    if not isinstance(path, str | PathLike):
        raise TypeError(f"{argument} must be a path, found {type(path).__name__}. {way_out}")
    return Path(path)
