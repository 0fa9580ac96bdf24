"""What is quarantined is gone: from the tables, from the features, and when leads are scored."""

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from features.batch import point_in_time_features
from features.catalogue import standard_spec
from features.history import MICROSECONDS_PER_DAY as DAY
from features.tables import Tables
from tests.support.tables import tables_of
from training.audit_table import show_audit
from training.config import SnapshotSettings
from training.leaks import Finding
from training.quarantine import ignored, without_quarantined
from training.snapshots import snapshots

FINDINGS = (
    Finding("card", "attribute", "quarantined", "only clients have it", {"auc": 0.98}),
    Finding("tier", "attribute", "quarantined", "it comes late", {"auc": 0.5, "late": 1.0}),
    Finding("size", "attribute", "clear", "", {"auc": None}),
    Finding("[red]won[/]", "kind", "quarantined", "it is the outcome", {}),
    Finding("call", "kind", "clear", "", {}),
    Finding("mail", "channel", "allowed", "it gives it away", {}),
)


@pytest.fixture
def tables() -> Tables:
    random = np.random.default_rng(0)
    ids = [f"L{i}" for i in range(60)]
    kinds = ["call", "[red]won[/]", None]
    events = [
        {
            "lead_id": lead,
            "occurred_at": float(random.integers(1, 50)),
            "kind": kinds[n % 3],
            "channel": "mail",
            "value": float(n),
        }
        for n, lead in enumerate(ids * 6)
    ]
    return tables_of(
        [{"lead_id": lead, "created_at": 0, "card": "x", "size": 3.0} for lead in ids],
        events,
        [{"lead_id": lead, "recorded_at": 1, "name": "tier", "text": "gold"} for lead in ids],
        kinds={"card": "category", "size": "number", "tier": "category"},
        fixed=("card", "size"),
        measures=("value",),
    )


def test_quarantined_attributes_and_interactions_leave_the_tables_and_are_named(
    tables: Tables,
) -> None:
    left = without_quarantined(tables, FINDINGS)
    assert left.attribute_kinds == {"size": "number"}
    assert "card" not in left.leads.column_names
    assert left.attribute_log.num_rows == 0
    kinds = left.interactions["kind"].to_pylist()
    assert (kinds.count("call"), kinds.count(None), len(kinds)) == (120, 120, 240)
    assert left.leads.num_rows == tables.leads.num_rows
    assert left.unused["card"] == "quarantined by the audit: only clients have it"
    assert set(left.unused) == {"card", "tier", "interactions.kind=[red]won[/]"}


def test_only_what_is_quarantined_is_ignored() -> None:
    assert ignored(FINDINGS) == {"kind": ("[red]won[/]",)}
    assert ignored(()) == {}


def test_features_of_the_whole_export_are_those_of_the_export_without_the_quarantined(
    tables: Tables,
) -> None:
    """Leads that are scored later still have such interactions: "any" must not count them."""
    left = without_quarantined(tables, FINDINGS)
    spec = dataclasses.replace(standard_spec(left, 60 * DAY), ignored=ignored(FINDINGS))
    spine = snapshots(tables, SnapshotSettings(until_days=60))
    whole = point_in_time_features(tables, spine, spec)
    np.testing.assert_array_equal(whole, point_in_time_features(left, spine, spec))
    heedless = dataclasses.replace(spec, ignored={})
    assert not np.array_equal(whole, point_in_time_features(tables, spine, heedless), True)


def test_findings_are_json_values() -> None:
    written = json.loads(json.dumps([finding.to_json() for finding in FINDINGS]))
    assert written[0] == {
        "name": "card",
        "what": "attribute",
        "verdict": "quarantined",
        "reason": "only clients have it",
        "figures": {"auc": 0.98},
    }


def test_the_table_names_all_and_gives_the_reason_of_what_is_not_clear() -> None:
    console = Console(width=200, file=io.StringIO())
    show_audit(console, FINDINGS)
    text = console.file.getvalue()
    assert "quarantined: kind [red]won[/] – it is the outcome." in text
    assert "3 of 6 are left out by train" in text
    assert '[audit] allow = ["…"]' in text
    assert "0.980" in text
