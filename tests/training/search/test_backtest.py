"""Several trainings of the past, each of which knows its own past alone."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.export.sources import read_export
from features.tables import INSTANT, Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import read_config
from training.dataset.split import LEAST_LEARNED_LEADS
from training.evaluation.evaluation import instant
from training.search.backtest import backtest, series_of

pytestmark = [pytest.mark.slow, pytest.mark.training]

SETTINGS = """
[model]
trees = 15
threads = 1
[features]
drop = ["*outcome=*", "*channel=*"]
"""


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(2_500, seed=8), folder, "parquet")
    file = folder / "lead_temperature.toml"
    text = file.read_text().replace("every_days = 7.0", "every_days = 28.0")
    file.write_text(f"{text}{SETTINGS}")
    config = read_config(file)
    return read_export(config.export), config, folder


@pytest.fixture(scope="module")
def found(crm):
    tables, config, _ = crm
    return backtest(tables, config, origins=2)


def test_each_origin_is_judged_up_to_the_next_and_the_last_to_the_end(found) -> None:
    first, last = (evaluation.horizons.hot.test for evaluation in found.evaluations)
    begins, ends = (instant(origin) for origin in found.origins)
    assert begins <= first.first_look <= first.last_look < ends <= last.first_look
    assert min(first.positives, last.positives) > 0


def test_what_an_origin_learns_from_had_ended_before_it(found) -> None:
    for origin, evaluation in zip(found.origins, found.evaluations, strict=True):
        for horizon in (evaluation.horizons.hot, evaluation.horizons.warm):
            for period in (horizon.fit, horizon.calibrate):
                if period.rows:
                    latest = period.last_look.timestamp()
                    assert latest + horizon.days * 86_400 <= origin / 1e6


def test_the_earliest_origin_has_something_to_calibrate_by(found) -> None:
    earliest = found.evaluations[0].horizons
    for horizon in (earliest.hot, earliest.warm):
        assert horizon.calibrate.positives >= LEAST_LEARNED_LEADS


def test_what_comes_later_changes_no_earlier_origin(crm, found) -> None:
    """From the last origin on, all who ever convert send a word that nobody has sent before."""
    tables, config, _ = crm
    instant = pa.scalar(found.origins[-1], INSTANT)
    won = tables.leads.filter(pc.is_valid(tables.leads["converted_at"]))["lead_id"]
    events = tables.interactions
    late = pc.and_(
        pc.greater_equal(events["occurred_at"], instant),
        pc.is_in(events["lead_id"], value_set=won.combine_chunks()),
    )
    place = events.column_names.index("kind")
    words = pc.if_else(late, "signed", events["kind"].cast(pa.string())).combine_chunks()
    events = events.set_column(place, events.schema.field("kind"), words.dictionary_encode())
    poisoned: Tables = replace(tables, interactions=events)
    again = backtest(poisoned, config, origins=2)
    assert pc.sum(late).as_py() > 100
    assert again.origins == found.origins
    assert again.evaluations[0] == found.evaluations[0]


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_all_figures(crm, run) -> None:
    _, _, folder = crm
    given = ("--config", folder / "lead_temperature.toml", "--origins", 2)
    told = run("backtest", *given, "--json", folder / "figures.json")
    assert told.returncode == 0, told.stderr
    assert "calibration error" in told.stdout
    figures = json.loads((folder / "figures.json").read_text())
    assert len(figures["origins"]) == 2
    assert {"mean", "spread", "trend"} <= set(figures["series"][0])


def test_too_short_an_export_is_refused_before_anything_is_computed(crm) -> None:
    tables, config, _ = crm
    few = tables.leads.take(np.arange(0, tables.leads.num_rows, 12))
    ids = few["lead_id"].combine_chunks()
    events = tables.interactions.filter(pc.is_in(tables.interactions["lead_id"], value_set=ids))
    log = tables.attribute_log.filter(pc.is_in(tables.attribute_log["lead_id"], value_set=ids))
    small = replace(tables, leads=few, interactions=events, attribute_log=log)
    with pytest.raises(ValueError, match="A backtest needs 10 leads that are known"):
        backtest(small, config, origins=3)
    with pytest.raises(ValueError, match="at least 2 origins, got 1"):
        backtest(tables, config, origins=1)


def test_a_series_on_a_line_has_the_lines_rise_as_its_trend() -> None:
    found = series_of("hot", "AUC", (0.6, 0.7, 0.8, 0.9))
    assert found.trend == pytest.approx(0.3)
    assert found.spread == pytest.approx(np.std([0.6, 0.7, 0.8, 0.9], ddof=1))
    assert series_of("hot", "AUC", (None, 0.5)).trend is None
    assert series_of("hot", "AUC", (None, None)).mean is None
