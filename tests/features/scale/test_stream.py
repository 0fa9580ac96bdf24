"""Parquet to Parquet: the same bits as in memory, whatever the order, the cut or the accident."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import features.scale.partition
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    KnownAttributes,
    LeadAge,
    Mean,
    Selection,
    Share,
    Total,
    Trend,
)
from features.language.spec import Spec
from features.scale.batch import point_in_time_features
from features.scale.stream import read_features, write_features
from features.spine import Spine
from features.tables import INSTANT, Kind, Tables
from tests.support.tables import tables_of

KINDS: dict[str, Kind] = {
    "country": "category",
    "size": "number",
    "need": "category",
    "budget": "number",
    "meeting_at": "timestamp",
}
CALL, INBOUND = Selection(kind=("call",)), Selection(direction=("inbound",))
SPEC = Spec(
    (
        LeadAge(),
        AttributeCategory("country", ("it", "pt")),
        AttributeNumber("size"),
        AttributeCategory("need", ("cost",)),
        AttributeNumber("budget"),
        DaysSinceAttribute("meeting_at"),
        KnownAttributes(("country", "need", "budget")),
        Count(CALL, 7),
        Count(Selection(), None),
        Total(CALL, "value", 30),
        Mean(Selection(), "value", None),
        Share(CALL, INBOUND, None),
        Trend(Selection(), 7, 30),
        DaysSinceLatest(CALL),
        DaysSinceFirst(INBOUND),
    ),
    KINDS,
    ("value",),
)
DAYS = (15, 30, 50)
ROOT = Path(__file__).parents[3]


def crm(leads: int = 60, seed: int = 4) -> Tables:
    random = np.random.default_rng(seed)
    ids = [f"lead {i:03d}" for i in random.permutation(leads)]
    contacts = random.choice(ids, 12 * leads).tolist()
    return tables_of(
        [
            {
                "lead_id": name,
                "created_at": float(random.integers(0, 10)),
                "country": str(random.choice(["it", "pt", "ro"])) if i % 5 else None,
                "size": float(i) if i % 3 else None,
            }
            for i, name in enumerate(ids)
        ],
        [
            {
                "lead_id": name,
                "occurred_at": (day := float(random.integers(0, 60))),
                "recorded_at": day + float(random.choice([0, 0, 0, 5, -3])),
                "kind": [None, "call", "visit"][random.integers(3)],
                "direction": ["inbound", "outbound"][random.integers(2)],
                "value": float(random.integers(0, 100)) / 7 if random.random() < 0.7 else None,
            }
            for name in contacts
        ],
        [
            {"lead_id": name, "recorded_at": day, "name": attribute, "text": text, "number": number}
            for name in random.permutation(ids)[: leads // 2].tolist()
            for day, attribute, text, number in (
                (20.0, "need", "cost", None),
                (20.0, "need", "speed", None),  # of two versions of one moment the later row holds
                (float(random.integers(0, 60)), "budget", None, float(random.random())),
                (10.0, "meeting_at", None, float(40 * DAY)),
            )
        ],
        kinds=KINDS,
        fixed=("country", "size"),
        measures=("value",),
    )


def by_lead(table: pa.Table, *keys: str) -> pa.Table:
    return table.sort_by([(key, "ascending") for key in ("lead_id", *keys)])


def spine_table(tables: Tables) -> pa.Table:
    """Every lead at every day, in random order."""
    ids = tables.leads["lead_id"].to_pylist()
    rows = [(name, day * DAY) for name in ids for day in DAYS]
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    as_of = pa.array([row[1] for row in rows]).cast(INSTANT)
    return pa.table({"lead_id": pa.array([row[0] for row in rows]), "as_of": as_of})


def written(
    folder: Path, tables: Tables, *, sort: bool = False, rows: int = 100, **changed: pa.Table
) -> dict[str, Path]:
    """The tables and a spine as Parquet files: the first arguments of `write_features`."""
    found = {
        "leads": tables.leads,
        "interactions": tables.interactions,
        "attribute_log": tables.attribute_log,
        "spine": spine_table(tables),
        **changed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in found.items():
        ordered = by_lead(table) if sort else table
        pq.write_table(ordered, folder / f"{name}.parquet", row_group_size=rows)
    return {name: folder / f"{name}.parquet" for name in found}


def in_memory(tables: Tables, spec: Spec = SPEC) -> dict[tuple[str, int], bytes]:
    """Bits of every row by lead and instant, as `point_in_time_features` gives them."""
    ids = tables.leads["lead_id"].to_pylist()
    lead = np.repeat(np.arange(len(ids)), len(DAYS))
    as_of = np.tile(np.array(DAYS) * DAY, len(ids))
    matrix = point_in_time_features(tables, Spine(lead, as_of), spec)
    keys = [(ids[i], int(t)) for i, t in zip(lead, as_of, strict=True)]
    return dict(zip(keys, [row.tobytes() for row in matrix], strict=True))


def on_disk(folder: Path) -> dict[tuple[str, int], bytes]:
    """The same of a folder that `write_features` wrote."""
    table = read_features(folder).to_table()
    matrix = np.column_stack([column.to_numpy() for column in table.columns[2:]])
    keys = zip(table["lead_id"].to_pylist(), table["as_of"].cast(pa.int64()).to_pylist())  # noqa: B905
    found = dict(zip(keys, [row.tobytes() for row in np.ascontiguousarray(matrix)], strict=True))
    assert len(found) == table.num_rows
    return found


PROGRAM = """
import json, resource, signal, sys
from pathlib import Path
from features.language.spec import spec_from_json
from features.scale.stream import write_features

