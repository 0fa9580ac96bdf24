"""Tables to features: partitions, the order of rows and missing things change no bit."""

import numpy as np
import pytest

import features.engine.executor
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Count,
    DaysSinceLatest,
    Selection,
)
from features.language.spec import Spec
from features.scale.batch import histories_of, point_in_time_features
from features.scale.catalogue import standard_spec
from features.spine import Spine
from features.tables import Kind, Tables
from tests.support.tables import tables_of

KINDS: dict[str, Kind] = {"country": "category", "size": "number", "need": "category"}


def crm(leads: int = 60) -> Tables:
    random = np.random.default_rng(4)
    ids = [f"lead {i}" for i in range(leads)]
    return tables_of(
        [
            {
                "lead_id": name,
                "created_at": float(random.integers(0, 10)),
                "country": str(random.choice(["it", "pt"])) if i % 5 else None,
                "size": float(i) if i % 3 else None,
            }
            for i, name in enumerate(ids)
        ],
        [
            {
                "lead_id": str(random.choice(ids)),
                "occurred_at": (day := float(random.uniform(0, 60))),
                "recorded_at": day + float(random.choice([0, 0, 0, 5, -3])),
                "kind": str(random.choice(["call", "visit"])),
                "direction": "inbound",
                "duration_seconds": float(random.integers(0, 100)) / 10,
            }
            for _ in range(12 * leads)
        ],
        [
            {"lead_id": name, "recorded_at": day, "name": "need", "text": text}
            for name in ids[::2]
            for day, text in ((20.0, "cost"), (40.0, "speed"))
        ],
        kinds=KINDS,
        fixed=("country", "size"),
        measures=("duration_seconds",),
    )


def spine_of(tables: Tables, days: tuple[float, ...] = (15, 30, 50)) -> Spine:
    leads = tables.leads.num_rows
    lead = np.tile(np.arange(leads), len(days))
    return Spine(lead, np.repeat(np.array([round(d * DAY) for d in days]), leads))


def test_partitions_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = crm()
    spec = standard_spec(tables, 60 * DAY)
    whole = point_in_time_features(tables, spine_of(tables), spec)
    monkeypatch.setattr(features.engine.executor, "BLOCK_LOAD", 50)
    told: list[int] = []
    parts = point_in_time_features(tables, spine_of(tables), spec, told.append)
    assert whole.tobytes() == parts.tobytes()
    assert len(told) > 5
    assert sum(told) == len(whole)


def test_rows_come_in_the_order_of_the_spine() -> None:
    tables = crm()
    spec = standard_spec(tables, 60 * DAY)
    spine = spine_of(tables)
    shuffled = np.random.default_rng(0).permutation(len(spine))
    straight = point_in_time_features(tables, spine, spec)
    mixed = point_in_time_features(tables, Spine(spine.lead[shuffled], spine.as_of[shuffled]), spec)
    assert mixed.tobytes() == straight[shuffled].tobytes()


def test_a_changing_attribute_has_the_value_it_had_then() -> None:
    tables = crm()
    spec = Spec((AttributeCategory("need", ("cost", "speed")),), KINDS)
    values = point_in_time_features(tables, spine_of(tables, (20, 21, 41)), spec)[:, 0]
    first_lead = values[:: tables.leads.num_rows]
    np.testing.assert_array_equal(first_lead, [np.nan, 0, 1])


def test_an_export_without_interactions_has_features_too() -> None:
    tables = tables_of(
        [{"lead_id": "a", "created_at": 0, "size": 3.0}, {"lead_id": "b", "created_at": 1}],
        kinds={"size": "number"},
        fixed=("size",),
    )
    spec = Spec(
        (AttributeNumber("size"), Count(Selection(), 7), DaysSinceLatest(Selection())),
        {"size": "number"},
    )
    values = point_in_time_features(
        tables, Spine(np.array([0, 1]), np.array([5 * DAY, 5 * DAY])), spec
    )
    np.testing.assert_array_equal(values, [[3, 0, np.nan], [np.nan, 0, np.nan]])


def test_an_empty_spine_has_no_rows() -> None:
    tables = crm()
    none = np.empty(0, np.int64)
    assert (
        point_in_time_features(tables, Spine(none, none), standard_spec(tables, DAY)).shape[0] == 0
    )


def test_interactions_are_grouped_by_lead() -> None:
    tables = crm()
    histories = histories_of(tables, standard_spec(tables, DAY))
    ids = tables.leads["lead_id"].to_pylist()
    per_lead = dict(zip(ids, np.diff(histories.offsets).tolist(), strict=True))
    found = tables.interactions["lead_id"].to_pylist()
    assert per_lead == {name: found.count(name) for name in ids}
