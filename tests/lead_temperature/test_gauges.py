"""Gauges are what a Prometheus collector reads from a file."""

import dataclasses
import math
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lead_temperature.gauges import write_gauges
from tests.lead_temperature.tables.test_monitoring import ALARM, WATCH
from training.monitoring.alarms import AlarmState


def test_each_horizon_has_its_gauges(tmp_path: Path) -> None:
    unsure = dataclasses.replace(ALARM, state=AlarmState.CANNOT_TELL, evidence=-math.inf)
    hot = dataclasses.replace(WATCH, horizon="hot", alarm=unsure)
    path = tmp_path / "a folder" / "promises.prom"
    write_gauges(path, [WATCH, hot])
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
    }
    assert samples["lead_temperature_promises_state", "quiet", "warm"] == 1
    assert samples["lead_temperature_promises_state", "cannot tell yet", "hot"] == 1
    assert samples["lead_temperature_promises_state", "hot", "quiet"] == 0
    assert samples["lead_temperature_purchases_expected", "warm"] == 150
    assert samples["lead_temperature_purchases_made", "warm"] == 144
    assert samples["lead_temperature_promises_level", "warm"] == 0.97
    assert samples["lead_temperature_promises_evidence", "warm"] == -1
    assert samples["lead_temperature_promises_evidence", "hot"] == 0
    assert samples["lead_temperature_promises_threshold", "warm"] == 2.2
    assert [one.name for one in path.parent.iterdir()] == ["promises.prom"]


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.prom, got 'gauges\.txt'"):
        write_gauges(tmp_path / "gauges.txt", [WATCH])
