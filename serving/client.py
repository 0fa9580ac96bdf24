"""A client of the server, in one file that needs only `httpx2` and nothing of the project.

An integration may install the extra ``client`` or copy this file. Leads and answers are plain
dictionaries; the TypedDicts describe their fields. A time may be a `datetime` with a zone. The same
lead always gets the same score, so a request may be repeated: when a connection breaks or the
server is full, the client waits and tries again, a bounded number of times.

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
Include = Literal["trend", "forecast", "change"]
Time = str | datetime
"""RFC 3339 text, or a datetime that knows its zone."""

LONGEST_WAIT_SECONDS = 30.0
"""If the server asks to wait longer, `Refused` is raised instead."""
_PAUSE_SECONDS = 0.5
_RETRY_STATUSES = (408, 429, 502, 503, 504)
_TOO_LONG_STATUS = 413
_RETRY_ERRORS = (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ConnectTimeout)


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
    """A lead with all that is known about it; `Client.model` lists the names of attributes."""

    lead_id: str
    created_at: Time
    as_of: NotRequired[Time | None]
    previous_band: NotRequired[Band | None]
    previous_as_of: NotRequired[Time | None]
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


class CauseAnswer(TypedDict):
    """What one cause did to the hot probability since an earlier answer."""

    cause: Literal["late_records", "silence", "interactions", "attributes", "model", "calibration"]
    log_odds: float
    points: float


class ScoreChangeAnswer(TypedDict):
    """Why the hot probability is another one than at `previous_as_of`; causes add up."""

    previous_as_of: str
    previous_hot_probability: float
    band_without_memory: Band
    causes: list[CauseAnswer]


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
    may_be_left: bool
    base_probability: float
    reasons: list[ReasonAnswer]
    trend: TrendAnswer | None
    forecast: ForecastAnswer | None
    change: ScoreChangeAnswer | None
    model_version: str
    warnings: list[str]
    request_id: str
    result: Literal["score"]
    ledger: Literal["kept", "queued", "not_kept"] | None


class FieldError(TypedDict):
    """What is wrong with one field."""

    field: str
    law: str
    found: str
    way_out: str
    code: str


class Problem(TypedDict):
    """Why a call, or a lead of a batch, was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: NotRequired[str]
    errors: NotRequired[list[FieldError]]
    request_id: NotRequired[str]
    result: NotRequired[Literal["problem"]]


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


class PromiseAnswer(TypedDict):
    """What a band promises, and what that rests on."""

    words: str
    rate: float | None
    bound: float | None
    reach: float | None


class NotationAnswer(TypedDict):
    """How the export writes numbers or times, which texts of a request may be, too."""

    decimal: str
    thousands: str | None
    durations: str | None
    dates: list[str]
    timezone: str | None


class FieldTermsAnswer(TypedDict):
    """The export's own terms for one field: a request may use them in place of ours."""

    names: list[str]
    words: dict[str, str]
    notations: list[NotationAnswer]
    lowest: float | None
    highest: float | None


class TermsAnswer(TypedDict):
    """The terms of the export that the model was trained on, by our names of the fields."""

    lead: dict[str, FieldTermsAnswer]
    attributes: dict[str, FieldTermsAnswer]
    interactions: dict[str, FieldTermsAnswer]
    measures: dict[str, FieldTermsAnswer]


class ModelAnswer(TypedDict):
    """The model that is served: what it promises and what it reads."""

    model_version: str
    horizons: dict[str, int]
    base_rates: dict[str, float]
    bands: dict[str, float | None]
    promises: dict[str, PromiseAnswer]
    base_probability: float
    attributes: dict[str, AttributeAnswer]
    measures: list[str]
    vocabulary: dict[str, list[str]]
    terms: TermsAnswer | None
    limits: Limits
    card: dict[str, Any]


class SampleFinding(TypedDict):
    """One difference between a sample and what the model was trained on."""

    code: str
    field: str
    count: int
    text: str
    way_out: str


class FieldRefusal(TypedDict):
    """Values of one field that are refused for one reason, with an example."""

    code: str
    leads: int
    lead: int
    example: str
    law: str
    way_out: str


class FieldUse(TypedDict):
    """How a sample uses one field, beside what is known of the training."""

    reading: Literal["read", "retired", "unknown"]
    is_sent: bool
    filled: float | None
    trained_filled: float | None
    refusals: list[FieldRefusal]
    words: dict[str, int]
    unknown_words: dict[str, int]
    unused_words: list[str]
    outside: int
    lowest: float | None
    highest: float | None
    trained_lowest: float | None
    trained_highest: float | None
    importance: float | None
    moved_points: float | None


class InteractionsUse(TypedDict):
    """The interactions of a sample."""

    count: int
    per_lead: float | None
    trained_per_lead: float | None
    booked: float | None
    trained_booked: float | None
    delayed: float | None
    trained_delayed: float | None
    unused: int
    early: int
    at_midnight: int
    copies: int


class SampleAnswer(TypedDict):
    """What a sample of leads shows of the mapping that made it."""

    leads: int
    scored: int
    refused: int
    refused_if_strict: int
    findings: list[SampleFinding]
    fields: dict[str, FieldUse]
    interactions: InteractionsUse
    signals_outside: dict[str, float]
    bands: dict[Band, float]
    trained_bands: dict[str, float]
    hot_probability: float | None
    model_version: str
    request_id: str


