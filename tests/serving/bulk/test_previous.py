"""Bulk scores follow the bands of an earlier run, and nothing later than the row itself."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import Spine
from models.bands import Bands
from serving.bulk.previous import previous_bands
from serving.bulk.scores import score_spine, write_scores
from tests.support.bundles import SPEC, small_bundle
from tests.support.tables import tables_of

START = datetime(1970, 1, 1, tzinfo=UTC)
TABLES = tables_of(
    [{"lead_id": name, "created_at": 1} for name in ("1", "=2", "3")],
    kinds=dict(SPEC.attribute_kinds),
    measures=SPEC.measures,
)


def earlier(*rows: tuple[str, int, str]) -> pa.Table:
    lead_id, day, band = zip(*rows, strict=True)
    as_of = pa.array([START + timedelta(days=one) for one in day], pa.timestamp("us", "UTC"))
    return pa.table({"lead_id": list(lead_id), "as_of": as_of, "band": list(band)})


def written(folder: Path, table: pa.Table, name: str = "before.parquet") -> Path:
    write_scores(table, folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["before.parquet", "before.csv"])
def test_each_row_has_the_latest_band_before_it(tmp_path: Path, name: str) -> None:
    rows = ("1", 5, "hot"), ("1", 3, "warm"), ("=2", 4, "cold"), ("gone", 4, "hot")
    path = written(tmp_path, earlier(*rows), name)
    spine = Spine(np.array([0, 0, 0, 1, 2]), np.array([3, 5, 9, 9, 9]) * DAY)
    assert previous_bands(path, TABLES, spine) == [None, "warm", "hot", "cold", None]


def test_a_lead_near_a_cutoff_stays_in_its_band(tmp_path: Path) -> None:
    bundle = small_bundle()
    spine = Spine(np.array([0, 2]), np.array([9, 9]) * DAY)
    probability = score_spine(bundle, TABLES, spine)["hot_probability"].to_numpy()[0]
    bands = Bands(hot=min(1.0, probability * 1.02), warm=None, hysteresis=0.5)
    bundle = dataclasses.replace(bundle, bands=bands)
    before = previous_bands(written(tmp_path, earlier(("1", 4, "hot"))), TABLES, spine)
    assert score_spine(bundle, TABLES, spine)["band"].to_pylist() == ["cold", "cold"]
    found = score_spine(bundle, TABLES, spine, previous=before)
    assert found["band"].to_pylist() == ["hot", "cold"]
    assert found.drop_columns(["band"]) == score_spine(bundle, TABLES, spine).drop_columns(["band"])


def test_what_is_no_band_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, earlier(("1", 4, "hot"), ("3", 4, "tepid")))
    with pytest.raises(ValueError, match=r"row 2 has the band 'tepid', a band is one of"):
        previous_bands(path, TABLES, Spine(np.array([0]), np.array([DAY])))
    bare = tmp_path / "bare.parquet"
    pq.write_table(earlier(("1", 4, "hot")).drop_columns(["band"]), bare)
    with pytest.raises(ValueError, match=r"column 'band' must be there once"):
        previous_bands(bare, TABLES, Spine(np.array([0]), np.array([DAY])))