arguments = json.loads(sys.argv[1])
if arguments["room"]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (arguments["room"], arguments["room"]))
try:
    write_features(
        **{name: Path(path) for name, path in arguments["files"].items()},
        spec=spec_from_json(arguments["spec"]),
        partitions=arguments["partitions"],
    )
except OSError as error:
    sys.exit(f"stopped: {error}")
"""


def command(
    files: dict[str, Path], out: Path, *, partitions: int, room: int | None = None
) -> list[str]:
    """`write_features` as a process of its own, with room for so many bytes in a file."""
    paths = {name: str(path) for name, path in {**files, "output": out}.items()}
    arguments = {
        "files": paths,
        "spec": SPEC.to_json(),
        "partitions": partitions,
        "room": room,
    }
    return [sys.executable, "-c", PROGRAM, json.dumps(arguments)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("partitions", [1, 7, 40])
def test_partitions_have_the_bits_of_the_whole(tmp_path: Path, partitions: int) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables)
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=partitions)
    assert on_disk(tmp_path / "out") == in_memory(tables)
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) == partitions


@pytest.mark.parametrize("rows", [7, 100])
def test_files_in_order_of_lead_are_walked_over_as_they_lie(tmp_path: Path, rows: int) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables, sort=True, rows=rows)
    told: list[str] = []
    write_features(
        **files,
        spec=SPEC,
        output=tmp_path / "out",
        partitions=5,
        report_progress=lambda step, done, total: told.append(step),
    )
    assert on_disk(tmp_path / "out") == in_memory(tables)
    assert set(told) == {"features"}
    assert len(told) > 2


def test_one_file_out_of_order_has_all_grouped(tmp_path: Path) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables, interactions=by_lead(tables.interactions), rows=50)
    told: list[tuple[str, int, int]] = []
    write_features(
        **files,
        spec=SPEC,
        output=tmp_path / "out",
        partitions=5,
        report_progress=lambda step, done, total: told.append((step, done, total)),
    )
    assert on_disk(tmp_path / "out") == in_memory(tables)
    rows = sum(pq.read_metadata(path).num_rows for path in files.values())
    assert [line for line in told if line[0] != "features"][-1] == ("grouping by lead", rows, rows)
    assert told[-1] == ("features", 180, 180)


def test_a_lead_with_most_of_the_interactions_is_one_of_many(tmp_path: Path) -> None:
    tables = crm()
    busy = tables.leads["lead_id"][17].as_py()
    ids = pa.array(
        [
            busy if i % 10 else name
            for i, name in enumerate(tables.interactions["lead_id"].to_pylist())
        ]
    )
    skewed = Tables(
        tables.leads,
        tables.interactions.set_column(0, pa.field("lead_id", pa.string(), nullable=False), ids),
        tables.attribute_log,
        tables.attribute_kinds,
        tables.measures,
        tables.data_end,
        tables.rejects,
        {},
    )
    for sort in (False, True):
        files = written(tmp_path / f"in {sort}", skewed, sort=sort, rows=30)
        write_features(**files, spec=SPEC, output=tmp_path / f"out {sort}", partitions=6)
        assert on_disk(tmp_path / f"out {sort}") == in_memory(skewed)


def test_files_of_another_writer_are_read_too(tmp_path: Path) -> None:
    """DuckDB writes words as plain strings and knows nothing of Arrow's types."""
    tables = crm()
    files = written(tmp_path / "in", tables)
    for path in files.values():
        with duckdb.connect() as connection:
            table = f"read_parquet('{path}')"
            connection.execute(f"COPY (FROM {table}) TO '{path}.again' (FORMAT parquet)")
        Path(f"{path}.again").replace(path)
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=3)
    assert on_disk(tmp_path / "out") == in_memory(tables)


