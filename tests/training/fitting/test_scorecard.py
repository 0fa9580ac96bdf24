"""A points card finds the qualities that matter, is trained where data are few, and is served."""

import json

import numpy as np
import pytest

from features.export.sources import read_export
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Calendar,
    Count,
    DaysSinceLatest,
    LeadAge,
    Selection,
)
from features.language.spec import Spec
from features.scale.requests import requests_of
from features.spine import Spine, microseconds
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from models.bundle import save_bundle
from models.calibration import sigmoid
from models.predictors.predictor import margin_of
from models.predictors.scorecard import Scorecard
from serving.bulk.scores import score_spine
from serving.http.app import create_app
from tests.support.http import TestClient
from training.card.values import read_card
from training.config import ModelSettings, read_config
from training.dataset.examples import Examples
from training.fitting.linear import logistic_margin
from training.fitting.predictor import fit_predictor
from training.fitting.scorecard import MOST_QUALITIES, fit_scorecard, read_scorecard
from training.pipeline import trained_bundle

PRICE = Selection(kind=("price_question",))
SPEC = Spec(
    features=(
        AttributeCategory("source", ("fair", "referral", "web")),
        Count(PRICE, 7),
        Count(PRICE, 30),
        DaysSinceLatest(Selection(direction=("inbound",))),
        AttributeNumber("noise"),
        LeadAge(),
        Calendar("hour", "UTC"),
    ),
    attribute_kinds={"source": "category", "noise": "number"},
)
SOURCE, ASKED, ASKED_30D, SINCE, NOISE, AGE, HOUR = range(7)


def drawn(rows: int, seed: int, leads: int | None = None):
    """A matrix, outcomes and leads whose truth is a referral, price questions and recency."""
    random = np.random.default_rng(seed)
    matrix = np.empty((rows, 7))
    matrix[:, SOURCE] = random.choice([0, 1, 2, 3], rows, p=[0.2, 0.2, 0.55, 0.05])
    matrix[:, ASKED] = random.poisson(0.4, rows)
    matrix[:, ASKED_30D] = matrix[:, ASKED] + random.poisson(0.5, rows)
    matrix[:, SINCE] = np.where(random.random(rows) < 0.3, np.nan, random.exponential(20, rows))
    matrix[:, NOISE] = random.normal(100, 30, rows)
    matrix[:, AGE] = random.integers(0, 180, rows)
    matrix[:, HOUR] = random.integers(0, 24, rows)
    margin = -3.5 + 1.5 * (matrix[:, SOURCE] == 1) + 0.8 * np.minimum(matrix[:, ASKED], 2)
    margin += np.where(matrix[:, SINCE] < 7, 1.0, 0.0)
    lead = np.arange(rows) if leads is None else random.integers(leads, size=rows)
    return matrix, random.random(rows) < sigmoid(margin), lead, margin


def learned(rows: int, seed: int) -> Scorecard:
    matrix, converted, lead, _ = drawn(rows, seed)
    every = np.ones(rows, bool)
    regression = logistic_margin(matrix, SPEC.categorical, converted, every, seed=1)
    return fit_scorecard(SPEC, matrix, converted, lead, regression)


def test_the_qualities_that_matter_are_found_and_weighed() -> None:
    card = learned(20_000, seed=1)
    columns = [quality.column for quality in card.qualities]
    assert {SOURCE, SINCE} < set(columns[:3])
    assert len({ASKED, ASKED_30D} & set(columns)) == 1  # one signal, one quality
    by_column = {quality.column: quality for quality in card.qualities}
    fair, referral, web, _, _ = by_column[SOURCE].points
    assert referral - web == pytest.approx(1.5 * 10 / np.log(2), rel=0.3)
    assert abs(fair - web) <= 2
    matrix, _, _, truth = drawn(5_000, seed=9)
    assert np.corrcoef(card.margin(matrix), truth)[0, 1] > 0.9


def test_more_of_a_thing_is_never_now_better_and_now_worse() -> None:
    for seed in range(5):
        for quality in learned(1_500, seed).qualities:
            if quality.column in (ASKED, ASKED_30D, SINCE):
                steps = np.diff(quality.points[:-1])
                assert (steps >= 0).all() or (steps <= 0).all()


def test_a_card_fits_on_a_page_and_has_no_time_of_day() -> None:
    card = learned(3_000, seed=2)
    assert len(card.qualities) <= MOST_QUALITIES
    assert HOUR not in {quality.column for quality in card.qualities}
    assert max(len(quality.edges) for quality in card.qualities) <= 3
    edges = [e for quality in card.qualities for e in quality.edges]
    assert all(float(f"{edge:.2g}") == edge for edge in edges)


def test_where_nothing_matters_points_are_few() -> None:
    random = np.random.default_rng(40)
    matrix, _, lead, _ = drawn(4_000, seed=4)
    converted = random.random(4_000) < 0.05
    regression = logistic_margin(matrix, SPEC.categorical, converted, converted >= 0, seed=1)
    card = fit_scorecard(SPEC, matrix, converted, lead, regression)
    assert np.ptp(card.points(matrix)) <= 10  # less than a doubling of the odds


