"""What `watch` found as gauges, in the text format that Prometheus' collectors read from files."""

import math
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from training.monitoring.alarms import AlarmState
from training.monitoring.watching import HorizonWatch


def write_gauges(path: Path, watches: Sequence[HorizonWatch]) -> None:
    """Write a file that node_exporter's textfile collector takes; it is replaced all at once.

    Parameters
    ----------
    path : pathlib.Path
        Must end in ``.prom``: the collector passes over other files.
    watches : sequence of HorizonWatch
        Each horizon's alarm.

    Raises
    ------
    ValueError
        The name ends in something else.
    """
    if path.suffix != ".prom":
        raise ValueError(f"--metrics must end in .prom, got '{path.name}': no collector reads it.")
    registry = CollectorRegistry()

    def gauge(name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(
            f"lead_temperature_{name}", documentation, ("horizon", *labels), registry=registry
        )

    state = gauge("promises_state", "1 for the state of the promises, 0 for the others.", "state")
    expected = gauge("purchases_expected", "Purchases expected in the latest half-year.")
    bought = gauge("purchases_made", "Purchases made in the latest half-year.")
    level = gauge("promises_level", "Purchases made over purchases expected, as far as is known.")
    evidence = gauge("promises_evidence", "Evidence that promises break, beside the threshold.")
    threshold = gauge("promises_threshold", "Evidence from which on it rings.")
    for watch in watches:
        alarm = watch.alarm
        for possible in AlarmState:
            state.labels(watch.horizon, possible.value).set(possible is alarm.state)
        expected.labels(watch.horizon).set(alarm.promised)
        bought.labels(watch.horizon).set(alarm.bought)
        level.labels(watch.horizon).set(alarm.level.value)
        threshold.labels(watch.horizon).set(alarm.threshold)
        evidence.labels(watch.horizon).set(0.0 if math.isinf(alarm.evidence) else alarm.evidence)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
