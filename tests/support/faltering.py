"""An application that first answers as servers and proxies do that are full, slow or misled."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Faltering:
    """An application behind something that answers in its place, as long as answers are left.

    Parameters
    ----------
    app : ASGI application
        What answers otherwise.
    answers : list of (int, mapping)
        Status and headers of the next answers; a status of 0 is silence until the client goes.
    asked : list of str
        The paths that were asked for, all of them.
    """

    app: Callable[..., Awaitable[None]]
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
        if scope["type"] != "http" or not self.answers:
            await self.app(scope, receive, send)
            return
        status, headers = self.answers.pop(0)
        if not status:
            while (await receive())["type"] != "http.disconnect":
                await asyncio.sleep(0)
            return
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": b"not now"})
