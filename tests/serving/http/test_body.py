"""The body of a request is read within bounds, and refused before it costs anything."""

import asyncio
import gzip
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Request

from serving.answers.problem import Refused
from serving.http import load as load_module
from serving.http.body import read_json_body
from serving.http.load import Load

JSON = (b"content-type", b"application/json")


def read(
    *chunks: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (JSON,),
    limit: int = 10,
    seconds: float = 60,
    endless: bool = False,
    load: Load | None = None,
) -> tuple[bytes | Refused, int]:
    """The body or its refusal, and how many chunks were taken of the connection."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if not endless:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    taken = 0
    load = load or Load(1, 1, lambda _: None)

    async def receive() -> Any:
        nonlocal taken
        if taken == len(messages):
            await asyncio.Event().wait()
        taken += 1
        return messages[taken - 1]

    async def ask() -> bytes | Refused:
        try:
            request = Request({"type": "http", "headers": list(headers)}, receive)
            return await read_json_body(request, limit, seconds, load)
        except Refused as refused:
            return refused

    return asyncio.run(ask()), taken


def test_a_body_is_the_bytes_of_all_its_chunks() -> None:
    assert read(b"{", b'"a":1', b"}")[0] == b'{"a":1}'


@pytest.mark.parametrize("chunks", [(10 * b"x",), (9 * b"x", b"x"), (b"",)])
def test_a_body_within_the_limit_is_taken(chunks: tuple[bytes, ...]) -> None:
    assert read(*chunks)[0] == b"".join(chunks)


def test_a_body_beyond_the_limit_is_refused_where_it_passes_it() -> None:
    refused, taken = read(6 * b"x", 5 * b"x", 5 * b"x")
    assert isinstance(refused, Refused)
    assert (refused.status_code, refused.reason, taken) == (413, "long_body", 2)


@pytest.mark.parametrize(
    ("length", "accepted"), [(b"10", True), (b"11", False), (b"9" * 99, False)]
)
def test_a_declared_length_is_judged_before_anything_is_read(length: bytes, accepted: bool) -> None:
    body, taken = read(b"{}", headers=[JSON, (b"content-length", length)])
    assert isinstance(body, bytes) == accepted
    assert (taken > 0) == accepted


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "other_type"),
        ([(b"content-type", b"text/json")], "other_type"),
        ([(b"content-type", b"application/jsonp")], "other_type"),
        ([(b"content-type", b"text/plain"), JSON], "other_type"),
        ([JSON, (b"content-encoding", b"br")], "compressed"),
        ([JSON, (b"content-encoding", b"gzip, gzip")], "compressed"),
        ([JSON, (b"content-encoding", b"br"), (b"content-encoding", b"identity")], "compressed"),
    ],
)
def test_what_is_not_declared_as_plain_json_is_refused_unread(headers, reason: str) -> None:
    refused, taken = read(b"{}", headers=headers)
    assert isinstance(refused, Refused)
    assert (refused.status_code, refused.reason, taken) == (415, reason, 0)


@pytest.mark.parametrize("value", [b"Application/JSON", b" application/json ; charset=utf-8"])
def test_the_type_may_be_written_in_any_case_and_with_parameters(value: bytes) -> None:
    headers = [(b"content-type", value), (b"content-encoding", b"Identity")]
    assert read(b"{}", headers=headers)[0] == b"{}"


def test_a_body_that_does_not_end_in_time_is_refused_and_the_connection_closed() -> None:
    refused, _ = read(b"{", seconds=0.01, endless=True)
    assert isinstance(refused, Refused)
    assert (refused.status_code, refused.reason) == (408, "slow_body")
    assert refused.headers == {"Connection": "close"}


def test_bodies_on_their_way_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "MAX_BODY_BYTES", 15)
    load = Load(1, 1, lambda _: None)
    with load.body() as hold:
        hold(8)
        refused, _ = read(b"1234", b"5678", load=load)
        assert isinstance(refused, Refused)
        assert (refused.status_code, refused.reason) == (503, "overload")
        assert load.body_bytes == 8  # what was refused is forgotten
        assert read(b"1234567", load=load)[0] == b"1234567"
    assert load.body_bytes == 0
    assert read(b"1234", b"5678", load=load)[0] == b"12345678"


PACKED = (JSON, (b"content-encoding", b"GZip"))


def test_a_packed_body_is_what_was_packed() -> None:
    packed = gzip.compress(b'{"a":1}', mtime=0)
    assert read(packed[:9], packed[9:], headers=PACKED, limit=100)[0] == b'{"a":1}'


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-3],
        gzip.compress(b"{}", mtime=0) + b"more",
        gzip.compress(b"{}", mtime=0) + gzip.compress(b"{}", mtime=0),
        b"",
    ],
)
def test_a_body_that_is_not_packed_as_it_says_is_refused(body: bytes) -> None:
    refused, _ = read(body, headers=PACKED, limit=100)
    assert isinstance(refused, Refused)
    assert (refused.status_code, refused.reason) == (400, "compressed")


@pytest.mark.parametrize(("length", "is_taken"), [(100, True), (101, False), (10**7, False)])
def test_a_packed_body_is_bounded_by_what_it_holds(length: int, is_taken: bool) -> None:
    body, _ = read(gzip.compress(length * b" ", mtime=0), headers=PACKED, limit=100)
    if is_taken:
        assert body == length * b" "
    else:
        assert isinstance(body, Refused)
        assert (body.status_code, body.reason) == (413, "long_body")
