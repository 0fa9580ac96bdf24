"""Tables of scores: their columns, their files, and what a reader must know about them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.scale.batch import point_in_time_features
from features.spine import Spine
from features.tables import INSTANT
from models.bands import Promise
from models.bundle import REPORT, Bundle, save_bundle
from models.card import CardDocument
from models.policy import LimitedRate
from serving.bulk.scores import (
    band_counts_text,
    rank_scores,
    require_scores_suffix,
    score_blocks,
    score_columns,
    score_spine,
    spark_score_columns,
    write_blocks,
    write_scores,
)
from tests.support.bundles import SPEC, small_bundle
from tests.support.tables import tables_of

TABLES = tables_of(
    [{"lead_id": name, "created_at": 1} for name in ("1", "=2", "3")],
    kinds=dict(SPEC.attribute_kinds),
    measures=SPEC.measures,
)
SPINE = Spine(np.array([2, 0, 1]), np.array([9, 5, 7]) * DAY)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return small_bundle()


@pytest.fixture
def table(bundle: Bundle) -> pa.Table:
    return score_spine(bundle, TABLES, SPINE)


def test_rows_stand_in_the_order_of_the_spine(table: pa.Table) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert table["lead_id"].to_pylist() == ["3", "1", "=2"]
    assert table["as_of"].to_pylist() == [epoch + timedelta(days=days) for days in (9, 5, 7)]


def test_columns_are_the_scores_of_the_bundle_to_the_bit(bundle: Bundle, table: pa.Table) -> None:
    scores = bundle.scores(point_in_time_features(TABLES, SPINE, bundle.spec))
    assert table.column_names == [
        *("lead_id", "as_of", "hot_probability", "hot_low", "hot_high", "warm_probability"),
        *("warm_low", "warm_high", "not_enough_evidence", "band", "may_be_left"),
        "model_version",
    ]
    for name in table.column_names[2:-3]:
        assert table[name].to_numpy().tobytes() == getattr(scores, name).tobytes(), name
    assert table["band"].to_pylist() == scores.band.tolist()
    assert set(table["model_version"].to_pylist()) == {bundle.version}


def test_who_may_be_left_is_a_column(bundle: Bundle) -> None:
    cold = Promise(LimitedRate(0.999), 0.1, 900, 400, 9, 0.01, 0.02, "measured")
    bands = replace(bundle.bands, hot=1.0, warm=None, promises={"cold": cold})
    promising = replace(bundle, bands=bands)
    assert score_spine(promising, TABLES, SPINE)["may_be_left"].to_pylist() == [True] * 3
    broken = {"bands": {"cold": {"promise": {"finding": "broken"}}}}
    card = CardDocument.of({**bundle.card.values, **broken})
    contradicted = replace(promising, card=card)
    assert score_spine(contradicted, TABLES, SPINE)["may_be_left"].to_pylist() == [False] * 3


def test_an_order_ranks_the_leads_of_each_instant_whatever_the_bands() -> None:
    random = np.random.default_rng(3)
    rows = [
        {
            "lead_id": f"L{number}",
            "as_of": int(random.integers(0, 3)),
            "hot_probability": float(random.integers(0, 3)) / 10,
            "warm_probability": float(random.integers(0, 3)) / 10,
            "band": "cold",
        }
        for number in range(60)
    ]
    table = pa.Table.from_pylist(rows).set_column(
        1, "as_of", pa.array([row["as_of"] for row in rows], pa.int64()).cast(INSTANT)
    )
    for horizon, other in (("hot", "warm"), ("warm", "hot")):
        expected = sorted(
            rows,
            key=lambda row: (
                row["as_of"],
                -row[f"{horizon}_probability"],
                -row[f"{other}_probability"],
                row["lead_id"],
            ),
        )
        ordered = rank_scores(table, horizon)
        assert ordered.column_names == ["rank", *table.column_names]
        assert ordered["lead_id"].to_pylist() == [row["lead_id"] for row in expected]
        ranks = [
            1 + sum(row["as_of"] == before["as_of"] for before in expected[:place])
            for place, row in enumerate(expected)
        ]
        assert ordered["rank"].to_pylist() == ranks
    assert rank_scores(table.slice(0, 0), "hot").num_rows == 0


def test_threads_change_no_bit(bundle: Bundle, table: pa.Table) -> None:
    assert score_spine(bundle, TABLES, SPINE, threads=1) == table


def test_bands_are_counted_from_hot_to_cold() -> None:
    bands = ["cold"] * 1_200 + ["hot"] * 2
    assert band_counts_text(Counter(bands)) == "2 hot, 0 warm, 1,200 cold"
    assert band_counts_text({}) == ("0 hot, 0 warm, 0 cold")


def test_parquet_holds_the_table_as_it_is(table: pa.Table, tmp_path: Path) -> None:
    assert write_scores(table, tmp_path / "new" / "scores.parquet") == ()
    assert pq.read_table(tmp_path / "new" / "scores.parquet").equals(table)


def test_a_spreadsheet_runs_no_formula_of_a_lead(table: pa.Table, tmp_path: Path) -> None:
    (note,) = write_scores(table, tmp_path / "scores.csv")
    assert note.startswith("1 rows have a lead_id that a spreadsheet would take for a formula")
    written = pyarrow.csv.read_csv(
        tmp_path / "scores.csv",
        convert_options=pyarrow.csv.ConvertOptions(column_types={"lead_id": pa.string()}),
    )
    assert written["lead_id"].to_pylist() == ["3", "1", "'=2"]
    assert written.column_names == table.column_names
    probabilities = written["hot_probability"].to_numpy().tobytes()
    assert probabilities == table["hot_probability"].to_numpy().tobytes()


def test_without_such_leads_nothing_need_be_said(table: pa.Table, tmp_path: Path) -> None:
    assert write_scores(table.slice(0, 2), tmp_path / "scores.csv") == ()


@pytest.mark.parametrize("name", ["scores.txt", "scores", "scores.parquet.gz", "scores.CSV"])
def test_a_name_that_is_no_format_is_refused_before_anything_is_written(
    table: pa.Table, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ValueError, match=r"must end in \.parquet or \.csv"):
        require_scores_suffix(tmp_path / name)
    with pytest.raises(ValueError, match=f"got '{name}'"):
        write_scores(table, tmp_path / "new" / name)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_earlier_file_and_no_part_of_the_new_one(
    table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.parquet"
    path.write_text("earlier")

    def breaks(part: Path, _: pa.Schema) -> None:
        part.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr("serving.bulk.scores.pq.ParquetWriter", breaks)
    with pytest.raises(OSError, match="no space"):
        write_scores(table, path)
    assert [file.name for file in tmp_path.iterdir()] == ["scores.parquet"]
    assert path.read_text() == "earlier"


def test_a_task_on_spark_scores_by_the_files_of_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    saved = save_bundle(bundle, tmp_path / "bundle", {REPORT: "a page that no task needs"})
    matrix = point_in_time_features(TABLES, SPINE, bundle.spec)
    columns = spark_score_columns(tmp_path / "bundle")
    (files,) = columns.args  # type: ignore[attr-defined]
    assert REPORT not in files
    (tmp_path / "bundle").rename(tmp_path / "gone")
    assert columns(matrix) == score_columns(saved, matrix)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_scores_are_written_block_by_block(bundle: Bundle, table, tmp_path, suffix) -> None:
    whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
    blocks = [*score_blocks(bundle, TABLES, SPINE, previous=["hot"] * 3, block_rows=2)]
    assert [block.num_rows for block in blocks] == [2, 1]
    assert pa.concat_tables(blocks) == score_spine(bundle, TABLES, SPINE, previous=["hot"] * 3)
    file = write_blocks(score_blocks(bundle, TABLES, SPINE, block_rows=2), parts)
    write_scores(table, whole)
    assert (file.rows, file.bands) == (3, Counter(table["band"].to_pylist()))
    if suffix == ".csv":
        assert parts.read_bytes() == whole.read_bytes()
    else:
        assert pq.ParquetFile(parts).num_row_groups == 2
        assert pq.read_table(parts) == table


def test_an_empty_spine_is_one_block_without_rows(bundle: Bundle, tmp_path: Path) -> None:
    nobody = Spine(SPINE.lead[:0], SPINE.as_of[:0])
    assert write_blocks(score_blocks(bundle, TABLES, nobody), tmp_path / "s.parquet").rows == 0
    assert pq.read_table(tmp_path / "s.parquet").num_rows == 0


def test_a_block_that_fails_leaves_the_file_of_before(bundle: Bundle, table, tmp_path) -> None:
    path = tmp_path / "scores.parquet"
    write_scores(table, path)

    def failing() -> Iterator[pa.Table]:
        yield table.slice(0, 1)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        write_blocks(failing(), path)
    assert pq.read_table(path) == table
    assert [file.name for file in tmp_path.iterdir()] == ["scores.parquet"]
