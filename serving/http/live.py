"""The bundle that is served now, and how another one replaces it without a restart.

A thread builds the application of another bundle, and the next request goes to it. The earlier
application finishes the requests that it began, so each answer comes from one bundle. Under a
supervisor (`serving.process.supervisor`), `LiveApp` is told which folder to serve: a private copy
of a bundle that was proved. Without one it looks at the bundle's folder itself, again and again; a
bundle that cannot be loaded is refused: the log and a metric say so, and the earlier bundle stays.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from serving.answers.problem import Problem, Reason, problem
from serving.http.folder_watch import FolderWatch, Identity, folder_identity
from serving.http.keeping import Keeper
from serving.http.load import Load
from serving.http.log import LOG_FIELDS
from serving.http.routes import BundleApp, Reload
from serving.http.telemetry import Telemetry

_LOG = logging.getLogger(__name__)


class LiveApp:
    """ASGI application that passes requests to the application of the latest good bundle.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that holds the bundle and will hold its successors.
    make_app : callable
        Builds the application of the bundle in a folder; its second argument is the function that
        an operator's request to reload calls.
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
        make_app: Callable[[Path, Reload], BundleApp],
        telemetry: Telemetry,
        load: Load,
        seconds: float,
    ) -> None:
        self.load = load
        self._folder, self._make_app = folder, make_app
        self._telemetry = telemetry
        self._reload_lock = asyncio.Lock()
        self.order_reload: Reload | None = None
        """Asks whoever supervises this process for a reload; None where nobody does."""
        self.keeper: Keeper | None = None
        """Keeps the answers; whoever ends the process closes it."""
        self._watch = FolderWatch(folder, seconds)
        self._watch.handled = folder_identity(folder)
        self.current = make_app(folder, self.reload)
        telemetry.set_bundle(self.current.bundle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the bundle that is served when the request arrives."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        else:
            await self.current.app(scope, receive, send)

    def refused_unread(self, status: int, reason: Reason) -> None:
        """Count a request that was refused before it reached the application."""
        self._telemetry.count_request("unknown", status, 0.0, reason)

    async def reload(self) -> str | Problem:
        """Serve the bundle that is in the folder now.

        Returns
        -------
        str or Problem
            The version that is served from now on, or why the earlier one stays.
        """
        if self.order_reload is not None:
            return await self.order_reload()
        async with self._reload_lock:
            earlier = self.current.bundle.version
            identity = await self._watch.note()
            try:
                application = await run_in_threadpool(self._load_app, identity)
            except Exception as error:
                return self._refuse(error, earlier)
            self._switch(application)
            self._telemetry.count_reload(application.bundle)
            return application.bundle.version

    async def serve(self, folder: Path) -> str:
        """Serve the bundle of another folder, which was proved already.

        Parameters
        ----------
        folder : pathlib.Path
            It is read once, now.

        Returns
        -------
        str
            The version that is served from now on. An exception means that the earlier one stays.
        """
        async with self._reload_lock:
            application = await run_in_threadpool(self._make_app, folder, self.reload)
            self._switch(application)
            self._telemetry.set_bundle(application.bundle)
            return application.bundle.version

    def _switch(self, application: BundleApp) -> None:
        earlier, self.current = self.current.bundle.version, application
        version = application.bundle.version
        fields = {"model_version": version, "earlier": earlier}
        _LOG.warning("serving bundle %s after %s", version, earlier, extra={LOG_FIELDS: fields})

    def _load_app(self, identity: Identity) -> BundleApp:
        application = self._make_app(self._folder, self.reload)
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
        watching = asyncio.create_task(self._watch.run(self.reload))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})
