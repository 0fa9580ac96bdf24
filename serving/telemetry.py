"""What the server tells of itself: figures for Prometheus, and a log of JSON lines.

Neither holds anything of a lead. Figures carry the labels that are written here and no other: the
route as the code names it, never the path that was asked for. Of an exception the log tells the
type and the places that it passed through, never the message, which may quote a lead.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from models.bundle import Bundle
from serving.problem import Problem
from serving.schemas import ScoredLead

FIELDS = "fields"
"""Attribute of a log record that holds a mapping of further members of its line."""

REASONS = {
    400: "not_json",
    401: "no_key",
    403: "other_role",
    404: "no_such_page",
    405: "other_method",
    408: "slow_body",
    409: "broken_bundle",
    413: "too_long",
    415: "other_type",
    422: "invalid_fields",
    500: "failure",
    503: "overload",
}
"""Names of refusals by status."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PROBABILITIES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


class Telemetry:
    """Figures of one server.

    Parameters
    ----------
    clock : callable
        The present, in microseconds since the epoch; the bundle's age depends on it.
    running : callable
        How many requests are at work.
    """

    def __init__(self, clock: Callable[[], int], running: Callable[[], int]) -> None:
        self._clock = clock
        self._registry = registry = CollectorRegistry()
        self._seconds = Histogram(
            "lead_temperature_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("route", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        Gauge(
            "lead_temperature_requests_running", "Requests at work.", registry=registry
        ).set_function(running)
        self._bands = Counter(
            "lead_temperature_scored_leads", "Leads scored.", ("band",), registry=registry
        )
        self._refusals = Counter(
            "lead_temperature_refusals",
            "Requests, and leads of batches, that were refused.",
            ("reason",),
            registry=registry,
        )
        self._probabilities = Histogram(
            "lead_temperature_probability",
            "Probabilities served.",
            ("horizon",),
            buckets=_PROBABILITIES,
            registry=registry,
        )
        self._bundle = Gauge(
            "lead_temperature_bundle_info", "The bundle served.", ("version",), registry=registry
        )
        self._age = Gauge(
            "lead_temperature_bundle_age_seconds",
            "Time since the end of the data that the bundle was trained on.",
            registry=registry,
        )

        self._reloads = Counter(
            "lead_temperature_reloads",
            "Bundles that came into the folder.",
            ("outcome",),
            registry=registry,
        )
        self._refused_bundle = Gauge(
            "lead_temperature_bundle_refused",
            "1 while the folder holds something that was refused, and an earlier bundle is served.",
            registry=registry,
        )

    def reloaded(self, bundle: Bundle | None) -> None:
        """Count a bundle that took the place of another one, or None for one that was refused."""
        self._reloads.labels("refused" if bundle is None else "served").inc()
        self._refused_bundle.set(bundle is None)
        if bundle is not None:
            self.serving(bundle)

    def serving(self, bundle: Bundle) -> None:
        """Tell which bundle is served from now on."""
        end = datetime.fromisoformat(bundle.card["data_end"])
        end_seconds = (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        self._age.set_function(lambda: self._clock() / 1e6 - end_seconds)
        self._bundle.clear()
        self._bundle.labels(bundle.version).set(1)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._seconds.labels(route, str(status)).observe(seconds)
        if status >= 400:
            self._refused(status)

    def scored(self, answers: Iterable[ScoredLead | Problem]) -> None:
        """Count the answers of a batch, or the good answer to a single lead."""
        for answer in answers:
            if isinstance(answer, Problem):
                self._refused(answer.status)
            else:
                self._bands.labels(answer.band).inc()
                self._probabilities.labels("hot").observe(answer.hot_probability)
                self._probabilities.labels("warm").observe(answer.warm_probability)

    def _refused(self, status: int) -> None:
        self._refusals.labels(REASONS.get(status, "other")).inc()

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class JsonLines(logging.Formatter):
    """Formatter that makes one JSON object a line of each record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["places"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json_lines(level: str) -> None:
    """Send the whole process's log to standard error as JSON lines.

    Parameters
    ----------
    level : str
        Least level of the server's own records; those of libraries are told from warnings on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(level.upper())
