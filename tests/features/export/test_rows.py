"""Columns are found by their names, in whatever order they stand and are asked for."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.files import file_parts
from features.export.mapping import FileFormat
from features.export.rows import open_files

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
