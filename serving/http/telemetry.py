"""The server's metrics for Prometheus.

Metrics never hold data of a lead. Their labels are those written here and no others: the route as
the code names it, never the path that was requested. If several processes serve one address, each
counts in a region of memory that all of them read (`serving.http.figures`), and answers with the
sums over all, including those that have ended.
"""

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ledger.writer import WriterState
from models.bands import HORIZONS, LEVELS
from models.bundle import Bundle
from serving.answers.problem import Problem, Reason
from serving.answers.schemas import ScoredLead
from serving.http.figures import Key, Region, live, private_region
from serving.http.tallies import BUNDLE_REFUSED, DROPPED_LINES, KEY_USED, RELOADS

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PROBABILITIES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class _Histogram:
    """Places of one histogram: its buckets, one for what lies beyond, and the sum."""

    __slots__ = ("_bounds", "_first")

    def __init__(self, region: Region, key: Key, bounds: Sequence[float]) -> None:
        self._bounds, self._first = bounds, region.slot(key, len(bounds) + 2)

    def additions(self, value: float) -> tuple[tuple[int, float], tuple[int, float]]:
        """What to add for a value."""
        if self._first < 0:
            return (-1, 1.0), (-1, value)
        bucket = bisect_left(self._bounds, value)
        return (self._first + bucket, 1.0), (self._first + len(self._bounds) + 1, value)