def test_an_export_of_leads_alone_has_features(tmp_path: Path) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables)
    files |= {"interactions": None, "attribute_log": None}  # type: ignore[dict-item]
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=2)
    bare = tables_of(
        tables.leads.to_pylist()[:0], kinds=KINDS, fixed=("country", "size"), measures=("value",)
    )
    alone = Tables(
        tables.leads, bare.interactions, bare.attribute_log, KINDS, ("value",), 0, bare.rejects, {}
    )
    assert on_disk(tmp_path / "out") == in_memory(alone)


def test_an_empty_spine_has_no_rows(tmp_path: Path) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables, spine=spine_table(tables)[:0])
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=2)
    assert read_features(tmp_path / "out").to_table().num_rows == 0


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    files = written(tmp_path / "in", crm())
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=3)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=3)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == before


def stop_after(rows: int) -> Any:
    def progress(step: str, done: int, total: int) -> None:
        if step == "features" and done >= rows:
            raise InterruptedError

    return progress


@pytest.mark.parametrize("sort", [False, True])
def test_an_interrupted_run_keeps_what_is_finished(tmp_path: Path, sort: bool) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables, sort=sort, rows=50)
    out = tmp_path / "out"
    with pytest.raises(InterruptedError):
        write_features(**files, spec=SPEC, output=out, partitions=5, report_progress=stop_after(60))
    finished = {p.name: p.stat().st_mtime_ns for p in out.glob("part-*.parquet")}
    assert finished
    with pytest.raises(ValueError, match=r"features\.json is missing\. Run the command"):
        read_features(out)
    write_features(**files, spec=SPEC, output=out, partitions=5)
    assert on_disk(out) == in_memory(tables)
    assert finished.items() <= {p.name: p.stat().st_mtime_ns for p in out.iterdir()}.items()
    assert {name for name in names(out) if not name.startswith("part-")} == {
        "manifest.json",
        "features.json",
    }


@pytest.mark.parametrize("change", ["spec", "file", "partitions"])
def test_another_run_begins_anew(tmp_path: Path, change: str) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables)
    out = tmp_path / "out"
    write_features(**files, spec=SPEC, output=out, partitions=5)
    spec, partitions = SPEC, 5
    if change == "spec":
        spec = Spec(SPEC.features[:4], KINDS, ("value",))
    elif change == "partitions":
        partitions = 3
    else:
        tables = crm(seed=5)
        files = written(tmp_path / "in", tables)
    with pytest.raises(InterruptedError):
        write_features(
            **files, spec=spec, output=out, partitions=partitions, report_progress=stop_after(1)
        )
    assert len(list(out.glob("part-*.parquet"))) == 1
    write_features(**files, spec=spec, output=out, partitions=partitions)
    assert on_disk(out) == in_memory(tables, spec)
    assert len(list(out.glob("part-*.parquet"))) == partitions


@pytest.mark.process
def test_a_run_killed_half_way_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """The process is killed by the operating system, in the middle of whatever it does."""
    tables = crm(leads=400)
    files = written(tmp_path / "in", tables)
    out = tmp_path / "out"
    process = subprocess.Popen(command(files, out, partitions=30), cwd=ROOT)
    while not list(out.glob("part-*.parquet")) and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kept = {p.name: p.stat().st_mtime_ns for p in out.glob("part-*.parquet")}
    assert 1 <= len(kept) < 30
    write_features(**files, spec=SPEC, output=out, partitions=30)
    assert on_disk(out) == in_memory(tables)
    assert kept.items() <= {p.name: p.stat().st_mtime_ns for p in out.iterdir()}.items()


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files the POSIX way")
@pytest.mark.parametrize("room", [2_000, 30_000])
@pytest.mark.process
def test_a_full_disk_leaves_nothing_that_is_taken_for_whole(tmp_path: Path, room: int) -> None:
    """A limit on the size of files makes writing fail just as a full disk does."""
    tables = crm(leads=400)
    files = written(tmp_path / "in", tables)
    out = tmp_path / "out"
    run = subprocess.run(
        command(files, out, partitions=2, room=room),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "stopped: " in run.stderr
    assert not list(out.glob("part-*"))
    with pytest.raises(ValueError, match=r"features\.json is missing"):
        read_features(out)
    write_features(**files, spec=SPEC, output=out, partitions=2)
    assert on_disk(out) == in_memory(tables)


def test_a_part_that_vanished_is_noticed(tmp_path: Path) -> None:
    files = written(tmp_path / "in", crm())
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=2)
    (tmp_path / "out" / "part-00001.parquet").unlink()
    with pytest.raises(ValueError, match=r"part-00001\.parquet is missing"):
        read_features(tmp_path / "out")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_features(tmp_path / "nowhere")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    files = written(tmp_path / "in", crm())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.parquet").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        write_features(**files, spec=SPEC, output=tmp_path / "out")
    assert names(tmp_path / "out") == {"part-00000.parquet"}


