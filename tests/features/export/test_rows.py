"""Columns are found by their names, in whatever order they stand and are asked for."""

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.file_mapping import FileFormat
from features.export.files import file_parts
from features.export.rows import open_files
from tests.support.workbooks import write_workbook

NAMES = ("lead", "source", "source_kind", "won")


def parquet(path: Path) -> None:
    pq.write_table(pa.table({name: [f"{name} {row}" for row in (1, 2)] for name in NAMES}), path)


def csv(path: Path) -> None:
    rows = [NAMES, *([f"{name} {row}" for name in NAMES] for row in (1, 2))]
    path.write_text("".join(",".join(row) + "\n" for row in rows))


def jsonl(path: Path) -> None:
    records = [
        ", ".join(f'"{name}": "{name} {row}"' for name in (NAMES if row == 1 else NAMES[::-1]))
        for row in (1, 2)
    ]
    path.write_text("".join(f"{{{record}}}\n" for record in records))


def json(path: Path) -> None:
    jsonl(path)
    path.write_text(f"[{','.join(path.read_text().splitlines())}]")


def xlsx(path: Path) -> None:
    write_workbook(
        path, {"Leads": [NAMES, *([f"{name} {row}" for name in NAMES] for row in (1, 2))]}
    )


def pack_twice(path: Path) -> dict[str, Path]:
    """Pack a file with gzip, and in an archive."""
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, path.name)
    return {packed.name: packed, f"{archive.name}/{path.name}": archive}


def rows_of(path: Path, name: str) -> list[str]:
    source = open_files(file_parts([name], path.parent, "files"), FileFormat())
    return [text for batch in source.batches(NAMES) for text in batch["t1"].to_pylist()]


EVERY_KIND = pytest.mark.parametrize("write", [parquet, csv, json, jsonl, xlsx])


@EVERY_KIND
def test_a_packed_file_reads_like_a_plain_one(tmp_path, write) -> None:
    path = tmp_path / f"leads.{write.__name__}"
    write(path)
    for name in (path.name, *pack_twice(path)):
        assert rows_of(path, name) == ["source 1", "source 2"], name


@EVERY_KIND
@pytest.mark.parametrize("cut_off", [False, True])
def test_a_packed_file_that_is_damaged_is_named(tmp_path, write, cut_off) -> None:
    path = tmp_path / f"leads.{write.__name__}"
    write(path)
    for name, packed in pack_twice(path).items():
        data = packed.read_bytes()
        # Behind the head of 60 bytes at most come the packed bytes, then the checksum and the end.
        broken = data[:-9] if cut_off else data[:60] + bytes(9) + data[69:]
        packed.write_bytes(broken)
        with pytest.raises(ValueError, match=rf"{name.split('/')[0]}.*(damaged|cannot be read)"):
            rows_of(path, name)


def test_a_parquet_file_of_which_a_page_is_damaged_is_named(tmp_path) -> None:
    path = tmp_path / "leads.parquet"
    table = pa.table({name: [f"{name} {i % 100}" for i in range(1000)] for name in NAMES})
    pq.write_table(table, path, compression="gzip", use_dictionary=False)
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(9) + data[109:])
    source = open_files(file_parts([path.name], path.parent, "files"), FileFormat())
    with pytest.raises(ValueError, match=r"leads\.parquet cannot be read"):
        list(source.batches(NAMES))


@pytest.mark.parametrize("write", [parquet, csv, jsonl])
@given(wanted=st.permutations(NAMES).flatmap(lambda names: st.just(names[:3])))
def test_columns_come_in_the_order_that_is_asked_for(tmp_path_factory, write, wanted) -> None:
    path = tmp_path_factory.mktemp("export") / f"leads.{write.__name__}"
    write(path)
    source = open_files(file_parts([path.name], path.parent, "files"), FileFormat())
    table = pa.Table.from_batches(source.batches(wanted))
    for place, name in enumerate(wanted):
        assert table[f"t{place}"].to_pylist() == [f"{name} 1", f"{name} 2"]


def test_of_parquet_columns_of_one_name_each_read_is_the_first(tmp_path) -> None:
    columns = [pa.array([letter]) for letter in "abc"]
    pq.write_table(pa.Table.from_arrays(columns, names=["x", "y", "x"]), tmp_path / "a.parquet")
    source = open_files(file_parts(["a.parquet"], tmp_path, "files"), FileFormat())
    (batch,) = source.batches(["y", "x"])
    assert [batch.column("t0")[0].as_py(), batch.column("t1")[0].as_py()] == ["b", "a"]
