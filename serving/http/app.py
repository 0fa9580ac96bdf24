"""The server as one ASGI application; start here to read `serving.http`.

`create_app` takes a bundle's folder and returns an application that any ASGI server can run. A
request passes through these layers, each in a module of its own:

1. `live` hands it to the application of the bundle that is served now; when another bundle comes
   into the folder, `live` builds its application and switches to it.
2. `guard` gives it an id, refuses it if too many others are at work (`load`), and turns every
   exception into a problem.
3. `query_shortcut` takes it past FastAPI if its query was read before.
4. `routes` and `score_routes` hold the routes; `security` checks the API key, `body` reads the
   JSON, and `serving.answers` computes the answer.

`openapi` and `docs` describe the routes, `settings` holds what an operator may set, and `telemetry`
and `log` say what happened. Nothing is global: two applications can live in one process.
`serving.process.run` runs the application as a server.
"""

import time
from collections.abc import Callable
from pathlib import Path

from serving.http.keeping import answer_keeper
from serving.http.keys import KeyRing
from serving.http.live import LiveApp
from serving.http.load import Load
from serving.http.routes import BundleApp, Reload, bundle_app
from serving.http.settings import DEFAULTS, Settings
from serving.http.telemetry import Telemetry


def now_microseconds() -> int:
    """The system's clock, in microseconds since the epoch."""
    return time.time_ns() // 1000


def create_app(
    bundle_folder: Path,
    settings: Settings = DEFAULTS,
    clock: Callable[[], int] = now_microseconds,
    telemetry: Telemetry | None = None,
) -> LiveApp:
    """ASGI application that serves the bundle in a folder, and each one that replaces it there.

    Parameters
    ----------
    bundle_folder : pathlib.Path
        A bundle's folder. Once the application has started, it looks there for another bundle
        every `Settings.reload_seconds`.
    settings : Settings
        Limits, and who may ask. Without API keys everybody may: keep it to this machine.
    clock : callable
        Returns the present, in microseconds since the epoch.
    telemetry : Telemetry, optional
        Counts what happens; one of its own by default.

    Returns
    -------
    LiveApp

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The bundle is of another format or was changed after it was written.
    """
    telemetry = telemetry or Telemetry(clock)
    keeper = answer_keeper(settings, telemetry)
    load = Load(
        settings.max_requests,
        settings.max_batches,
        telemetry.set_running,
        settings.max_key_requests,
    )

    file = settings.api_keys_file if settings.api_keys else None
    # A server without keys stays one: a file that appears later is not looked for.
    keys = KeyRing(settings.api_keys, None if file is None else Path(file))

    def make_app(folder: Path, reload: Reload) -> BundleApp:
        return bundle_app(folder, settings, clock, telemetry, load, keys, reload, keeper)

    live = LiveApp(bundle_folder, make_app, telemetry, load, settings.reload_seconds)
    live.keeper = keeper
    return live