def test_a_run_killed_before_its_first_file_resumes(tmp_path: Path) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json.partial").write_text('{"form')
    write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=2)
    assert on_disk(tmp_path / "out") == in_memory(tables)


@pytest.mark.parametrize("name", ["interactions", "attribute_log", "spine"])
@pytest.mark.parametrize("sort", [False, True])
def test_a_row_of_an_unknown_lead_is_refused(tmp_path: Path, name: str, sort: bool) -> None:
    tables = crm()
    table = spine_table(tables) if name == "spine" else getattr(tables, name)
    ids = pa.array(
        [f"{row} gone" if i == 5 else row for i, row in enumerate(table["lead_id"].to_pylist())]
    )
    files = written(
        tmp_path / "in", tables, sort=sort, **{name: table.set_column(0, "lead_id", ids)}
    )
    with pytest.raises(ValueError, match=rf"{name}\.parquet: lead_id '.* gone' is not among"):
        write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=3)
    with pytest.raises(ValueError, match="is missing"):
        read_features(tmp_path / "out")


def test_a_lead_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    tables = crm()
    doubled = pa.concat_tables([tables.leads, tables.leads[:1]])
    files = written(tmp_path / "in", tables, leads=doubled)
    with pytest.raises(ValueError, match=r"leads\.parquet: lead_id 'lead .*' is listed more"):
        write_features(**files, spec=SPEC, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("as_of", pa.array([0] * 180).cast(pa.timestamp("us")), r"'as_of' must be timestamp"),
        ("as_of", pa.nulls(180, INSTANT), "'as_of' must not be null"),
        ("lead_id", pa.array([7] * 180), "'lead_id' must be string, got int64"),
    ],
)
def test_a_column_of_another_kind_is_refused(
    tmp_path: Path, column: str, values: pa.Array, message: str
) -> None:
    tables = crm()
    spine = spine_table(tables)
    place = spine.column_names.index(column)
    files = written(tmp_path / "in", tables, spine=spine.set_column(place, column, values))
    with pytest.raises(ValueError, match=rf"spine\.parquet: column {message}"):
        write_features(**files, spec=SPEC, output=tmp_path / "out")


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    tables = crm()
    files = written(tmp_path / "in", tables, interactions=tables.interactions.drop(["value"]))
    with pytest.raises(ValueError, match=r"interactions\.parquet: columns \['value'\] are missing"):
        write_features(**files, spec=SPEC, output=tmp_path / "out")


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    files = written(tmp_path / "in", crm())
    files["interactions"].write_text("lead_id,occurred_at")
    with pytest.raises(ValueError, match=r"interactions\.parquet is not a whole Parquet file"):
        write_features(**files, spec=SPEC, output=tmp_path / "out")


@pytest.mark.parametrize("partitions", [0, 1001])
def test_partitions_must_be_as_many_as_can_be_open(tmp_path: Path, partitions: int) -> None:
    files = written(tmp_path / "in", crm())
    with pytest.raises(ValueError, match=f"must lie between 1 and 1000, got {partitions}"):
        write_features(**files, spec=SPEC, output=tmp_path / "out", partitions=partitions)


def test_the_number_of_partitions_follows_from_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = crm()
    monkeypatch.setattr(features.scale.partition, "PARTITION_ROWS", 200)
    files = written(tmp_path / "in", tables)
    write_features(**files, spec=SPEC, output=tmp_path / "out")
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) == 6  # 1,080 rows
