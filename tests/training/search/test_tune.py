"""A search for settings sees the time before the test alone, and says when it finds nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.export.sources import read_export
from features.tables import INSTANT, Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import Config, read_config
from training.dataset.as_of_cut import cut_at
from training.dataset.snapshots import snapshots
from training.dataset.split import judged_from
from training.search.rolling import RollingRows, rolling_rows
from training.search.tune import Tuning, shorter_horizon_rows, tune_boosters
from training.statistics.paired import Difference

pytestmark = [pytest.mark.slow, pytest.mark.training]

SETTINGS = """
[model]
trees = 15
threads = 1
[features]
drop = ["*kind=*", "*outcome=*", "*channel=*"]
"""


def search(
    tables: Tables, config: Config, trials: int, must_stop: Callable[[], bool] = lambda: False
) -> Tuning:
    """What `tune` does with a configuration."""
    folder = config.registry_folder
    return tune_boosters(
        tables, config.dataset, config.audit, config.model, folder, trials, must_stop
    )


def ground_of(tables: Tables, config: Config) -> RollingRows:
    return rolling_rows(tables, config.dataset, config.audit)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Config]:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(3_500, seed=9), folder, "parquet")
    file = folder / "lead_temperature.toml"
    text = file.read_text().replace("every_days = 7.0", "every_days = 14.0")
    file.write_text(f"{text}{SETTINGS}")
    config = read_config(file)
    return read_export(config.export), config


def stored_in(config: Config, folder) -> Config:
    registry = config.registry.model_copy(update={"folder": folder})
    return config.model_copy(update={"registry": registry})


@pytest.fixture(scope="module")
def found(crm, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    tables, config = crm
    return search(tables, stored_in(config, tmp_path_factory.mktemp("store")), trials=3)


def begin_of_test(tables: Tables, config: Config) -> int:
    spine = snapshots(tables, config.snapshots)
    return judged_from(config.dataset, spine, tables.data_end)


def poisoned(tables: Tables, at: int) -> Tables:
    """From an instant on every outcome is turned around and every interaction is another word."""
    instant = pa.scalar(at, INSTANT)
    leads, events = tables.leads, tables.interactions
    late = pc.fill_null(pc.greater_equal(leads["converted_at"], instant), False)
    never = pc.if_else(late, None, leads["converted_at"])
    closed = pc.if_else(late, leads["converted_at"], leads["closed_at"])
    for name, column in (("converted_at", never), ("closed_at", closed)):
        place = leads.column_names.index(name)
        leads = leads.set_column(place, leads.schema.field(name), column)
    known_late = pc.or_(
        pc.greater_equal(events["occurred_at"], instant),
        pc.greater_equal(events["recorded_at"], instant),
    )
    words = pc.if_else(known_late, "poison", events["kind"].cast(pa.string()))
    place = events.column_names.index("kind")
    words = words.combine_chunks().dictionary_encode()
    events = events.set_column(place, events.schema.field("kind"), words)
    return replace(tables, leads=leads, interactions=events)


def test_poison_where_the_test_begins_changes_nothing(crm, found, tmp_path) -> None:
    tables, config = crm
    bad = poisoned(tables, begin_of_test(tables, config))
    assert bad.leads["converted_at"].null_count > tables.leads["converted_at"].null_count + 100
    assert search(bad, stored_in(config, tmp_path), trials=3) == found


def test_nothing_at_or_after_the_start_of_the_test_is_on_the_ground(crm) -> None:
    tables, config = crm
    until = begin_of_test(tables, config)
    ground = ground_of(tables, config)
    assert ground.spine.as_of.max() <= until
    for fold in (*ground.search, *ground.confirm):
        gap = ground.labels[fold.horizon].days * 86_400_000_000
        assert (ground.spine.as_of[fold.fit] + gap).max() < ground.spine.as_of[fold.judge].min()
        assert (ground.spine.as_of[fold.judge] + gap).max() <= until
    assert len(snapshots(cut_at(tables, until), config.snapshots)) == len(ground.spine)


def test_apart_no_lead_is_fitted_on_and_judged_at_one_origin(crm, monkeypatch) -> None:
    monkeypatch.setattr(
        "training.search.rolling.LEAST_LEARNED_LEADS", 1
    )  # few leads are enough here
    tables, config = crm
    strict = config.split.model_copy(update={"leads": "apart"})
    ground = ground_of(tables, config.model_copy(update={"split": strict}))
    for fold in (*ground.search, *ground.confirm):
        fitted, judged = (set(ground.spine.lead[rows]) for rows in (fold.fit, fold.judge))
        assert judged
        assert not fitted & judged
        assert not set(ground.spine.lead[shorter_horizon_rows(ground, fold)]) & judged


def test_other_weights_begin_another_search(crm, found, tmp_path) -> None:
    tables, config = crm
    whole = config.snapshots.model_copy(update={"thin": 1})
    config = stored_in(config, tmp_path)
    assert search(tables, config, trials=1).trials == 1
    other = config.model_copy(update={"snapshots": whole})
    assert search(tables, other, trials=1, must_stop=lambda: True).trials == 0


def test_what_confirms_takes_no_part_in_the_search(crm) -> None:
    tables, config = crm
    ground = ground_of(tables, config)
    for confirm in ground.confirm:
        searched = [fold for fold in ground.search if fold.horizon == confirm.horizon]
        assert not any(np.any(fold.judge & confirm.judge) for fold in searched)
        assert not any(np.any(fold.fit & confirm.judge) for fold in searched)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(crm, found, tmp_path) -> None:
    tables, config = crm
    asked = iter([False, True])
    config = stored_in(config, tmp_path)
    stopped = search(tables, config, trials=3, must_stop=lambda: next(asked))
    assert stopped.trials == 1
    assert search(tables, config, trials=3) == found


def test_other_data_begin_another_search(crm, found, tmp_path) -> None:
    tables, config = crm
    config = stored_in(config, tmp_path)
    search(tables, config, trials=1)
    other = config.model_copy(update={"model": config.model.model_copy(update={"seed": 2})})
    assert search(tables, other, trials=2, must_stop=lambda: True).trials == 0


def test_the_best_settings_are_never_worse_in_the_search_than_the_present_ones(found) -> None:
    assert found.best_loss <= found.present_loss
    assert found.section().startswith("[model]\ntrees = ")
    assert (found.gains == {}) == (found.best_settings == found.present_settings)


@pytest.mark.parametrize(
    ("hot", "warm", "worth"),
    [
        ((0.01, 0.02), (-0.01, 0.02), True),
        ((-0.01, 0.02), (-0.01, 0.02), False),
        ((0.01, 0.02), (-0.02, -0.01), False),
    ],
)
def test_only_more_than_chance_is_worth_changing(found, hot, warm, worth: bool) -> None:
    gains = {
        name: Difference(sum(ends) / 2, *ends, wins=0.5)
        for name, ends in (("hot", hot), ("warm", warm))
    }
    assert replace(found, gains=gains).worth_changing == worth


def test_the_command_says_what_to_paste_or_that_nothing_is_worth_it(crm, run) -> None:
    _, config = crm
    told = run("tune", "--config", config.export.base / "lead_temperature.toml", "--trials", 1)
    assert told.returncode == 0, told.stderr
    assert "Worth changing. Paste into" in told.stdout or "Nothing worth changing" in told.stdout
    assert (config.registry_folder / "tuning.sqlite").exists()


def test_too_few_conversions_to_compare_settings_are_said(crm) -> None:
    tables, config = crm
    horizons = config.horizons.model_copy(update={"hot_days": 1, "warm_days": 2})
    with pytest.raises(ValueError, match="too few conversions before the test to compare"):
        ground_of(
            cut_at(tables, tables.data_end - 500 * 86_400_000_000),
            config.model_copy(update={"horizons": horizons}),
        )


def test_a_points_card_has_nothing_to_tune(crm) -> None:
    tables, config = crm
    carded = config.model_copy(
        update={"model": config.model.model_copy(update={"kind": "scorecard"})}
    )
    with pytest.raises(ValueError, match=r"kind is scorecard.*nothing to tune"):
        search(tables, carded, 1)
