"""A made-up export for benchmarks of features: large, cheap to make, the same every time.

Interactions come in random order, a few are recorded weeks late and a few before they occur, some
lack a direction or a duration, and leads differ much in how many they have. The spine looks at
every lead eight times, in order of time as a nightly job would append it. `sorted_copy` is the same
export with every file in order of lead and time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import (
    LABEL_FIELDS,
    Count,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    LeadAge,
    Mean,
    Selection,
    Share,
    Total,
    Trend,
)
from features.language.spec import Spec
from features.tables import INSTANT, LEADS, WORD, interactions_schema

CHANNELS = ("phone", "email", "web", "chat", "event")
DIRECTIONS = ("inbound", "outbound")
KINDS = (
    *("call", "message", "visit", "quote", "meeting", "demo"),
    *("form", "download", "callback", "complaint", "invoice", "survey"),
)
OUTCOMES = ("answered", "no_answer", "refused", "agreed")
MEASURE = "duration_seconds"
SNAPSHOTS = 8
FILES = ("leads", "interactions", "spine")
_START = 1_672_531_200_000_000  # 2023-01-01
_CREATED_WITHIN = 730 * DAY
_ACTIVE_FOR = 180 * DAY
_CHUNK = 1_000_000
_ROW_GROUP = 250_000


def write_export(folder: Path, leads: int, interactions: int, seed: int = 1) -> None:
    """Write `leads.parquet`, `interactions.parquet` and `spine.parquet` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    created_at = _START + np.sort(random.integers(0, _CREATED_WITHIN, leads))
    ids = _lead_ids(np.arange(leads))
    no_outcome = [pa.nulls(leads, field.type) for field in LEADS][2:]
    pq.write_table(
        pa.table([ids, _instants(created_at), *no_outcome], schema=LEADS),
        folder / "leads.parquet",
    )
    looks = np.repeat(created_at, SNAPSHOTS) + random.integers(1, _ACTIVE_FOR, leads * SNAPSHOTS)
    order = np.argsort(looks)
    pq.write_table(
        pa.table(
            {"lead_id": _lead_ids(order // SNAPSHOTS), "as_of": _instants(looks[order])},
        ),
        folder / "spine.parquet",
        row_group_size=_ROW_GROUP,
    )
    schema = interactions_schema((MEASURE,))
    with pq.ParquetWriter(folder / "interactions.parquet", schema) as writer:
        for rows in _chunks(interactions):
            writer.write_table(_interactions(random, created_at, rows), row_group_size=_ROW_GROUP)


def sorted_copy(source: Path, folder: Path) -> None:
    """Write the same export in order of lead and time."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = pq.read_table(source / "leads.parquet", columns=["lead_id"])["lead_id"].combine_chunks()
    for name, time in zip(FILES, ("created_at", "occurred_at", "as_of"), strict=True):
        table = pq.read_table(source / f"{name}.parquet", read_dictionary=list(LABEL_FIELDS))
        lead = pc.index_in(table["lead_id"], value_set=ids).to_numpy()
        order = np.lexsort((table[time].cast(pa.int64()).to_numpy(), lead))
        pq.write_table(table.take(order), folder / f"{name}.parquet", row_group_size=_ROW_GROUP)


def every_nth_lead(source: Path, folder: Path, nth: int) -> None:
    """Write the same export with every nth lead only."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = pq.read_table(source / "leads.parquet", columns=["lead_id"])["lead_id"]
    kept = ids.take(np.arange(0, len(ids), nth)).combine_chunks()
    for name in FILES:
        with pq.ParquetFile(source / f"{name}.parquet") as file:
            parts = [
                batch.filter(pc.is_in(batch["lead_id"], value_set=kept))
                for batch in file.iter_batches(_CHUNK)
            ]
        pq.write_table(pa.Table.from_batches(parts), folder / f"{name}.parquet")


def benchmark_spec() -> Spec:
    """Features that every compared engine can say: 66 of them, over four windows."""
    anything, inbound = Selection(), Selection(direction=("inbound",))
    windows = (7, 30, 90, None)
    directions = [Selection(direction=(word,)) for word in DIRECTIONS]
    channels = [Selection(channel=(word,)) for word in CHANNELS]
    kinds = [Selection(kind=(word,)) for word in KINDS[:6]]
    found: list[Feature] = [LeadAge()]
    found += [Count(one, days) for one in (anything, *channels, *directions) for days in windows]
    found += [Count(one, days) for one in kinds for days in (30, None)]
    found += [Total(anything, MEASURE, days) for days in (30, 90, None)]
    found += [Mean(anything, MEASURE, days) for days in (30, 90, None)]
    found += [Total(inbound, MEASURE, days) for days in (30, None)]
    found += [DaysSinceLatest(one) for one in (anything, *directions, *channels[:3])]
    found += [DaysSinceFirst(anything), DaysSinceFirst(inbound)]
    found += [Share(inbound, anything, 30), Share(inbound, anything, None)]
    found += [Share(channels[0], anything, 90)]
    found += [Trend(anything, 7, 30), Trend(inbound, 7, 30)]
    return Spec(tuple(found), {}, (MEASURE,))


def single_lead(events: int, instants: int) -> tuple[int, list[dict[str, Any]], Int64]:
    """One lead as it travels in a request: when it was created, its interactions, instants."""
    random = np.random.default_rng(events)
    created_at = np.array([_START])
    rows = _interactions(random, created_at, events).to_pylist()
    for row in rows:
        for name in ("occurred_at", "recorded_at"):
            row[name] = round(row[name].timestamp() * 1e6)
    as_of = _START + _ACTIVE_FOR + DAY * np.arange(instants, dtype=np.int64)
    return _START, rows, as_of


def _interactions(random: np.random.Generator, created_at: Int64, rows: int) -> pa.Table:
    leads = len(created_at)
    lead = (leads * random.random(rows) ** 1.7).astype(np.int64)
    lead = (lead * 7919) % leads  # busy leads stand anywhere in the file
    occurred_at = created_at[lead] + random.integers(0, _ACTIVE_FOR, rows)
    chance = random.random(rows)
    moved = np.where(chance < 0.03, random.integers(1, 30 * DAY, rows), 0)
    moved = np.where(chance > 0.99, -random.integers(1, 5 * DAY, rows), moved)
    seconds = np.floor(random.exponential(200.0, rows))
    return pa.table(
        [
            _lead_ids(lead),
            _instants(occurred_at),
            _instants(occurred_at + moved),
            _words(random, CHANNELS, rows, 0.0),
            _words(random, KINDS, rows, 0.0),
            _words(random, DIRECTIONS, rows, 0.1),
            _words(random, OUTCOMES, rows, 0.3),
            _words(random, tuple(f"agent {i}" for i in range(40)), rows, 0.2),
            pa.array(seconds, mask=random.random(rows) < 0.4),
        ],
        schema=interactions_schema((MEASURE,)),
    )


def _words(
    random: np.random.Generator, values: tuple[str, ...], rows: int, missing: float
) -> pa.DictionaryArray:
    codes = random.integers(0, len(values), rows, np.int32)
    indices = pa.array(codes, mask=random.random(rows) < missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values)).cast(WORD)


def _lead_ids(index: Int64) -> pa.Array:
    return pa.array(np.char.add("lead-", np.char.zfill(index.astype("U7"), 7)), pa.string())


def _instants(microseconds: Int64) -> pa.Array:
    return pa.array(microseconds, pa.int64()).cast(INSTANT)


def _chunks(rows: int) -> Iterator[int]:
    for begin in range(0, rows, _CHUNK):
        yield min(_CHUNK, rows - begin)
