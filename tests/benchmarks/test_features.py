"""The engines that the benchmark compares compute the same features, however files are ordered."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.feature_data import benchmark_spec, sorted_copy, write_export
from benchmarks.feature_engines import ENGINES, engine, ours, write_answer

ROOT = Path(__file__).parents[2]
PEERS = sorted(ENGINES.keys() - {"ours", "bare DuckDB"})


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_export(folder / "unsorted", leads=60, interactions=1_500)
    sorted_copy(folder / "unsorted", folder / "sorted")
    return folder


@pytest.mark.parametrize("order", ["unsorted", "sorted"])
@pytest.mark.parametrize("peer", PEERS)
def test_an_engine_agrees_with_ours(exports: Path, peer: str, order: str) -> None:
    spec = benchmark_spec()
    folder = exports / order
    write_answer(engine(peer)(folder, spec), spec, folder / "theirs.npz", nth=1)
    write_answer(ours(folder, spec), spec, folder / "ours.npz", nth=1)
    theirs, mine = np.load(folder / "theirs.npz"), np.load(folder / "ours.npz")
    np.testing.assert_array_equal(theirs["keys"], mine["keys"])
    whole = mine["whole"]
    np.testing.assert_array_equal(theirs["values"][:, whole], mine["values"][:, whole])
    np.testing.assert_allclose(theirs["values"], mine["values"], rtol=1e-9)
    assert len(mine["keys"]) == 480


def test_the_export_tries_every_feature(exports: Path) -> None:
    """A column that is the same everywhere would let a wrong engine pass."""
    values = ours(exports / "unsorted", benchmark_spec()).values
    assert values.shape == (480, 66)
    assert (np.nanstd(values, axis=0) > 0).all()


def test_the_export_is_the_same_every_time(exports: Path, tmp_path: Path) -> None:
    write_export(tmp_path, leads=60, interactions=1_500)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (exports / "unsorted" / path.name).read_bytes()


@pytest.mark.slow
def test_the_small_benchmark_finds_all_engines_equal(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.features", "--small", "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "differs" not in run.stdout
    assert run.stdout.count("rows") >= len(PEERS)
