"""Digests of what stood in open leads: the same value the same digest, and nothing of the value."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.export.first_seen import (
    NOT_SEEN,
    FirstSeen,
    digests_of,
    keep_first_seen,
    nothing_seen,
    read_first_seen,
    seen_in,
)
from features.tables import ATTRIBUTE_LOG, INTERACTIONS, REJECTS, Tables, leads_schema

KEY = b"k" * 32
START = datetime(2025, 1, 1, tzinfo=UTC)


def export(leads: list[dict[str, object]], end_day: int = 30, **kinds: str) -> Tables:
    """Leads by id, with the days of their outcomes and the values of their attributes."""
    rows = [
        {
            **lead,
            "created_at": START,
            "converted_at": None if lead.get("sold") is None else day(lead["sold"]),
            "closed_at": None if lead.get("lost") is None else day(lead["lost"]),
        }
        for lead in leads
    ]
    kinds = kinds or {"country": "category", "size": "number"}
    return Tables(
        leads=pa.Table.from_pylist(rows, schema=leads_schema(kinds)),
        interactions=INTERACTIONS.empty_table(),
        attribute_log=ATTRIBUTE_LOG.empty_table(),
        attribute_kinds=kinds,
        measures=(),
        data_end=round(day(end_day).timestamp() * 1e6),
        rejects=REJECTS.empty_table(),
        unused={},
    )


def day(number: object) -> datetime:
    return START + timedelta(days=int(str(number)))


def cells_of(seen: FirstSeen, lead_id: str) -> dict[str, int]:
    lead = digests_of(pa.chunked_array([[lead_id]]), "lead_id", seen.key)[0]
    row = int(np.searchsorted(seen.lead, lead))
    assert seen.lead[row] == lead
    return {name: int(cells[row]) for name, cells in seen.cells.items()}


def test_one_value_has_one_digest_in_a_column_and_another_with_another_key_or_column() -> None:
    values = pa.chunked_array([["it", "pt"], ["it", None, None]])
    digests = digests_of(values, "country", KEY)
    assert digests[0] == digests[2] != digests[1]
    assert digests[3] == digests[4] not in digests[:3]
    assert digests_of(values, "language", KEY)[0] != digests[0]
    assert digests_of(values, "country", b"other")[0] != digests[0]
    assert NOT_SEEN not in digests


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array(["1"]), pa.array([1.0])),
        (pa.array([1.0]), pa.array([1.5])),
        (pa.array([None], pa.string()), pa.array(["None"])),
        (pa.array([0], pa.timestamp("us", "UTC")), pa.array([1], pa.timestamp("us", "UTC"))),
    ],
)
def test_values_that_differ_have_digests_that_differ(first: pa.Array, second: pa.Array) -> None:
    digests = [digests_of(pa.chunked_array([values]), "x", KEY)[0] for values in (first, second)]
    assert digests[0] != digests[1]


def test_only_open_leads_are_taken_in_and_each_once() -> None:
    first = export(
        [
            {"lead_id": "open", "country": "it", "size": 1.0},
            {"lead_id": "sold", "country": "it", "sold": 3},
            {"lead_id": "lost", "country": "it", "lost": 3},
        ]
    )
    seen = seen_in(first, nothing_seen(KEY))
    assert len(seen.lead) == 1
    second = export(
        [
            {"lead_id": "new", "country": "pt"},
            {"lead_id": "open", "country": "ru", "size": 2.0},
            {"lead_id": "lost", "country": "it", "lost": 3},
        ],
        end_day=60,
    )
    again = seen_in(second, seen)
    assert len(again.lead) == 2
    assert cells_of(again, "open") == cells_of(seen, "open")
    assert sorted(again.seen_at.tolist()) == [first.data_end, second.data_end]
    assert (np.diff(again.lead.astype(float)) > 0).all()


def test_a_column_that_comes_later_is_taken_in_with_the_leads_that_are_open_then() -> None:
    leads: list[dict[str, object]] = [{"lead_id": "a", "size": 1.0}, {"lead_id": "gone"}]
    seen = seen_in(export(leads, size="number"), nothing_seen(KEY))
    leads = [{"lead_id": "a", "country": "it"}, {"lead_id": "b", "country": "it"}]
    again = seen_in(export(leads, 60, country="category"), seen)
    assert cells_of(again, "a")["size"] == cells_of(seen, "a")["size"]
    assert cells_of(again, "a")["country"] == cells_of(again, "b")["country"] != NOT_SEEN
    assert cells_of(again, "gone")["country"] == cells_of(again, "b")["size"] == NOT_SEEN


def test_what_is_kept_is_read_back_and_tells_no_value(tmp_path: Path) -> None:
    leads = [{"lead_id": f"secret{i}", "country": "secretland"} for i in range(50)]
    seen = seen_in(export(leads), nothing_seen())
    folder = tmp_path / "registry" / "first_seen"
    keep_first_seen(folder, seen)
    again = read_first_seen(folder)
    assert again.key == seen.key
    np.testing.assert_array_equal(again.lead, seen.lead)
    np.testing.assert_array_equal(again.seen_at, seen.seen_at)
    assert again.cells.keys() == seen.cells.keys()
    for name, cells in seen.cells.items():
        np.testing.assert_array_equal(again.cells[name], cells)
    assert {path.name for path in folder.iterdir()} == {"key", "cells.parquet"}
    content = (folder / "cells.parquet").read_bytes()
    assert b"secret" not in content
    assert seen.key not in content
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert seen.key.hex() not in repr(seen)


def test_without_its_key_or_with_another_nothing_was_seen(tmp_path: Path) -> None:
    keep_first_seen(tmp_path, seen_in(export([{"lead_id": "a"}]), nothing_seen()))
    (tmp_path / "key").write_bytes(KEY)
    assert len(read_first_seen(tmp_path).lead) == 0
    (tmp_path / "key").unlink()
    assert len(read_first_seen(tmp_path).lead) == 0
    assert len(read_first_seen(tmp_path / "nowhere").lead) == 0


def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    keep_first_seen(tmp_path, nothing_seen())
    (tmp_path / "cells.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ValueError, match=r"cells.parquet is damaged .* Remove the folder"):
        read_first_seen(tmp_path)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch) -> None:
    seen = seen_in(export([{"lead_id": "a"}]), nothing_seen())
    keep_first_seen(tmp_path, seen)

    def full(table: pa.Table, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("features.export.first_seen.pq.write_table", full)
    with pytest.raises(OSError, match="No space"):
        keep_first_seen(tmp_path, replace(seen, cells={}))
    assert len(read_first_seen(tmp_path).cells) == len(seen.cells)
    assert {path.name for path in tmp_path.iterdir()} == {"key", "cells.parquet"}
