"""A client that asks for this machine, as a server without keys wants it."""

from typing import Any

from fastapi import testclient


class TestClient(testclient.TestClient):
    """FastAPI's client, asking for localhost and not for a host of that name alone."""

    __test__ = False

    def __init__(self, app: Any, **more: Any) -> None:
        super().__init__(app, **{"base_url": "http://localhost", **more})
