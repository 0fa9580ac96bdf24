"""What is quarantined is gone: from the tables, from the features, and when leads are scored."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.sources import read_export
from features.scale.batch import point_in_time_features
from features.scale.catalogue import standard_spec
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from tests.support.tables import tables_of
from training.audit.leaks import Finding
from training.audit.quarantine import quarantined_values, without_quarantined
from training.card.values import read_card, to_json
from training.config import AuditSettings, SnapshotSettings, read_config
from training.dataset.snapshots import snapshots
from training.pipeline import trained_bundle

pytestmark = pytest.mark.training

FINDINGS = (
    Finding("card", "attribute", "leak", "only clients have it", {"auc": 0.98}),
    Finding("tier", "attribute", "leak", "it comes late", {"auc": 0.5, "late": 1.0}),
    Finding("size", "attribute", "clear", "", {"auc": None}),
    Finding("[red]won[/]", "kind", "leak", "it is the outcome", {}),
    Finding("call", "kind", "clear", "", {}),
    Finding("mail", "channel", "allowed", "it gives it away", {}),
    Finding("visit", "kind", "suspect", "it goes with the outcome", {}),
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


def test_what_is_dropped_by_hand_leaves_the_tables_too(tables: Tables) -> None:
    dropped = Finding("size", "attribute", "dropped", "named in [audit] drop", {"auc": 0.6})
    left = without_quarantined(tables, [dropped])
    assert "size" not in left.leads.column_names
    assert left.unused == {"size": "named in [audit] drop"}


def test_only_what_is_quarantined_is_ignored() -> None:
    assert quarantined_values(FINDINGS) == {"kind": ("[red]won[/]",)}
    assert quarantined_values(()) == {}


def test_features_of_the_whole_export_are_those_of_the_export_without_the_quarantined(
    tables: Tables,
) -> None:
    """Leads that are scored later still have such interactions: "any" must not count them."""
    left = without_quarantined(tables, FINDINGS)
    spec = dataclasses.replace(standard_spec(left, 60 * DAY), ignored=quarantined_values(FINDINGS))
    spine = snapshots(tables, SnapshotSettings(until_days=60))
    whole = point_in_time_features(tables, spine, spec)
    np.testing.assert_array_equal(whole, point_in_time_features(left, spine, spec))
    heedless = dataclasses.replace(spec, ignored={})
    assert not np.array_equal(whole, point_in_time_features(tables, spine, heedless), True)


def test_findings_are_json_values() -> None:
    written = json.loads(json.dumps([to_json(finding) for finding in FINDINGS]))
    assert written[0] == {
        "name": "card",
        "what": "attribute",
        "verdict": "leak",
        "reason": "only clients have it",
        "figures": {"auc": 0.98},
    }


@pytest.mark.slow
def test_training_leaves_out_what_the_audit_quarantines_and_the_bundle_tells(
    tmp_path: Path,
) -> None:
    write_export(made_up_crm(4_000, 3), tmp_path, "parquet")
    config = read_config(tmp_path / "lead_temperature.toml")
    model = config.model.model_copy(update={"trees": 20})
    config = config.model_copy(update={"model": model})
    tables = read_export(config.export)
    won = tables.leads["converted_at"].is_valid()
    status = pc.if_else(won, "client", "prospect")
    events = tables.interactions
    place = pc.index_in(events["lead_id"], value_set=tables.leads["lead_id"].combine_chunks())
    converted_at = tables.leads["converted_at"].take(place)
    copied = events.set_column(1, "occurred_at", converted_at)
    copied = copied.set_column(2, "recorded_at", converted_at)
    copied = copied.filter(pc.is_valid(converted_at)).slice(0, 1_000)
    signed = pa.array(["signed"] * 1_000).dictionary_encode().cast(events.schema.field("kind").type)
    copied = copied.set_column(events.column_names.index("kind"), "kind", signed)
    leaking = dataclasses.replace(
        tables,
        leads=tables.leads.append_column("status", status),
        attribute_kinds={**tables.attribute_kinds, "status": "category"},
        interactions=pa.concat_tables([events, copied.cast(events.schema)]).unify_dictionaries(),
    )
    bundle = trained_bundle(leaking, config)
    assert bundle.spec.ignored == {"kind": ("signed",)}
    assert bundle.spec.attribute_kinds == tables.attribute_kinds
    told = {found.name for found in read_card(bundle.card).audit if found.quarantined}
    assert told == {"status", "signed"}
    assert {"status", "interactions.kind=signed"} < set(read_card(bundle.card).export.unused)
    heedless = config.model_copy(update={"audit": AuditSettings(enabled=False)})
    bundle = trained_bundle(leaking, heedless)
    assert "status" in bundle.spec.attribute_kinds
    assert read_card(bundle.card).audit == ()
