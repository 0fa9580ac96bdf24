"""Looks that give the label away by their instants are told of."""

import pytest

from features.tables import Tables
from tests.support.tables import tables_of
from training.audit.findings import audit
from training.audit.leaks import Finding
from training.config import Config, config_of

DAYS = 400


def findings_of(tables: Tables, config: Config) -> tuple[Finding, ...]:
    return audit(tables, config.dataset, config.audit)


@pytest.fixture
def config(tmp_path) -> Config:
    sections = {
        "leads": {"source": "leads.csv"},
        "horizons": {"hot_days": 5, "warm_days": 10},
        "snapshots": {"every_days": 5, "until_days": 20, "triggers": ["inbound"]},
    }
    return config_of(sections, tmp_path)


def exported(telling: bool):
    """Leads of which every fourth converts; inbound are all, or mostly those that will convert."""
    leads, events = [], []
    for i in range(4 * DAYS):
        created, converts = i / 4, i % 4 == 0
        leads.append(
            {
                "lead_id": str(i),
                "created_at": created,
                "converted_at": created + 12 if converts else None,
            }
        )
        calls = converts or i % 8 == 1 if telling else i % 3 == 0
        if calls:
            event = {"lead_id": str(i), "direction": "inbound", "kind": "call", "channel": "phone"}
            events += [{**event, "occurred_at": created + day + 0.5} for day in range(2, 10)]
    return tables_of(leads, events, end_day=DAYS)


def finding(config: Config, telling: bool):
    return next(
        found for found in findings_of(exported(telling), config) if found.name == "triggers"
    )


def test_a_trigger_that_tells_who_converts_is_suspected(config) -> None:
    found = finding(config, telling=True)
    assert found.verdict == "suspect"
    assert "the trigger that a look follows on" in found.reason


def test_a_trigger_that_says_nothing_is_clear(config) -> None:
    assert finding(config, telling=False).figures["auc"] < 0.6


def test_without_triggers_there_is_no_such_finding(config) -> None:
    grid = config.snapshots.model_copy(update={"triggers": ()})
    found = findings_of(exported(telling=True), config.model_copy(update={"snapshots": grid}))
    assert "triggers" not in {one.name for one in found}
