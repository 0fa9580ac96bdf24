"""What a supervisor and its workers tell each other: one JSON object a line.

A worker is first sent its order (bundle's folder, settings). It answers `ready`, or `failed` with
the reason. From then on the supervisor sends `ping`, which a worker that lives answers by `pong`,
and `serve` with the folder of another bundle, which the worker answers by `served` with the version
or `refused` with the reason. A worker that was asked by an operator sends `reload` with a number,
and is told the outcome under that number: `reloaded`, with `version` or `refused`.

Tests: tests/serving/process/test_supervisor.py.
"""

import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

from features.json_values import JsonObject, parse_finite_json

MAX_LINE_BYTES = 2**20
"""Longest line that is read."""


def line_of(**message: object) -> bytes:
    """A message as a line."""
    return json.dumps(message).encode() + b"\n"


def send(writer: StreamWriter, **message: object) -> None:
    """Send a message, unless the other side has ended."""
    if not writer.is_closing():
        writer.write(line_of(**message))


async def messages(reader: StreamReader) -> AsyncIterator[JsonObject]:
    """Messages of the other side until it ends."""
    while True:
        try:
            line = await reader.readline()
        except ConnectionError:  # it ended without reading everything
            return
        if not line.endswith(b"\n"):
            return
        yield parse_finite_json(line.decode())
