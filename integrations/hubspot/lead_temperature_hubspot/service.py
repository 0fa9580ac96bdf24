"""Webhooks in, a queue on disk, and the work: contacts are scored and their properties written.

A webhook is answered as soon as its events are on the disk. What cannot be done now stays in the
queue for the next pass; each pass tries a bounded number of times. Asking twice does no harm.
"""

import base64
import hashlib
import hmac
import json
import logging
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Never

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.client import Client, Refused

from .crm import BATCH, HubSpot, RefusedError, UnavailableError
from .payload import (
    OURS,
    STAGE,
    UNTIL,
    Reading,
    lead_of,
    properties_of,
    reading_of,
)

logger = logging.getLogger(__name__)
OLDEST_WEBHOOK_SECONDS = 300
PAUSE_SECONDS, SWEEP_SECONDS = 60, 3600
_KINDS = {"0-1": "contacts", "0-47": "meetings", "0-48": "calls", "0-49": "emails"}
_DECODED = {urllib.parse.quote(letter, safe=""): letter for letter in ":/?@!$'()*,;"}


class Queue:
    """Records that wait, on disk. Rows are only added and taken out, so no event gets lost.

    Parameters
    ----------
    path : path
        The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._open()) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS waiting "
                "(number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, id TEXT)"
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    def add(self, records: Iterable[tuple[str, str]]) -> None:
        """Add records to the end.

        Parameters
        ----------
        records : iterable of (str, str)
            Kind and id of each.
        """
        with closing(self._open()) as database, database:
            database.executemany("INSERT INTO waiting (kind, id) VALUES (?, ?)", records)

    def first(self, most: int) -> list[tuple[int, str, str]]:
        """The rows that wait longest: number, kind and id of each.

        Parameters
        ----------
        most : int
            How many at most.
        """
        query = "SELECT number, kind, id FROM waiting ORDER BY number LIMIT ?"
        with closing(self._open()) as database:
            return database.execute(query, (most,)).fetchall()

    def remove(self, numbers: Iterable[int]) -> None:
        """Take rows out.

        Parameters
        ----------
        numbers : iterable of int
            Their numbers.
        """
        with closing(self._open()) as database, database:
            database.executemany("DELETE FROM waiting WHERE number = ?", ((n,) for n in numbers))


def signature(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """HubSpot's signature of a request, version 3.

    Parameters
    ----------
    secret : str
        The app's client secret.
    method : str
        Such as "POST".
    uri : str
        The whole address that HubSpot asked for.
    body : bytes
        The body as it came.
    timestamp : str
        The header ``X-HubSpot-Request-Timestamp``.
    """
    for code, letter in _DECODED.items():
        uri = uri.replace(code, letter)
    text = method.encode() + uri.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


def records_of(events: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Kind and id of the records that events speak of; what the app itself wrote is none.

    Parameters
    ----------
    events : sequence of mapping
        Body of a webhook.
    """
    records = []
    for event in events:
        subscription = str(event.get("subscriptionType", ""))
        default = "0-1" if subscription.startswith("contact.") else ""
        kind = _KINDS.get(str(event.get("objectTypeId") or default))
        record = event.get("newObjectId") or event.get("objectId")
        if kind and record and event.get("propertyName") not in OURS:
            records.append((kind, str(record)))
    return list(dict.fromkeys(records))


