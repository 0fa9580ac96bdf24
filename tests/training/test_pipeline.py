"""The whole way on truth that is known: probabilities that hold, and no look at the future."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.export.sources import read_export
from features.progress import no_progress
from features.scale.batch import point_in_time_features
from features.spine import Spine, microseconds
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from models.bundle import load_bundle, save_bundle
from models.predictors.predictor import files_of
from tests.support.folders import contents
from training.card.values import read_card
from training.config import read_config
from training.dataset.frame import training_frame
from training.fitting.bundle import fit_bundle
from training.pipeline import trained_bundle

pytestmark = [pytest.mark.slow, pytest.mark.training]


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory):
    """A small export, for what must hold to the bit whatever the model is worth."""
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(2_500, seed=5), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    changed = {
        "model": config.model.model_copy(update={"trees": 30}),
        "snapshots": config.snapshots.model_copy(update={"every_days": 14.0}),
    }
    config = config.model_copy(update=changed)
    return config, read_export(config.export)


@pytest.fixture(scope="module")
def bundle(crm):
    config, tables = crm
    return trained_bundle(tables, config)


@pytest.mark.parametrize("name", ["hot", "warm"])
def test_groups_of_equal_promise_keep_it_in_truth(trained, name: str) -> None:
    """Judged by the true probabilities, not by their noisy outcomes, in the test period."""
    bundle = load_bundle(trained.bundle, with_judged_fit=True).judged_model
    tables = read_export(read_config(trained.config).export)
    truth = made_up_crm(4_000, seed=11).truth
    test_from = pa.scalar(bundle.card.test_from).cast(pa.timestamp("us", "UTC"))
    truth = truth.filter(pc.greater_equal(truth["as_of"], test_from))
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.index_in(truth["lead_id"], value_set=ids).to_numpy().astype(np.int64)
    spine = Spine(lead, microseconds(truth["as_of"]))
    scores = bundle.scores(point_in_time_features(tables, spine, bundle.spec))
    promised = getattr(scores, f"{name}_probability")
    true = truth[f"{name}_probability"].to_numpy()
    assert np.corrcoef(promised, true)[0, 1] > 0.7
    groups = np.array_split(np.argsort(promised), 5)
    for group in groups:
        assert promised[group].mean() == pytest.approx(true[group].mean(), rel=0.3, abs=0.004)
    assert promised.mean() == pytest.approx(true.mean(), rel=0.12)


def test_the_model_beats_its_baselines(trained) -> None:
    horizons = read_card(load_bundle(trained.bundle).card).horizons
    for horizon in (horizons.hot, horizons.warm):
        assert horizon.auc_rate.low > horizon.baselines["age only"].auc
        assert horizon.log_loss < horizon.baselines["base rate"].log_loss


def test_the_same_data_and_seed_give_the_same_bundle_byte_for_byte(crm, bundle, tmp_path) -> None:
    config, tables = crm
    save_bundle(bundle, tmp_path / "one")
    save_bundle(trained_bundle(tables, config), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert load_bundle(tmp_path / "one").version == load_bundle(tmp_path / "two").version


def test_what_happens_in_the_test_period_changes_nothing_that_is_judged(crm, bundle) -> None:
    """Cut the export where the test period begins: boosters and calibrations stay as they are."""
    config, tables = crm
    cut = read_card(bundle.card).settings["test_from"]
    instant = pa.scalar(cut).cast(pa.timestamp("us", "UTC"))
    leads = tables.leads.filter(pc.less(tables.leads["created_at"], instant))
    for name in ("converted_at", "closed_at"):
        known = pc.if_else(pc.less(leads[name], instant), leads[name], None)
        leads = leads.set_column(leads.column_names.index(name), name, known)
    events = tables.interactions
    events = events.filter(pc.is_in(events["lead_id"], value_set=leads["lead_id"].combine_chunks()))
    earlier = pc.and_(
        pc.less(events["occurred_at"], instant), pc.less(events["recorded_at"], instant)
    )
    log = tables.attribute_log.filter(pc.less(tables.attribute_log["recorded_at"], instant))
    then = Tables(
        leads=leads,
        interactions=events.filter(earlier),
        attribute_log=log,
        attribute_kinds=tables.attribute_kinds,
        measures=tables.measures,
        data_end=tables.data_end,
        rejects=tables.rejects,
        unused=tables.unused,
    )
    split = config.split.model_copy(update={"test_from": datetime.fromisoformat(cut)})
    config = config.model_copy(update={"split": split})
    judged_bundle, again = (
        fit_bundle(
            training_frame(each, config.dataset, no_progress),
            (),
            config.fitting,
            no_progress,
        ).bundle
        for each in (tables, then)
    )
    assert again.spec == judged_bundle.spec
    assert again.bands == judged_bundle.bands
    for name in ("hot", "warm"):
        assert again.horizon(name).calibration == judged_bundle.horizon(name).calibration
        files = files_of(judged_bundle.horizon(name).predictor, judged_bundle.spec, name)
        assert files_of(again.horizon(name).predictor, again.spec, name) == files


def test_an_export_of_thirty_conversions_gives_no_confident_model(tmp_path: Path) -> None:
    made = made_up_crm(240, seed=4)
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