class Telemetry:
    """Metrics of one server.

    Parameters
    ----------
    clock : callable
        Returns the present, in microseconds since the epoch; the bundle's age depends on it.
    region : Region, optional
        Where this process counts; a private one by default.
    regions : sequence of Region, optional
        Where all processes of the server count; by default this one alone.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        region: Region | None = None,
        regions: Sequence[Region] = (),
    ) -> None:
        self._clock = clock
        self._version, self._end_seconds = "", 0.0
        self._region = region or private_region()
        self._regions = regions or [self._region]
        self._latencies: dict[tuple[str, int], _Histogram] = {}
        self._by_reason: dict[Reason, int] = {}
        self._by_key: dict[str, int] = {}
        # The places that every score counts in are looked up once.
        self._hot, self._warm = (
            _Histogram(self._region, ("probability", name), _PROBABILITIES) for name in HORIZONS
        )
        self._by_band = {str(band): self._region.slot(("scored", str(band))) for band in LEVELS}
        self._running = self._region.slot(live("running"))
        self._region.clear_live()
        self._region.put(self._region.slot(live("workers")), 1)

    def count_reload(self, bundle: Bundle | None) -> None:
        """Count a bundle that replaced another one, or None for a bundle that was refused."""
        outcome = "refused" if bundle is None else "served"
        self._region.add((self._region.slot((*RELOADS, outcome)), 1))
        self._region.put(self._region.slot(BUNDLE_REFUSED), bundle is None)
        if bundle is not None:
            self.set_bundle(bundle)

    def set_bundle(self, bundle: Bundle) -> None:
        """Set the bundle that is served from now on."""
        end = bundle.card.served.data_end
        self._end_seconds = (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        if self._version:
            self._region.put(self._region.slot(live("bundle", self._version)), 0)
        self._version = bundle.version
        self._region.put(self._region.slot(live("bundle", bundle.version)), 1)

    @property
    def regions(self) -> Sequence[Region]:
        """Where all processes of the server count."""
        return self._regions

    @property
    def region(self) -> Region:
        """Where this process counts."""
        return self._region

    def note_key(self, name: str) -> None:
        """Note that an API key is used now."""
        slot = self._by_key.get(name)
        if slot is None:
            slot = self._by_key[name] = self._region.slot((*KEY_USED, name))
        self._region.put(slot, self._clock() / 1e6)

    def set_running(self, requests: int) -> None:
        """Set how many requests are at work."""
        self._region.put(self._running, requests)

    def count_ledger(self, state: WriterState) -> None:
        """Count what became of answers on their way into the ledger, and how it is now."""
        self._region.add(
            (self._region.slot(("ledger", "kept")), state.kept_answers),
            (self._region.slot(("ledger", "lost")), state.lost_answers),
        )
        self._region.put(self._region.slot(live("ledger_waiting")), state.waiting)
        self._region.put(self._region.slot(live("ledger_failing")), state.failing)

    def count_request(
        self, route: str, status: int, seconds: float, refused: Reason | None
    ) -> None:
        """Count a request that has ended, and the reason if it was refused."""
        latency = self._latencies.get((route, status))
        if latency is None:
            key = ("seconds", route, str(status))
            latency = self._latencies[route, status] = _Histogram(self._region, key, _SECONDS)
        self._region.add(*latency.additions(seconds))
        if refused:
            self._region.add((self._refusal(refused), 1))

    def count_scores(self, answers: Iterable[ScoredLead | Problem]) -> None:
        """Count the answers of a batch, or the good answer to a single lead."""
        additions: list[tuple[int, float]] = []
        for answer in answers:
            if isinstance(answer, Problem):
                additions.append((self._refusal(answer.code), 1))
            else:
                additions.append((self._by_band[answer.band], 1))
                additions += self._hot.additions(answer.hot_probability)
                additions += self._warm.additions(answer.warm_probability)
        self._region.add(*additions)

    def _refusal(self, reason: Reason) -> int:
        slot = self._by_reason.get(reason)
        if slot is None:
            slot = self._by_reason[reason] = self._region.slot(("refusals", reason))
        return slot

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, summed over the processes that serve together."""
        return generate_latest(self)

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        totals, versions, is_refused = self._totals()
        latencies = HistogramMetricFamily(
            "lead_temperature_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            labels=("route", "status"),
        )
        scored = CounterMetricFamily(
            "lead_temperature_scored_leads", "Leads scored.", labels=("band",)
        )
        refusals = CounterMetricFamily(
            "lead_temperature_refusals",
            "Requests, and leads of batches, that were refused.",
            labels=("reason",),
        )
        probabilities = HistogramMetricFamily(
            "lead_temperature_probability", "Probabilities served.", labels=("horizon",)
        )
        reloads = CounterMetricFamily(
            "lead_temperature_reloads", "Bundles that came into the folder.", labels=("outcome",)
        )
        key_uses = GaugeMetricFamily(
            "lead_temperature_key_last_used_seconds",
            "When an API key was last used, since the epoch.",
            labels=("key",),
        )
        ledger = CounterMetricFamily(
            "lead_temperature_ledger_answers",
            "Answers that the ledger kept, and those that were lost.",
            labels=("outcome",),
        )
        for key, values in sorted(totals.items()):
            match key:
                case ("seconds", *labels):
                    _add_histogram(latencies, labels, _SECONDS, values)
                case ("probability", *labels):
                    _add_histogram(probabilities, labels, _PROBABILITIES, values)
                case ("scored", *labels):
                    scored.add_metric(labels, values[0])
                case ("refusals", *labels):
                    refusals.add_metric(labels, values[0])
                case ("reloads", *labels):
                    reloads.add_metric(labels, values[0])
                case ("key_used", *labels):
                    key_uses.add_metric(labels, values[0])
                case ("ledger", *labels):
                    ledger.add_metric(labels, values[0])
        bundles = GaugeMetricFamily(
            "lead_temperature_bundle_info", "The bundle served.", labels=("version",)
        )
        for version in sorted(versions):
            bundles.add_metric((version,), 1)
        yield latencies
        yield _gauge("workers", "Processes that answer.", totals[live("workers")][0])
        yield _gauge("requests_running", "Requests at work.", totals[live("running")][0])
        yield scored
        yield refusals
        yield probabilities
        yield bundles
        age = self._clock() / 1e6 - self._end_seconds
        words = "Time since the end of the data that the bundle was trained on."
        yield _gauge("bundle_age_seconds", words, age)
        yield reloads
        words = "1 while the folder holds something that was refused, and an earlier bundle serves."
        yield _gauge("bundle_refused", words, is_refused)
        yield ledger
        words = "Answers that wait to be kept."
        yield _gauge("ledger_waiting", words, totals.get(live("ledger_waiting"), [0.0])[0])
        words = "Processes whose ledger took nothing at the last try."
        yield _gauge("ledger_failing", words, totals.get(live("ledger_failing"), [0.0])[0])
        dropped = CounterMetricFamily(
            "lead_temperature_log_lines_dropped",
            "Lines of the log that nobody took in time.",
            value=totals.get(DROPPED_LINES, [0.0])[0],
        )
        yield dropped
        yield key_uses

    def _totals(self) -> tuple[dict[Key, list[float]], set[str], bool]:
        """Sums over all regions, the bundles that are served, and whether one was refused."""
        totals: dict[Key, list[float]] = {}
        versions, is_refused = set[str](), False
        for region in self._regions:
            for key, values in region.items():
                if key[:2] == live("bundle") and values[0]:
                    versions.add(key[2])
                is_refused |= key == BUNDLE_REFUSED and values[0] > 0
                sums = totals.setdefault(key, [0.0] * len(values))
                combine = max if key[:1] == KEY_USED else operator.add
                for index, value in enumerate(values):
                    sums[index] = combine(sums[index], value)
        return totals, versions, is_refused


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lead_temperature_{name}", words, value=value)


def _add_histogram(
    family: HistogramMetricFamily,
    labels: Sequence[str],
    bounds: Sequence[float],
    values: Sequence[float],
) -> None:
    counts = accumulate(values[:-1])
    ends = [*map(str, bounds), "+Inf"]
    family.add_metric(labels, list(zip(ends, counts, strict=True)), values[-1])
