"""The server as one ASGI application: the bundle that is served now.

Nothing is global; two of them can live in one process. `routes` makes the application of one
bundle, with `guard` around it, and `live` puts another one in its place.
"""

import time
from collections.abc import Callable
from pathlib import Path

from serving.http.live import LiveApp
from serving.http.load import Load
from serving.http.routes import BundleApp, Reload, bundle_app
from serving.http.settings import DEFAULTS, Settings
from serving.http.telemetry import Telemetry


def now_microseconds() -> int:
    """The system's clock."""
    return time.time_ns() // 1000


def create_app(
    bundle_folder: Path,
    settings: Settings = DEFAULTS,
    clock: Callable[[], int] = now_microseconds,
) -> LiveApp:
    """ASGI application that serves a bundle, and the one that takes its place in the folder.

    Parameters
    ----------
    bundle_folder : pathlib.Path
        A bundle's folder. It is looked at again every `Settings.reload_seconds` once the
        application has started.
    settings : Settings
        Limits, and who may ask. Without API keys everybody may: keep it to this machine.
    clock : callable
        The present, in microseconds since the epoch.

    Returns
    -------
    Live

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The bundle is of another format or was changed after it was written.
    """
    telemetry = Telemetry(clock)
    load = Load(settings.max_requests, settings.max_batches, telemetry.set_running)

    def made(reload: Reload) -> BundleApp:
        return bundle_app(bundle_folder, settings, clock, telemetry, load, reload)

    return LiveApp(bundle_folder, made, telemetry, load, settings.reload_seconds)
