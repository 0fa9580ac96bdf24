"""The bundle that is served now, and how another one takes its place.

The folder is looked at again and again, which reads no more than its list of files. When another
bundle lies there, and lies still between two looks, its whole application is made in a thread, and
the next request goes to it; requests in flight are finished by the one that began them. So each
answer is of one bundle. What cannot be loaded is refused: it is logged, a figure tells it, and the
bundle before it goes on serving.
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
from serving.http.log import FIELDS
from serving.http.routes import BundleApp, Reload
from serving.http.telemetry import Telemetry

MAX_FILES = 100
"""A bundle has fewer files; of another folder no more are looked at."""

_LOG = logging.getLogger(__name__)

Identity = tuple[tuple[str, int, int, int], ...]
"""Names, sizes, times and inodes of a folder's files: another bundle has another one."""


class LiveApp:
    """ASGI application that is the application of the latest good bundle.

    Parameters
    ----------
    folder : pathlib.Path
        Where bundles come.
    made : callable
        Makes the application of the bundle that lies there; it is given what an operator's word
        to reload does.
    telemetry : Telemetry
    load : Load
        What is at work; whoever ends the process sets its `draining` first.
    seconds : float
        How often to look at the folder; 0 for never.

    Raises
    ------
    FileNotFoundError, ValueError
        The first bundle cannot be loaded.
    """

    def __init__(
        self,
        folder: Path,
        made: Callable[[Reload], BundleApp],
        telemetry: Telemetry,
        load: Load,
        seconds: float,
    ) -> None:
        self.load = load
        self._folder, self._made = folder, made
        self._telemetry, self._seconds = telemetry, seconds
        self._one_at_a_time = asyncio.Lock()
        self.tell_others: Callable[[], None] = lambda: None
        """Pass an operator's word to reload on to other processes that serve this folder."""
        self._seen = folder_identity(folder)
        self._current = made(self._ordered)
        telemetry.set_bundle(self._current.bundle)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the bundle that is served when the request comes."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._current.app(scope, receive, send)

    def refused_unread(self, status: int, reason: Reason) -> None:
        """Count a request that was refused before it became one."""
        self._telemetry.count_request("unknown", status, 0.0, reason)

    async def _ordered(self) -> str | Problem:
        """Reload at an operator's word."""
        self.tell_others()
        return await self.reload()

    async def reload(self) -> str | Problem:
        """Serve the bundle that lies in the folder now.

        Returns
        -------
        str or Problem
            The version that is served from now on, or why the earlier one stays.
        """
        async with self._one_at_a_time:
            earlier = self._current.bundle.version
            self._seen = await run_in_threadpool(folder_identity, self._folder)
            try:
                application = await run_in_threadpool(self._loaded, self._seen)
            except Exception as error:
                return self._refused(error, earlier)
            self._current = application
            self._telemetry.count_reload(application.bundle)
            version = application.bundle.version
            fields = {"model_version": version, "earlier": earlier}
            _LOG.warning("serving bundle %s after %s", version, earlier, extra={FIELDS: fields})
            return version

    def _loaded(self, identity: Identity) -> BundleApp:
        application = self._made(self._ordered)
        if folder_identity(self._folder) != identity:
            raise ValueError(f"{self._folder} changed while it was read. Load it again.")
        return application

    def _refused(self, error: Exception, earlier: str) -> Problem:
        self._telemetry.count_reload(None)
        # A ValueError or OSError is told by its message, which was written for people.
        expected = isinstance(error, ValueError | OSError)
        reason = str(error) if expected else f"{type(error).__name__} while it was read."
        stays = f"Meanwhile {earlier} is served as before."
        detail = f"The bundle in the folder is not served: {reason} {stays}"
        _LOG.error(detail, exc_info=None if expected else error)
        return problem(409, detail)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Watch the folder from the server's start to its end."""
        await receive()
        watching = asyncio.create_task(self._watch())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch(self) -> None:
        identity_before = self._seen
        while self._seconds:
            await asyncio.sleep(self._seconds)
            identity_now = await run_in_threadpool(folder_identity, self._folder)
            # What changes between two looks is still being written.
            if identity_now == identity_before != self._seen:
                await self.reload()
            identity_before = identity_now


def folder_identity(folder: Path) -> Identity:
    """What tells a folder's bundle from another one, without reading it; empty where none is."""
    try:
        with os.scandir(folder) as entries:
            files = [(entry.name, entry.stat()) for entry in islice(entries, MAX_FILES)]
    except OSError:
        return ()
    return tuple(sorted((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in files))
