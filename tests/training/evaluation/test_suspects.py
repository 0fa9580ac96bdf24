"""What hangs on a suspect: nothing where it is noise, all of it where it alone tells."""

import dataclasses
from io import StringIO

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from features.export.sources import read_export
from features.progress import no_progress
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from lead_temperature.tables.training import show_suspects
from tests.support.cards import card_of, lifelike_card
from training.audit.leaks import Finding
from training.config import Config, read_config
from training.dataset.frame import TrainingFrame, training_frame
from training.evaluation.suspects import SuspectsWorth, WithoutSuspects, without_suspects
from training.fitting.bundle import FittedBundle, fit_bundle
from training.report.model_card import card_text
from training.statistics.figures import Figures
from training.statistics.paired import Difference

Trained = tuple[Tables, Config, TrainingFrame, FittedBundle]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training on a made-up CRM with a column of noise, and one that tells who converts."""
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(1_500, seed=8), folder, "parquet")
    file = folder / "lead_temperature.toml"
    text = file.read_text().replace("every_days = 7.0", "every_days = 28.0")
    file.write_text(f"{text}\n[model]\ntrees = 15\n")
    config = read_config(file)
    tables = read_export(config.export)
    won = np.asarray(tables.leads["converted_at"].is_valid())
    random = np.random.default_rng(1)
    leads = tables.leads
    for name, values in (("noise", random.normal(size=len(won))), ("told", won + 0.0)):
        leads = leads.append_column(name, pa.chunked_array([pa.array(values)]))
    kinds = {**tables.attribute_kinds, "noise": "number", "told": "number"}
    tables = dataclasses.replace(tables, leads=leads, attribute_kinds=kinds)
    frame = training_frame(tables, config.dataset, no_progress)
    return tables, config, frame, fit_bundle(frame, (), config.fitting, no_progress)


def suspected(trained: Trained, *names: str) -> WithoutSuspects | None:
    tables, config, frame, fitted = trained
    findings = [Finding(name, "attribute", "suspect", "it may", {}) for name in names]
    findings.append(Finding("calendar", "grid", "suspect", "the date alone", {}))
    findings.append(Finding("country", "attribute", "clear", "", {}))
    return without_suspects(
        tables, findings, fitted, frame, config.dataset, config.fitting, no_progress
    )


@pytest.mark.training
def test_without_a_suspect_nothing_is_fitted_again(trained: Trained) -> None:
    assert suspected(trained) is None


@pytest.mark.training
def test_all_hangs_on_a_column_that_tells_the_outcome_and_nothing_on_noise(
    trained: Trained,
) -> None:
    told, noise = suspected(trained, "told"), suspected(trained, "noise")
    assert told is not None
    assert noise is not None
    assert told.names == ("told",)
    for name in ("hot", "warm"):
        great, small = told.horizons[name].log_loss, noise.horizons[name].log_loss
        assert great is not None
        assert small is not None
        assert great.surely_better
        assert small.low < 0.3 * great.advantage > small.advantage
        used, unused = told.horizons[name].with_them, told.horizons[name].without_them
        assert used.log_loss is not None
        assert unused.log_loss is not None
        assert unused.log_loss - used.log_loss == pytest.approx(great.advantage)
        assert told.horizons[name].with_them == noise.horizons[name].with_them


WORTH = SuspectsWorth(
    with_them=Figures(0.8312, 0.2, 0.12, 0.03),
    without_them=Figures(None, None, 0.1387, 0.04),
    auc=None,
    log_loss=Difference(0.0187, 0.0104, 0.0271, 1.0),
)


def test_card_and_terminal_show_both_side_by_side() -> None:
    card = dataclasses.replace(
        card_of(lifelike_card()),
        audit=(Finding("[red]tier", "attribute", "suspect", "it may", {}),),
        without_suspects=WithoutSuspects(("[red]tier",), {"hot": WORTH, "warm": WORTH}),
    )
    console = Console(width=120, file=(printed := StringIO()))
    show_suspects(console, card)
    assert "0.0187 (0.0104 to 0.0271)" in printed.getvalue()
    assert "Suspects: [red]tier. Ask who" in printed.getvalue()
    row = "| hot | 0.831 | not measured | 0.1200 | 0.1387 | 0.0187 (0.0104 to 0.0271) |"
    assert row in card_text(card).splitlines()


def test_a_card_without_suspects_shows_nothing_of_them() -> None:
    card = card_of(lifelike_card())
    console = Console(file=(printed := StringIO()))
    show_suspects(console, card)
    assert printed.getvalue() == ""
    assert "hangs on the suspects" not in card_text(card)
