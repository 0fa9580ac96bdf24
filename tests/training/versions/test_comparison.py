"""Champion and challenger on the same later leads of a CRM, as in a monthly retraining."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from features.export.sources import read_export
from features.spine import iso
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from lead_temperature.tables.comparison import show_examination
from models.bundle import Bundle
from models.card import CardDocument
from models.horizon import HorizonModel
from tests.support.cards import card_of, lifelike_card
from training.config import Config, GateSettings, read_config
from training.dataset.as_of_cut import cut_at
from training.dataset.frame import TrainingFrame, training_frame
from training.fitting.booster import fit_booster
from training.fitting.bundle import fit_bundle
from training.statistics.figures import JudgedRows
from training.versions import comparison as comparison_module
from training.versions.comparison import Comparison, comparison, learned_until
from training.versions.gate import judge_against_champion
from training.versions.promotion import Examination

pytestmark = pytest.mark.training

MONTHS = round(timedelta(days=60) / timedelta(microseconds=1))
UNSURE = card_of(lifelike_card())


def fitted(tables: Tables, config: Config) -> Bundle:
    """A trained bundle without its evaluation."""
    return bundle_of(training_frame(tables, config.dataset, lambda *_: None), tables, config)


def bundle_of(frame: TrainingFrame, tables: Tables, config: Config) -> Bundle:
    """A trained bundle with its judged fit, and cards that say what both learned from."""
    fitted = fit_bundle(frame, (), config.fitting, lambda *_: None, final=True)
    data_end, test_from = iso(tables.data_end), iso(frame.splits["hot"].test_from)
    cards = [
        CardDocument.of(
            {
                "data_end": data_end,
                "settings": {"test_from": test_from, "learned_until": learned_until},
            }
        )
        for learned_until in (data_end, test_from)
    ]
    judged_fit = dataclasses.replace(fitted.judged_bundle, card=cards[1])
    return dataclasses.replace(fitted.bundle, card=cards[0], judged_fit=judged_fit)


def compared_on(champion: Bundle, challenger: Bundle, tables: Tables, config: Config) -> Comparison:
    return comparison(champion, challenger, tables, config.snapshots, config.model)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Config]:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(3_000, seed=4), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    changed = {
        "model": config.model.model_copy(update={"trees": 40, "threads": 1, "kind": "booster"}),
        "audit": config.audit.model_copy(update={"enabled": False}),
        "calibration": config.calibration.model_copy(update={"method": "beta"}),
    }
    config = config.model_copy(update=changed)
    return read_export(config.export), config


@pytest.fixture(scope="module")
def frame(crm: tuple[Tables, Config]) -> TrainingFrame:
    return training_frame(crm[0], crm[1].dataset, lambda *_: None)


@pytest.fixture(scope="module")
def models(crm: tuple[Tables, Config], frame: TrainingFrame) -> tuple[Bundle, Bundle]:
    """One trained some months ago, and one trained now."""
    tables, config = crm
    earlier = fitted(cut_at(tables, tables.data_end - MONTHS), config)
    return earlier, bundle_of(frame, tables, config)


@pytest.fixture(scope="module")
def found(crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]) -> Comparison:
    return compared_on(*models, *crm)


def judged_with(bundle: Bundle, **changed: HorizonModel) -> Bundle:
    """The same version, had its judged fit been another."""
    return dataclasses.replace(bundle, judged_fit=dataclasses.replace(bundle.judged_fit, **changed))


@pytest.mark.slow
def test_what_serves_gains_nothing_by_the_outcomes_that_it_has_learned(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle], frame: TrainingFrame
) -> None:
    """It knows how the compared leads ended, by heart; the fit that was judged does not."""
    tables, config = crm
    settings = config.model.model_copy(update={"leaves": 63, "least_rows": 1, "trees": 200})
    mature = frame.labels["hot"].mature
    booster = fit_booster(
        frame.matrix[mature],
        frame.labels["hot"].converted[mature],
        frame.spec.categorical,
        settings,
    )
    by_heart = dataclasses.replace(models[1].hot, predictor=booster)
    cheat = dataclasses.replace(models[1], hot=by_heart)
    assert compared_on(models[0], cheat, tables, config) == compared_on(*models, tables, config)
    # As if it had been judged itself:
    learned = dataclasses.replace(cheat, judged_fit=None, card=models[1].judged_fit.card)
    seen = compared_on(models[0], learned, tables, config)
    assert seen.questions["hot"].auc.low > 0.1


@pytest.mark.slow
def test_an_earlier_champion_speaks_for_itself_where_it_learned_nothing_of_the_looks(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    tables, config = crm
    begin = learned_until(models[1].judged_fit)
    earlier = fitted(cut_at(tables, begin), config)
    assert learned_until(earlier) == begin
    hot = dataclasses.replace(earlier.hot, calibration=models[1].hot.calibration)
    changed = dataclasses.replace(earlier, hot=hot)
    one, other = (compared_on(each, models[1], tables, config) for each in (earlier, changed))
    assert one.since == other.since == iso(begin)
    assert one.champion.figures["hot"].log_loss != other.champion.figures["hot"].log_loss


def test_two_that_learned_to_the_end_and_have_no_judged_fit_cannot_be_compared(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    alone = dataclasses.replace(models[1], judged_fit=None)
    with pytest.raises(ValueError, match="Nothing can be compared"):
        compared_on(models[0], alone, *crm)


SETTINGS = GateSettings(least_conversions=10)


def finding(compared: Comparison, margin: float = 0.1) -> str:
    settings = GateSettings(least_conversions=10, margin=margin)
    return judge_against_champion(compared, UNSURE, UNSURE, settings, {}).finding


def test_a_fresh_training_brings_the_later_leads_along(
    found: Comparison, models: tuple[Bundle, Bundle]
) -> None:
    assert found.since == models[1].card.values["settings"]["test_from"]
    assert found.since > models[0].card.values["settings"]["test_from"]
    assert found.questions["hot"].conversions > 30
    assert found.questions["hot"].looks > found.questions["warm"].looks > 0


def test_a_training_on_some_more_of_the_same_is_no_worse(found: Comparison) -> None:
    assert finding(found, margin=1.0) in ("better", "no worse")
    assert found.questions["hot"].rank_correlation > 0.7
    assert 0 < found.changed_band < 0.5


def test_who_is_called_champion_decides_the_sign_alone(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle], found: Comparison
) -> None:
    turned = compared_on(models[1], models[0], *crm)
    for name in ("hot", "warm"):
        before, after = found.questions[name], turned.questions[name]
        assert before.log_loss.advantage == pytest.approx(-after.log_loss.advantage)
        assert before.auc.low == pytest.approx(-after.auc.high)
        assert before.looks == after.looks


def test_a_model_is_exactly_as_good_as_itself(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    same = compared_on(models[1], models[1], *crm)
    assert finding(same) == "no worse"
    assert same.changed_band == 0
    assert same.questions["hot"].rank_correlation == pytest.approx(1)
    assert same.questions["hot"].log_loss.low == same.questions["hot"].log_loss.high == 0


@pytest.mark.slow
def test_a_model_that_promises_too_much_is_worse_however_well_it_ranks(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    champion, challenger = models
    calibration = challenger.judged_fit.hot.calibration
    bold = dataclasses.replace(calibration, c=calibration.c + 1.0)
    hot = dataclasses.replace(challenger.judged_fit.hot, calibration=bold)
    compared = compared_on(champion, judged_with(challenger, hot=hot), *crm)
    verdict = judge_against_champion(
        compared, UNSURE, UNSURE, GateSettings(least_conversions=10), {}
    )
    assert verdict.finding == "worse"
    assert any("log loss is worse" in reason for reason in verdict.reasons)
    assert not any("AUC is worse" in reason for reason in verdict.reasons if "14 days" in reason)


@pytest.mark.slow
def test_a_model_that_ranks_at_random_is_worse(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle], frame: TrainingFrame
) -> None:
    champion, challenger = models
    fit = frame.splits["hot"].fit
    mixed = np.random.default_rng(0).permutation(frame.labels["hot"].converted[fit])
    booster = fit_booster(frame.matrix[fit], mixed, frame.spec.categorical, crm[1].model)
    noise = dataclasses.replace(challenger.judged_fit.hot, predictor=booster)
    compared = compared_on(champion, judged_with(challenger, hot=noise), *crm)
    verdict = judge_against_champion(
        compared, UNSURE, UNSURE, GateSettings(least_conversions=10), {}
    )
    assert verdict.finding == "worse"
    assert any("AUC is worse" in reason for reason in verdict.reasons)


def test_other_horizons_cannot_be_compared(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    other = dataclasses.replace(models[1], hot=dataclasses.replace(models[1].hot, days=7))
    with pytest.raises(ValueError, match="answers for 14 and 90 days, the challenger for 7 and 90"):
        compared_on(models[0], other, *crm)


def test_an_export_that_ends_where_the_models_learned_tells_nothing(
    crm: tuple[Tables, Config], models: tuple[Bundle, Bundle]
) -> None:
    tables, config = crm
    early = cut_at(tables, tables.data_end - 6 * MONTHS)
    with pytest.raises(ValueError, match="Nothing can be compared: the export, which ends at"):
        compared_on(*models, early, config)


def test_the_table_and_the_document_hold_what_was_found(found: Comparison, tmp_path: Path) -> None:
    examined = Examination(
        2,
        1,
        judge_against_champion(found, UNSURE, UNSURE, SETTINGS, {}),
        found,
    )
    console = Console(width=140, record=True, file=(tmp_path / "out").open("w"))
    show_examination(console, examined)
    said = console.export_text()
    assert f"Version 2 against champion 1: {examined.verdict.finding}." in said
    assert f"{found.champion.figures['hot'].auc:.4f}" in said
    document = json.loads(examined.judgement(force=False).document)
    assert document["comparison"]["questions"]["hot"]["looks"] == found.questions["hot"].looks
    assert document["verdict"]["finding"] == examined.verdict.finding


@pytest.fixture
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment of four leads, two of each outcome, is large enough."""
    monkeypatch.setattr(comparison_module, "LEAST_LEADS", 4)
    monkeypatch.setattr(comparison_module, "LEAST_OF_EACH_OUTCOME", 2)


@pytest.mark.parametrize(
    ("won", "lost", "judged"),
    [(2, 2, True), (2, 1, False), (1, 3, False), (3, 1, False), (1, 9, False), (2, 9, True)],
)
def test_a_segment_is_judged_from_the_least_number_of_leads_of_each_outcome_on(
    small_sizes: None, won: int, lost: int, judged: bool
) -> None:
    """A lead counts once, however many looks it has, and as won if any of them is."""
    leads = np.repeat(np.arange(won + lost), 3)
    looks_of_winners = (leads < won) & (np.arange(len(leads)) % 3 == 0)
    rows = JudgedRows(looks_of_winners, leads, np.zeros(len(leads)))
    assert comparison_module._large_enough(rows) == judged


@pytest.mark.parametrize(("leads", "judged"), [(3, False), (4, True)])
def test_a_segment_is_judged_from_the_least_number_of_leads_on(
    small_sizes: None, monkeypatch: pytest.MonkeyPatch, leads: int, judged: bool
) -> None:
    monkeypatch.setattr(comparison_module, "LEAST_OF_EACH_OUTCOME", 1)
    lead = np.arange(leads)
    assert comparison_module._large_enough(JudgedRows(lead < 1, lead, np.zeros(leads))) == judged
