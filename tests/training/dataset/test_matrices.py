"""What is computed once for several specs is what each would give alone."""

from dataclasses import replace

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.sources import read_export
from features.scale.batch import point_in_time_features
from features.scale.catalogue import standard_spec
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import SnapshotSettings, read_config
from training.dataset.matrices import matrices_of
from training.dataset.snapshots import snapshots


def test_each_spec_has_the_matrix_it_would_have_alone(tmp_path) -> None:
    write_export(made_up_crm(600, seed=4), tmp_path, "parquet")
    tables = read_export(read_config(tmp_path / "lead_temperature.toml").export)
    spine = snapshots(tables, SnapshotSettings(every_days=60))
    specs = [standard_spec(tables, tables.data_end - days * DAY) for days in (600, 300, 0)]
    specs.append(standard_spec(tables, tables.data_end, owner="owner"))
    assert len({len(spec.features) for spec in specs}) > 1, "the vocabulary must have grown"
    for spec, matrix in zip(specs, matrices_of(tables, spine, specs), strict=True):
        alone = point_in_time_features(tables, spine, spec)
        np.testing.assert_array_equal(matrix, alone)


def test_specs_that_ignore_other_interactions_share_nothing(tmp_path) -> None:
    write_export(made_up_crm(300, seed=4), tmp_path, "parquet")
    tables = read_export(read_config(tmp_path / "lead_temperature.toml").export)
    spine = snapshots(tables, SnapshotSettings(every_days=60))
    spec = standard_spec(tables, tables.data_end)
    deaf = replace(spec, ignored={"kind": ("visit",)})
    heard, unheard = matrices_of(tables, spine, [spec, deaf])
    column = spec.names.index("count[any]")
    assert unheard[:, column].sum() < heard[:, column].sum()
    np.testing.assert_array_equal(unheard, point_in_time_features(tables, spine, deaf))
    assert unheard[:, spec.names.index("count[kind=visit]")].sum() == pytest.approx(0)
