"""Bodies that atheris makes, led by what they reach: `python -m tests.support.fuzzed`.

The arguments are a bundle's folder, a folder of bodies to begin with, and libFuzzer's own. A body
is asked about as a lead, as a batch and as a sample; an answer that is neither good nor a refusal
ends the process with the body that led to it.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["serving", "features", "models"]):
    from serving.http.app import create_app

JSON = [(b"content-type", b"application/json")]
NOW = 60 * 86_400_000_000


def main() -> None:
    """Ask about bodies until libFuzzer has had enough."""
    bundle, *options = sys.argv[1:]
    app, loop = create_app(Path(bundle), clock=lambda: NOW), asyncio.new_event_loop()

    def asked(path: str, body: bytes) -> None:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"reasons=2"}
        loop.run_until_complete(app(scope | {"headers": JSON}, receive, send))
        told = json.loads(sent[1]["body"])
        assert sent[0]["status"] in {200, 400, 422}, told
        assert sent[0]["status"] == 200 or told["status"] == sent[0]["status"], told

    def one(body: bytes) -> None:
        asked("/v1/score", body)
        for path in ("/v1/score/batch", "/v1/validate"):
            asked(path, body)
            asked(path, b'{"leads":[' + body + b"]}")

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
