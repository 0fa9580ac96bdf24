"""The bundle that is served now, and how another one replaces it without a restart.

`LiveApp` looks at the bundle's folder again and again; a look reads only the list of files. When
the folder holds another bundle and did not change between two looks, a thread builds the
application of that bundle, and the next request goes to it. The earlier application finishes the
requests that it began, so each answer comes from one bundle. A bundle that cannot be loaded is
refused: the log and a metric say so, and the earlier bundle stays.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from serving.answers.problem import Problem, Reason, problem
from serving.http.load import Load
from serving.http.log import LOG_FIELDS
from serving.http.routes import BundleApp, Reload
from serving.http.telemetry import Telemetry

MAX_FILES = 100
"""Most files of a folder that are looked at; a bundle has fewer."""

_LOG = logging.getLogger(__name__)

Identity = tuple[tuple[str, int, int, int], ...]
"""Names, sizes, times and inodes of a folder's files; two bundles have different ones."""


class LiveApp:
    """ASGI application that passes requests to the application of the latest good bundle.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that holds the bundle and will hold its successors.
    make_app : callable
        Builds the application of the bundle in the folder; its argument is the function that an
        operator's request to reload calls.
    telemetry : Telemetry
        Counts reloads and names the bundle that is served.
    load : Load
        The requests at work; the code that ends the process sets its `draining` first.
    seconds : float
        Seconds between two looks at the folder; 0 for no looks.

    Raises
    ------
    FileNotFoundError, ValueError
        The first bundle cannot be loaded.
    """

    def __init__(
        self,
        folder: Path,
        make_app: Callable[[Reload], BundleApp],
        telemetry: Telemetry,
        load: Load,
        seconds: float,
    ) -> None:
        self.load = load
        self._folder, self._make_app = folder, make_app
        self._telemetry, self._seconds = telemetry, seconds
        self._reload_lock = asyncio.Lock()
        self.tell_others: Callable[[], None] = lambda: None
        """Pass an operator's request to reload on to the other processes that serve this folder."""
        self._identity = folder_identity(folder)
        self._current = make_app(self._reload_on_order)
        telemetry.set_bundle(self._current.bundle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the bundle that is served when the request arrives."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        else:
            await self._current.app(scope, receive, send)

    def refused_unread(self, status: int, reason: Reason) -> None:
        """Count a request that was refused before it reached the application."""
        self._telemetry.count_request("unknown", status, 0.0, reason)

    async def _reload_on_order(self) -> str | Problem:
        """Reload because an operator asked for it."""
        self.tell_others()
        return await self.reload()

    async def reload(self) -> str | Problem:
        """Serve the bundle that is in the folder now.

        Returns
        -------
        str or Problem
            The version that is served from now on, or why the earlier one stays.
        """
        async with self._reload_lock:
            earlier = self._current.bundle.version
            self._identity = await run_in_threadpool(folder_identity, self._folder)
            try:
                application = await run_in_threadpool(self._load_app, self._identity)
            except Exception as error:
                return self._refuse(error, earlier)
            self._current = application
            self._telemetry.count_reload(application.bundle)
            version = application.bundle.version
            fields = {"model_version": version, "earlier": earlier}
            _LOG.warning("serving bundle %s after %s", version, earlier, extra={LOG_FIELDS: fields})
            return version

    def _load_app(self, identity: Identity) -> BundleApp:
        application = self._make_app(self._reload_on_order)
        if folder_identity(self._folder) != identity:
            raise ValueError(f"{self._folder} changed while it was read. Load it again.")
        return application

    def _refuse(self, error: Exception, earlier: str) -> Problem:
        self._telemetry.count_reload(None)
        # The message of a ValueError or OSError was written for people.
        expected = isinstance(error, ValueError | OSError)
        reason = str(error) if expected else f"{type(error).__name__} while it was read."
        stays = f"Meanwhile {earlier} is served as before."
        detail = f"The bundle in the folder is not served: {reason} {stays}"
        _LOG.error(detail, exc_info=None if expected else error)
        return problem(409, detail)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Watch the folder from the server's start to its end."""
        await receive()
        watching = asyncio.create_task(self._watch())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch(self) -> None:
        identity_before = self._identity
        while self._seconds:
            await asyncio.sleep(self._seconds)
            identity_now = await run_in_threadpool(folder_identity, self._folder)
            # A folder that changes between two looks is still being written.
            if identity_now == identity_before != self._identity:
                await self.reload()
            identity_before = identity_now


def folder_identity(folder: Path) -> Identity:
    """What tells one bundle in a folder from another without reading it; empty without a folder."""
    try:
        with os.scandir(folder) as entries:
            files = [(entry.name, entry.stat()) for entry in islice(entries, MAX_FILES)]
    except OSError:
        return ()
    return tuple(sorted((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in files))
