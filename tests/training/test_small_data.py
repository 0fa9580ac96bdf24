"""Few conversions never give a confident model: it is refused, or it says that it does not know."""

from pathlib import Path

import numpy as np
import pytest

from features.export.sources import read_export
from features.spine import Spine
from features.synthetic import synthetic_crm, write_export
from models.calibration import sigmoid
from models.horizon import Estimate
from training.card.values import read_card
from training.config import ModelSettings, read_config
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.fitting.booster import fit_booster
from training.fitting.horizon import fit_horizon
from training.pipeline import trained_bundle


def estimated(leads: int, base_log_odds: float) -> tuple[int, Estimate]:
    """Leads that converted where was learned, and estimates of fresh leads."""
    random = np.random.default_rng(2)
    matrix = random.normal(size=(leads, 2))
    converted = random.random(leads) < sigmoid(1.2 * matrix[:, 0] + base_log_odds)
    third = np.arange(leads) * 3 // leads
    everyone = np.ones(len(third), bool)
    split = Split(third == 0, third == 1, third == 2, third < 2, everyone, everyone, 1, 2)
    settings = ModelSettings(trees=40, least_rows=20, threads=1)
    found = fit_horizon(
        lambda rows, like: fit_booster(matrix[rows], converted[rows], (), settings),
        (),
        matrix,
        Spine(np.arange(leads), third),
        Labels(14, converted, np.ones(leads, np.bool_)),
        split,
        settings,
        "beta",
    )
    return int(converted[third < 2].sum()), found.horizon.estimate(matrix[split.test])


def test_thirty_conversions_are_not_enough_evidence() -> None:
    conversions, found = estimated(900, base_log_odds=-3.6)
    assert 20 < conversions < 45
    assert found.not_enough_evidence.all()
    odds = found.high / (1 - found.high) / (found.low / (1 - found.low))
    assert odds.min() > 4


def test_thousands_of_conversions_are_enough_for_nearly_all() -> None:
    conversions, found = estimated(30_000, base_log_odds=-2.0)
    assert conversions > 3_000
    assert found.not_enough_evidence.mean() < 0.02
    assert np.median(found.high - found.low) < 0.05


def test_the_interval_narrows_as_conversions_grow() -> None:
    widths = [float(np.median(e.high / e.low)) for _, e in map(_of_size, (1_500, 6_000, 24_000))]
    assert widths[0] > 1.3 * widths[1] > 1.3 * 1.1 * widths[2]


def _of_size(leads: int) -> tuple[int, Estimate]:
    return estimated(leads, base_log_odds=-2.5)


@pytest.mark.training
def test_an_export_of_thirty_conversions_gives_no_confident_model(tmp_path: Path) -> None:
    made = synthetic_crm(240, seed=4)
    conversions = len(made.leads) - made.leads["converted_at"].null_count
    assert 20 < conversions < 45
    write_export(made, tmp_path, "parquet")
    config = read_config(tmp_path / "lead_temperature.toml")
    tables = read_export(config.export)
    try:
        bundle = trained_bundle(tables, config)
    except ValueError as refusal:
        assert "are needed" in str(refusal)  # noqa: PT017 - to be refused is one of two ways
        return
    card = read_card(bundle.card).horizons.hot
    assert card.intervals.not_enough_evidence == card.test.rows
    assert read_card(bundle.card).bands.hot.rows == 0