class Refused(Exception):  # noqa: N818 - the name says what happened
    """The server refused, for the reason that its problem gives.

    Parameters
    ----------
    problem : Problem
        The server's answer; ``problem["errors"]`` names the fields to mend, if some are wrong.
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
    """Client for the server at an address, to be used by one thread; close it, or use a `with`.

    Parameters
    ----------
    address : str
        Base of all routes, such as ``https://scores.example``.
    key : str, optional
        An API key with the role ``score``.
    timeout : float
        Seconds that connecting may take, and the server may be silent.
    tries : int
        Most attempts of one call while connections break or the server is full, from 1.
    sleep : callable
        Called with the seconds to wait between two attempts.
    lenient : bool
        Whether names that the model does not know are left out and told in ``warnings``, so that a
        new model with other attributes stops nobody. By default they are refused.

    Raises
    ------
    ValueError
        The address has no scheme of HTTP, or there are no attempts.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        timeout: float = 30.0,
        tries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        lenient: bool = False,
    ) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"address must begin with https:// or http://, got '{address}'.")
        if tries < 1:
            raise ValueError(f"tries must be 1 or more, got {tries}.")
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        if lenient:
            headers["Prefer"] = "handling=lenient"
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
        """Description of the model that is served; raises the errors of `score`."""
        return cast("ModelAnswer", self._request("GET", "v1/model", None, {}))

    def score(self, lead: Lead, reasons: int = 3, include: Sequence[Include] = ()) -> ScoredLead:
        """Temperature of one lead.

        Parameters
        ----------
        lead : Lead
            The lead with what is known about it.
        reasons : int
            How many signals to name.
        include : sequence of Include
            What the answer holds beside the score: "trend", "forecast", "change".

        Returns
        -------
        ScoredLead

        Raises
        ------
        Refused
            The server refused, or a proxy in front of it did.
        ConnectionError
            The server could not be reached in all attempts.
        TimeoutError
            The server was silent for too long.
        ValueError
            The lead cannot be written as JSON.
        """
        answer = self._request("POST", "v1/score", _json(lead), _query(reasons, include))
        return cast("ScoredLead", answer)

    def score_batch(
        self, leads: Iterable[Lead], reasons: int = 3, include: Sequence[Include] = ()
    ) -> Iterator[ScoredLead | Problem]:
        """Temperatures of any number of leads, in their order, in calls within the server's limits.

        Parameters
        ----------
        leads : iterable of Lead
            The leads, read when they are needed.
        reasons, include
            As for `score`.

        Yields
        ------
        ScoredLead or Problem
            A lead that cannot be scored gets a problem in its place; ``"status" in answer`` tells
            the two apart.

        Raises
        ------
        Refused, ConnectionError, TimeoutError, ValueError
            As in `score`; answers that were yielded before stay valid.
        """
        limits, query = self.model()["limits"], _query(reasons, include)
        for group in _call_groups(map(_json, leads), limits["max_batch"], limits["max_body_bytes"]):
            body = _FRAME % b",".join(group)
            try:
                yield from self._request("POST", "v1/score/batch", body, query)["results"]
            except Refused as refused:
                # One lead alone that is too long is that lead's problem, not the others'.
                if len(group) > 1 or refused.problem["status"] != _TOO_LONG_STATUS:
                    raise
                yield refused.problem

    def validate(self, leads: Iterable[Lead]) -> SampleAnswer:
        """What a sample of leads differs in from training; a dry run that scores nothing.

        Parameters
        ----------
        leads : iterable of Lead
            Some hundred leads as they would be scored, within the server's limits for a batch.

        Returns
        -------
        SampleAnswer

        Raises
        ------
        Refused, ConnectionError, TimeoutError, ValueError
            As in `score`.
        """
        body = _FRAME % b",".join(map(_json, leads))
        return cast("SampleAnswer", self._request("POST", "v1/validate", body, {}))

    def _request(
        self, method: str, path: str, body: bytes | None, query: Mapping[str, str | int]
    ) -> Any:
        """Answer to a call, which is repeated while that may help."""
        tries_left, pause = self._tries, _PAUSE_SECONDS
        while True:
            tries_left -= 1
            wait = pause
            try:
                response = self._http.request(
                    method, path, content=body, params=query, headers=_JSON_HEADERS
                )
            except _RETRY_ERRORS as error:
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
                wait = _retry_after(response, pause)
                if (
                    not tries_left
                    or response.status_code not in _RETRY_STATUSES
                    or wait > LONGEST_WAIT_SECONDS
                ):
                    raise Refused(_problem(response))
            self._sleep(wait)
            pause *= 2


_FRAME = b'{"leads":[%b]}'
_JSON_HEADERS = {"Content-Type": "application/json"}


def _query(reasons: int, include: Sequence[Include]) -> dict[str, str | int]:
    return {"reasons": reasons, **({"include": ",".join(include)} if include else {})}


def _json(lead: Lead) -> bytes:
    try:
        return json.dumps(lead, default=_time_text, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Lead {lead.get('lead_id')!r} cannot be written as JSON: {error}. Send texts, finite "
            "numbers and times with a zone; leave out what is unknown."
        ) from error


def _time_text(value: object) -> str:
    """Text of a time; other types are refused."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no value of a lead")
    if value.utcoffset() is None:
        raise ValueError(f"{value} has no time zone")
    return value.isoformat()


def _call_groups(bodies: Iterable[bytes], max_leads: int, max_bytes: int) -> Iterator[list[bytes]]:
    """Groups within both limits, in their order; a lead that is too long stands alone."""
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


def _retry_after(response: httpx2.Response, default: float) -> float:
    """Seconds that the server asks to wait, else the default."""
    retry_after = response.headers.get("retry-after", "")
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else default


def _problem(response: httpx2.Response) -> Problem:
    """The server's problem, or one made from the answer of a proxy in front of it."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return cast("Problem", response.json())
    return {
        "type": "about:blank",
        "title": response.reason_phrase or "No answer of the server",
        "status": response.status_code,
        "detail": f"{response.url} answered: {response.text[:200]}",
    }
