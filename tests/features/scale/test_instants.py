from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.scale.instants import instants_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MICROSECONDS = round(NOON.timestamp()) * 1_000_000


def csv(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_keeps_ids_as_text_and_reads_instants_in_any_zone(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "as_of,lead_id,band,other\n"
        "2026-01-01T12:00:00+00:00,007,hot,1\n"
        "2026-01-01T14:00:00+02:00,8,,2\n",
    )
    found = instants_of(path, "band")
    assert found.lead_id.to_pylist() == ["007", "8"]
    assert found.as_of.tolist() == [MICROSECONDS, MICROSECONDS]
    assert list(found.texts) == ["band"]
    assert found.texts["band"].to_pylist() == ["hot", ""]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_of_any_unit_gives_microseconds(tmp_path: Path, unit: str) -> None:
    as_of = pa.array([NOON], pa.timestamp(unit, "Europe/Lisbon"))
    pq.write_table(pa.table({"lead_id": ["a"], "as_of": as_of}), tmp_path / "rows.parquet")
    assert instants_of(tmp_path / "rows.parquet").as_of.tolist() == [MICROSECONDS]


def test_numbers_as_ids_become_text(tmp_path: Path) -> None:
    rows = pa.table({"lead_id": [7], "as_of": pa.array([NOON], pa.timestamp("us", "UTC"))})
    pq.write_table(rows, tmp_path / "rows.parquet")
    assert instants_of(tmp_path / "rows.parquet").lead_id.to_pylist() == ["7"]


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("lead_id\na\n", "column 'as_of' must be there once, is there 0 times"),
        ("as_of,lead_id,lead_id\n2026-01-01T12:00:00Z,a,b\n", "'lead_id' must be there once"),
        ("lead_id,as_of\na,2026-01-01T12:00:00\n", "must be a time with a zone"),
        ("lead_id,as_of\na,soon\n", "must be a time with a zone"),
        ("lead_id,as_of\na,2026-01-01T12:00:00Z\nb,\n", "with 1 missing"),
        ("", r"cannot be read as \.csv"),
    ],
)
def test_a_file_that_names_no_instants_is_refused(tmp_path: Path, text: str, law: str) -> None:
    with pytest.raises(ValueError, match=law):
        instants_of(csv(tmp_path, text))


def test_a_further_column_must_be_there(tmp_path: Path) -> None:
    path = csv(tmp_path, "lead_id,as_of\na,2026-01-01T12:00:00Z\n")
    with pytest.raises(ValueError, match="column 'band' must be there once"):
        instants_of(path, "band")


def test_a_file_that_is_not_there_or_no_parquet_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        instants_of(tmp_path / "rows.csv")
    (tmp_path / "rows.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cannot be read as \.parquet"):
        instants_of(tmp_path / "rows.parquet")
