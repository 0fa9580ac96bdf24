"""A client of the server, in one file that needs `httpx2` and nothing else of the project.

An integration may install the extra ``client`` or copy this file. Leads go in and answers come out
as plain dictionaries whose names and types the TypedDicts tell; a time may be a `datetime` with a
zone. The same lead always gets the same score, so asking again does no harm: when the connection
breaks or the server is full, the client waits and asks again, a bounded number of times.

>>> with Client("https://scores.example", "KEY") as client:  # doctest: +SKIP
...     answer = client.score({"lead_id": "A-1", "created_at": "2026-03-01T09:30:00Z"})
...     print(answer["band"])
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict, cast

import httpx2

Band = Literal["cold", "warm", "hot"]
Include = Literal["trend", "forecast"]
Time = str | datetime
"""RFC 3339 text, or a datetime that knows its zone."""

LONGEST_WAIT_SECONDS = 30.0
"""When the server asks to wait longer, the caller is told instead."""
_PAUSE_SECONDS = 0.5
_AGAIN = (408, 502, 503, 504)
_TOO_LONG = 413
_BROKEN = (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ConnectTimeout)


class Interaction(TypedDict):
    """One contact with the lead: when it took place, and when the CRM learnt of it."""

    occurred_at: Time
    recorded_at: NotRequired[Time | None]
    channel: NotRequired[str | None]
    kind: NotRequired[str | None]
    direction: NotRequired[str | None]
    outcome: NotRequired[str | None]
    agent: NotRequired[str | None]
    measures: NotRequired[Mapping[str, float | None] | None]


class Lead(TypedDict):
    """A lead with all that is known about it; `Client.model` tells the names of attributes."""

    lead_id: str
    created_at: Time
    as_of: NotRequired[Time | None]
    previous_band: NotRequired[Band | None]
    attributes: NotRequired[Mapping[str, float | str | datetime | None] | None]
    interactions: NotRequired[Sequence[Interaction] | None]


class ReasonAnswer(TypedDict):
    """One signal's share in the hot probability, in percentage points."""

    signal: str
    points: float
    text: str


class LookAnswer(TypedDict):
    """What the score was on a day before, or would be on a day after."""

    day: int
    as_of: str
    hot_probability: float
    hot_low: float
    hot_high: float
    warm_probability: float
    warm_low: float
    warm_high: float
    not_enough_evidence: bool
    band: Band


class ChangeAnswer(TypedDict):
    """One signal's share in the change of the hot probability, in percentage points."""

    signal: str
    points: float
    before: str
    text: str


class TrendAnswer(TypedDict):
    """How the score came to be what it is: 1, 7 and 30 days before."""

    looks: list[LookAnswer | None]
    verdict: Literal["heating", "cooling", "steady"] | None
    verdict_reason: str
    changes: list[ChangeAnswer]


class BandChangeAnswer(TypedDict):
    """A day on which the band becomes another one."""

    day: int
    as_of: str
    band: Band


class ForecastAnswer(TypedDict):
    """What the score becomes when nothing more happens."""

    looks: list[LookAnswer]
    band_changes: list[BandChangeAnswer]


class ScoredLead(TypedDict):
    """The temperature of one lead at one instant; use it until `valid_until`."""

    lead_id: str
    as_of: str
    valid_until: str
    newest_interaction_days: float | None
    hot_probability: float
    hot_low: float
    hot_high: float
    warm_probability: float
    warm_low: float
    warm_high: float
    not_enough_evidence: bool
    hot_days: int
    warm_days: int
    band: Band
    band_reason: str
    base_probability: float
    reasons: list[ReasonAnswer]
    trend: TrendAnswer | None
    forecast: ForecastAnswer | None
    model_version: str
    warnings: list[str]
    request_id: str


class FieldError(TypedDict):
    """What is wrong with one field."""

    field: str
    law: str
    found: str
    way_out: str


class Problem(TypedDict):
    """Why a call, or a lead of a batch, was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[FieldError]]
    request_id: NotRequired[str]


class AttributeAnswer(TypedDict):
    """An attribute that a lead may carry."""

    kind: Literal["number", "category", "timestamp"]
    levels: list[str]


class Limits(TypedDict):
    """What one call may ask."""

    clock_skew_seconds: int
    max_batch: int
    max_interactions: int
    max_body_bytes: int


class ModelAnswer(TypedDict):
    """The model that is served: what it promises and what it reads."""

    model_version: str
    horizons: dict[str, int]
    base_rates: dict[str, float]
    bands: dict[str, float | None]
    base_probability: float
    attributes: dict[str, AttributeAnswer]
    measures: list[str]
    vocabulary: dict[str, list[str]]
    limits: Limits
    card: dict[str, Any]


class Refused(Exception):  # noqa: N818 - the name says what happened
    """The server said no, in its own words.

    Parameters
    ----------
    problem : Problem
        ``problem["errors"]`` names the fields to mend, where some are wrong.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        wrong = (
            f"{error['field']}: {error['law']}; found {error['found']}. {error['way_out']}"
            for error in problem.get("errors", ())
        )
        super().__init__(
            "\n".join((f"{problem['status']} {problem['title']}: {problem['detail']}", *wrong))
        )