def webhook_app(
    queue: Queue,
    secret: str,
    target: str,
    wake: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """Application that takes HubSpot's webhooks.

    Parameters
    ----------
    queue : Queue
        Where their records go.
    secret : str
        The app's client secret.
    target : str
        The address that HubSpot asks for, as it stands in the app's settings.
    wake : callable
        Called when there is work.
    clock : callable
        The present.
    """

    async def take(request: Request) -> Response:
        body = await request.body()
        timestamp = request.headers.get("x-hubspot-request-timestamp", "")
        signed = request.headers.get("x-hubspot-signature-v3", "")
        expected = signature(secret, request.method, target, body, timestamp)
        is_ours = hmac.compare_digest(expected.encode(), signed.encode())
        if not is_ours or not timestamp.isdecimal():
            return Response("The signature is not that of the app's secret.", 401)
        age = 1000 * clock().timestamp() - int(timestamp)
        if abs(age) > 1000 * OLDEST_WEBHOOK_SECONDS:
            return Response("The request is older than five minutes.", 401)
        await run_in_threadpool(queue.add, records_of(json.loads(body)))
        wake()
        return Response(status_code=204)

    path = urllib.parse.urlsplit(target).path or "/"
    return Starlette(routes=[Route(path, take, methods=["POST"])])


@dataclass
class Worker:
    """What works the queue off.

    Parameters
    ----------
    hubspot : HubSpot
        The account.
    client : Client
        The server that scores.
    queue : Queue
        What waits.
    closed : tuple of str
        Lifecycle stages of contacts that need no score.
    aliases : mapping of str to str
        Property of attributes that are called neither by its name nor by its label.
    clock : callable
        The present.
    """

    hubspot: HubSpot
    client: Client
    queue: Queue
    closed: tuple[str, ...] = ("customer", "evangelist", "other")
    aliases: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def work(self) -> bool:
        """Work off all that waits; False where it must wait on, which the log explains."""
        try:
            if not self.queue.first(1):
                return True
            reading = reading_of(self.client.model(), self.hubspot, self.aliases)
            if reading.unknown:
                logger.warning(
                    "The model reads %s, and no single property of contacts is called so: these "
                    "are scored as missing. Name their properties in HUBSPOT_ALIASES.",
                    ", ".join(reading.unknown),
                )
            while rows := self.queue.first(BATCH):
                self._score(self._contacts(rows), reading)
                self.queue.remove(number for number, _, _ in rows)
        except (UnavailableError, ConnectionError, TimeoutError) as error:
            logger.warning("%s The contacts stay queued.", error)
            return False
        except (RefusedError, Refused):
            logger.exception("A call was refused. The contacts stay queued.")
            return False
        return True

    def sweep(self) -> bool:
        """Queue open contacts whose score has run out; False where HubSpot does not answer."""
        try:
            stale = list(self.hubspot.stale(UNTIL, self.clock(), self.closed))
        except (UnavailableError, RefusedError):
            logger.exception("Contacts whose score has run out are looked for later.")
            return False
        self.queue.add(("contacts", contact) for contact in stale)
        return True

    def _contacts(self, rows: Sequence[tuple[int, str, str]]) -> list[str]:
        """Contacts of rows: those that are named, and those of the activities that are."""
        contacts = {i: None for _, kind, i in rows if kind == "contacts"}
        for kind in sorted({kind for _, kind, _ in rows} - {"contacts"}):
            ids = [i for _, other, i in rows if other == kind]
            for found in self.hubspot.linked(kind, ids, "contacts").values():
                contacts |= dict.fromkeys(found)
        return list(contacts)

    def _score(self, contacts: Sequence[str], reading: Reading) -> None:
        records = self.hubspot.read("contacts", contacts, reading.names)
        wanted = [i for i in contacts if i in records and records[i].get(STAGE) not in self.closed]
        if not wanted:
            return
        activities = self.hubspot.activities(wanted)
        leads = [lead_of(i, records[i], activities[i], reading) for i in wanted]
        answers = self.client.score_batch(leads, reasons=3)  # type: ignore[arg-type]
        changes = {i: properties_of(answer) for i, answer in zip(wanted, answers, strict=True)}
        self.hubspot.update(changes)

    def run(self, woken: threading.Event) -> Never:
        """Work when woken and every minute, sweep every hour; after a failure wait a minute.

        It may be cut off at any point: what is not done is still on the disk.

        Parameters
        ----------
        woken : threading.Event
            Set when there is work.
        """
        swept = datetime.min.replace(tzinfo=UTC)
        while True:
            if (self.clock() - swept).total_seconds() >= SWEEP_SECONDS and self.sweep():
                swept = self.clock()
            woken.clear()
            if self.work():
                woken.wait(PAUSE_SECONDS)
            else:
                time.sleep(PAUSE_SECONDS)