def test_copies_of_rows_are_no_more_evidence() -> None:
    """Ten looks at each lead, all alike, must not be taken for ten times as many leads."""
    matrix, converted, lead, _ = drawn(400, seed=5)
    regression = logistic_margin(matrix, SPEC.categorical, converted, converted >= 0, seed=1)
    once = fit_scorecard(SPEC, matrix, converted, lead, regression)
    arrays = [np.repeat(one, 10, axis=0) for one in (matrix, converted, lead, regression)]
    copied = fit_scorecard(SPEC, *arrays)
    columns = [[quality.column for quality in card.qualities] for card in (once, copied)]
    assert set(columns[0]) == set(columns[1])


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory):
    """A CRM with few conversions, its configuration and a points card learned from it."""
    folder = tmp_path_factory.mktemp("small_crm")
    write_export(made_up_crm(1_000, seed=6), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    calibration = config.calibration.model_copy(update={"method": "beta"})  # compares nothing
    model = config.model.model_copy(update={"kind": "scorecard"})
    config = config.model_copy(update={"calibration": calibration, "model": model})
    tables = read_export(config.export)
    bundle = save_bundle(trained_bundle(tables, config), folder / "bundle")
    return folder, config, tables, bundle


@pytest.mark.slow
@pytest.mark.training
def test_few_conversions_make_a_points_card_that_beats_the_base_rate(crm) -> None:
    _, _, _, bundle = crm
    assert isinstance(bundle.hot.predictor, Scorecard)
    hot = read_card(bundle.card).horizons.hot
    assert hot.predictor == "points card"
    assert "points card" not in hot.baselines
    assert "base rate" in hot.better_than
    assert {line.quality for line in hot.points_card}
    assert hot.kept_rows == hot.learned_rows  # a card learns from every look


@pytest.mark.slow
@pytest.mark.training
def test_http_scores_by_a_card_are_the_bulk_scores_and_reasons_add_up(crm) -> None:
    folder, _, tables, bundle = crm
    random = np.random.default_rng(2)
    lead = random.choice(tables.leads.num_rows, 30, replace=False)
    created_at = microseconds(tables.leads["created_at"])[lead]
    spine = Spine(lead, created_at + random.integers(0, 90 * 86_400_000_000, 30))
    bulk = score_spine(bundle, tables, spine)
    with TestClient(create_app(folder / "bundle")) as client:
        answers = [
            client.post("/v1/score", json=body, params={"reasons": 5}).json()
            for body in requests_of(tables, spine, bundle.spec.attribute_kinds)
        ]
    for name in ("hot_probability", "warm_probability", "band"):
        assert [answer[name] for answer in answers] == bulk[name].to_pylist()
    assert len({answer["hot_probability"] for answer in answers}) > 10
    for answer in answers:
        moved = 100 * (answer["hot_probability"] - answer["base_probability"])
        assert sum(reason["points"] for reason in answer["reasons"]) == pytest.approx(moved)


@pytest.mark.slow
def test_a_card_edited_by_hand_is_taken_calibrated_and_judged(crm, tmp_path) -> None:
    folder, config, tables, bundle = crm
    data = json.loads((folder / "bundle" / "hot.json").read_text())
    for one in data["qualities"][0]["bins"]:
        one["points"] = -one["points"]
    (tmp_path / "mine.json").write_text(json.dumps(data))
    chosen = config.scorecard.model_copy(update={"hot": tmp_path / "mine.json"})
    edited = trained_bundle(tables, config.model_copy(update={"scorecard": chosen}))
    assert edited.hot.predictor == read_scorecard(tmp_path / "mine.json", edited.spec)
    assert edited.hot.predictor != bundle.hot.predictor
    assert edited.warm.predictor == bundle.warm.predictor
    hot = read_card(edited.card).horizons.hot
    assert hot.predictor == "edited points card"
    # Beside it stands the card that would have been learned, so that the price of the edit is seen.
    learned_one = hot.baselines["points card"]
    learned_alone = read_card(bundle.card).horizons.hot.log_loss
    # Baselines are calibrated by one earlier fit, the model by several.
    assert learned_one.log_loss == pytest.approx(learned_alone, rel=0.02)
    assert learned_one.log_loss_advantage.advantage < 0


@pytest.mark.slow
@pytest.mark.training
def test_an_edited_card_that_is_none_is_refused_with_its_file(crm, tmp_path) -> None:
    _, _, _, bundle = crm
    with pytest.raises(FileNotFoundError, match=r"mine\.json does not exist; \[scorecard\] names"):
        read_scorecard(tmp_path / "mine.json", bundle.spec)
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(ValueError, match=r"mine\.json is no points card: the key 'base' is miss"):
        read_scorecard(tmp_path / "mine.json", bundle.spec)
    (tmp_path / "mine.json").write_text("[")
    with pytest.raises(ValueError, match=r"mine\.json is no points card: Expecting"):
        read_scorecard(tmp_path / "mine.json", bundle.spec)


@pytest.mark.training
@pytest.mark.parametrize(
    ("kind", "converting", "card"),
    [
        ("auto", 40, False),
        ("auto", 200, False),
        ("booster", 40, False),
        ("scorecard", 200, True),
    ],
)
def test_the_configuration_alone_decides_whether_it_is_a_card(
    kind: str, converting: int, card: bool
) -> None:
    settings = ModelSettings(kind=kind, trees=2)
    matrix, _, _, _ = drawn(3_000, seed=7)
    converted = np.arange(3_000) < 10 * converting
    looks = Examples(matrix, converted, np.arange(3_000) // 10, np.ones(3_000))
    found = fit_predictor(SPEC, looks, settings)
    assert isinstance(found, Scorecard) == card
    assert margin_of(found, matrix).shape == (3_000,)