class Client:
    """The server at an address, asked by one thread; close it, or use it in a `with`.

    Parameters
    ----------
    address : str
        Such as ``https://scores.example``; the routes begin there.
    key : str, optional
        An API key with the role ``score``.
    timeout : float
        Seconds that connecting, and each silence of the server, may last.
    tries : int
        How often to ask in all, while connections break or the server is full.
    sleep : callable
        Waits for seconds between two tries.

    Raises
    ------
    ValueError
        The address is none, or nothing is ever asked.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        timeout: float = 30.0,
        tries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"address must begin with https:// or http://, got '{address}'.")
        if tries < 1:
            raise ValueError(f"tries must be 1 or more, got {tries}.")
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=timeout)
        self._tries, self._sleep = tries, sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def model(self) -> ModelAnswer:
        """What is served; raises as `score` does."""
        return cast("ModelAnswer", self._asked("GET", "v1/model", None, {}))

    def score(self, lead: Lead, reasons: int = 3, include: Sequence[Include] = ()) -> ScoredLead:
        """Temperature of one lead.

        Parameters
        ----------
        lead : Lead
        reasons : int
            How many signals to name.
        include : sequence of Include
            What else to tell.

        Returns
        -------
        ScoredLead

        Raises
        ------
        Refused
            The server said no, or something in front of it.
        ConnectionError
            It could not be reached in so many tries.
        TimeoutError
            It was silent for too long.
        ValueError
            The lead cannot be written as JSON.
        """
        answer = self._asked("POST", "v1/score", _json(lead), _query(reasons, include))
        return cast("ScoredLead", answer)

    def score_batch(
        self, leads: Iterable[Lead], reasons: int = 3, include: Sequence[Include] = ()
    ) -> Iterator[ScoredLead | Problem]:
        """Temperatures of any number of leads, in their order, in calls within the server's limits.

        Parameters
        ----------
        leads : iterable of Lead
            Read as they are needed.
        reasons, include
            As for `score`.

        Yields
        ------
        ScoredLead or Problem
            A problem stands in the place of a lead that cannot be scored; ``"status" in answer``
            tells it.

        Raises
        ------
        Refused, ConnectionError, TimeoutError, ValueError
            As `score`; answers that were given before stand.
        """
        limits, query = self.model()["limits"], _query(reasons, include)
        for group in _groups(map(_json, leads), limits["max_batch"], limits["max_body_bytes"]):
            body = _FRAME % b",".join(group)
            try:
                yield from self._asked("POST", "v1/score/batch", body, query)["results"]
            except Refused as refused:
                # One lead alone that is too long is that lead's problem, not the others'.
                if len(group) > 1 or refused.problem["status"] != _TOO_LONG:
                    raise
                yield refused.problem

    def _asked(self, method: str, path: str, body: bytes | None, query: Mapping[str, Any]) -> Any:
        """The answer to a call, which is made again while that may help."""
        tries_left, pause = self._tries, _PAUSE_SECONDS
        while True:
            tries_left -= 1
            wait = pause
            try:
                response = self._http.request(
                    method, path, content=body, params=query, headers=_JSON_HEADERS
                )
            except _BROKEN as error:
                if not tries_left:
                    raise ConnectionError(
                        f"{self._http.base_url} cannot be reached, asked {self._tries} times: "
                        f"{error}. See whether the server runs there, and the way to it."
                    ) from error
            except httpx2.TimeoutException as error:
                raise TimeoutError(
                    f"{self._http.base_url} was silent for too long at {path}. Give it more time "
                    "(timeout), or send less a call."
                ) from error
            else:
                kind = response.headers.get("content-type", "")
                if response.is_success and kind.startswith("application/json"):
                    return response.json()
                wait = _asked_wait(response, pause)
                if (
                    not tries_left
                    or response.status_code not in _AGAIN
                    or wait > LONGEST_WAIT_SECONDS
                ):
                    raise Refused(_problem(response))
            self._sleep(wait)
            pause *= 2


_FRAME = b'{"leads":[%b]}'
_JSON_HEADERS = {"Content-Type": "application/json"}


def _query(reasons: int, include: Sequence[Include]) -> dict[str, Any]:
    return {"reasons": reasons, **({"include": ",".join(include)} if include else {})}


def _json(lead: Lead) -> bytes:
    try:
        return json.dumps(lead, default=_travelling, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Lead {lead.get('lead_id')!r} cannot be written as JSON: {error}. Send texts, finite "
            "numbers and times with a zone; leave out what is unknown."
        ) from error


def _travelling(value: object) -> str:
    """Text of a time; nothing else is turned into something."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no value of a lead")
    if value.utcoffset() is None:
        raise ValueError(f"{value} has no time zone")
    return value.isoformat()


def _groups(bodies: Iterable[bytes], max_leads: int, max_bytes: int) -> Iterator[list[bytes]]:
    """Groups of at most so many leads and bytes; a longer lead is alone."""
    group: list[bytes] = []
    size = 0
    for body in bodies:
        if group and (len(group) == max_leads or len(_FRAME) + size + len(body) + 1 > max_bytes):
            yield group
            group, size = [], 0
        group.append(body)
        size += len(body) + 1
    if group:
        yield group


def _asked_wait(response: httpx2.Response, default: float) -> float:
    """Seconds that the server asks to wait."""
    retry_after = response.headers.get("retry-after", "")
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else default


def _problem(response: httpx2.Response) -> Problem:
    """The server's problem, or one made of what something in front of it said."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return cast("Problem", response.json())
    return {
        "type": "about:blank",
        "title": response.reason_phrase or "No answer of the server",
        "status": response.status_code,
        "detail": f"{response.url} answered: {response.text[:200]}",
    }
