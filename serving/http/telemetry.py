"""The server's metrics for Prometheus.

Metrics never hold data of a lead. Their labels are those written here and no others: the route as
the code names it, never the path that was requested. If several processes serve one address, each
of them answers with the sums over all, including those that have ended.
"""

import os
from collections.abc import Callable, Iterable
from datetime import UTC

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from models.bands import LEVELS
from models.bundle import HORIZONS, Bundle
from serving.answers.problem import Problem, Reason
from serving.answers.schemas import ScoredLead

BUNDLE_INFO = "lead_temperature_bundle_info"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PROBABILITIES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


class Telemetry:
    """Metrics of one server.

    Parameters
    ----------
    clock : callable
        Returns the present, in microseconds since the epoch; the bundle's age depends on it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._version, self._end_seconds = "", 0.0
        self._latencies: dict[tuple[str, int], Histogram] = {}
        self._registry = registry = CollectorRegistry()
        self._seconds = Histogram(
            "lead_temperature_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("route", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._workers = Gauge(
            "lead_temperature_workers",
            "Processes that answer.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._running = Gauge(
            "lead_temperature_requests_running",
            "Requests at work.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        bands = Counter(
            "lead_temperature_scored_leads", "Leads scored.", ("band",), registry=registry
        )
        self._refusals = Counter(
            "lead_temperature_refusals",
            "Requests, and leads of batches, that were refused.",
            ("reason",),
            registry=registry,
        )
        probabilities = Histogram(
            "lead_temperature_probability",
            "Probabilities served.",
            ("horizon",),
            buckets=_PROBABILITIES,
            registry=registry,
        )
        # The children that every score counts are looked up by their labels once.
        self._hot, self._warm = (probabilities.labels(name) for name in HORIZONS)
        self._by_band = {str(band): bands.labels(str(band)) for band in LEVELS}
        self._bundle = Gauge(
            BUNDLE_INFO,
            "The bundle served.",
            ("version",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._age = Gauge(
            "lead_temperature_bundle_age_seconds",
            "Time since the end of the data that the bundle was trained on.",
            registry=registry,
            multiprocess_mode="livemostrecent",
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
            multiprocess_mode="livemax",
        )

    def count_reload(self, bundle: Bundle | None) -> None:
        """Count a bundle that replaced another one, or None for a bundle that was refused."""
        self._reloads.labels("refused" if bundle is None else "served").inc()
        self._refused_bundle.set(bundle is None)
        if bundle is not None:
            self.set_bundle(bundle)

    def set_bundle(self, bundle: Bundle) -> None:
        """Set the bundle that is served from now on."""
        end = bundle.card.served.data_end
        self._end_seconds = (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        if self._version:
            self._bundle.labels(self._version).set(0)
        self._version = bundle.version
        self._workers.set(1)
        self._bundle.labels(bundle.version).set(1)

    def set_running(self, requests: int) -> None:
        """Set how many requests are at work."""
        self._running.set(requests)

    def count_request(
        self, route: str, status: int, seconds: float, refused: Reason | None
    ) -> None:
        """Count a request that has ended, and the reason if it was refused."""
        latency = self._latencies.get((route, status))
        if latency is None:  # a look-up by labels costs as much as everything else
            latency = self._latencies[route, status] = self._seconds.labels(route, str(status))
        latency.observe(seconds)
        if refused:
            self._refusals.labels(refused).inc()

    def count_scores(self, answers: Iterable[ScoredLead | Problem]) -> None:
        """Count the answers of a batch, or the good answer to a single lead."""
        for answer in answers:
            if isinstance(answer, Problem):
                self._refusals.labels(answer.reason).inc()
            else:
                self._by_band[answer.band].inc()
                self._hot.observe(answer.hot_probability)
                self._warm.observe(answer.warm_probability)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, summed over the processes that serve together."""
        self._age.set(self._clock() / 1e6 - self._end_seconds)
        return generate_latest(self)

    def collect(self) -> Iterable[Metric]:
        """All metrics; only bundles that are served now, because no label can be removed."""
        collector: Collector = self._registry
        if METRICS_FOLDER_VARIABLE in os.environ:
            collector = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        for metric in collector.collect():
            if metric.name == BUNDLE_INFO:
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric


METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable that names the folder in which processes share their metrics."""
