"""A points card adds whole numbers, says them in words, and comes back from JSON as it was."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import load_bundle, save_bundle
from models.explain import explanation
from models.predictors.scorecard import Characteristic, Scorecard, card_lines, scorecard_from_json
from tests.support.bundles import SPEC, random_lead, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY

AGE, SIZE, COUNTRY, ASKED = (
    SPEC.names.index(name)
    for name in (
        "lead_age_days",
        "attribute[company_size]",
        "attribute[country]",
        "count[kind=price_question]_7d",
    )
)
CARD = Scorecard(
    base=-2.5,
    doubling=10.0,
    qualities=(
        Characteristic(ASKED, (1.0, 3.0), (-2, 9, 16, 0), (0.7, 0.2, 0.1, 0.0)),
        Characteristic(COUNTRY, (1.0, 2.0), (4, -3, 0, -1), (0.3, 0.3, 0.2, 0.2)),
        Characteristic(SIZE, (50.0,), (-5, 6, 0), (0.5, 0.3, 0.2)),
    ),
    columns=len(SPEC.features),
)
MATRIX = np.concatenate(
    [
        feature_matrix(SPEC, random_lead(np.random.default_rng(i)), np.array([0]), np.array([t]))
        for i in range(40)
        for t in (5 * DAY, 25 * DAY)
    ]
)


def row(**values: float) -> np.ndarray:
    found = np.full(len(SPEC.features), np.nan)
    for column, value in values.items():
        found[{"asked": ASKED, "country": COUNTRY, "size": SIZE}[column]] = value
    return found[None, :]


@pytest.mark.parametrize(
    ("lead", "points"),
    [
        (row(), 0 - 1 + 0),
        (row(asked=0, country=0, size=49.9), -2 + 4 - 5),
        (row(asked=1, country=1, size=50), 9 - 3 + 6),
        (row(asked=2.9, country=2, size=math.inf), 9 + 0 + 6),
        (row(asked=3, country=2, size=-math.inf), 16 + 0 - 5),
    ],
)
def test_points_are_added_and_an_edge_belongs_to_the_bin_above(lead, points: int) -> None:
    assert CARD.points(lead).tolist() == [points]
    assert CARD.margin(lead) == pytest.approx(-2.5 + points * math.log(2) / 10)


def test_so_many_points_more_double_the_odds() -> None:
    first, second = CARD.margin(np.concatenate([row(asked=0, size=1), row(asked=0, size=99)]))
    assert second - first == pytest.approx(11 / 10 * math.log(2))


def test_contributions_start_at_the_average_look_and_add_up() -> None:
    average, found = CARD.contributions(MATRIX)
    assert found.shape == MATRIX.shape
    np.testing.assert_allclose(average + found.sum(axis=1), CARD.margin(MATRIX), atol=1e-12)
    used = {quality.column for quality in CARD.qualities}
    assert not found[:, [c for c in range(MATRIX.shape[1]) if c not in used]].any()
    points = -2 * 0.7 + 9 * 0.2 + 16 * 0.1 + 4 * 0.3 - 3 * 0.3 - 0.2 - 5 * 0.5 + 6 * 0.3
    assert average == pytest.approx(-2.5 + points * math.log(2) / 10)


def test_a_bundle_of_cards_is_served_from_text_and_explains_itself(tmp_path) -> None:
    bundle = small_bundle()
    bundle = dataclasses.replace(
        bundle, hot=dataclasses.replace(bundle.hot, predictor=CARD), card=bundle.card
    )
    saved = save_bundle(bundle, tmp_path / "bundle")
    names = {path.name for path in (tmp_path / "bundle").iterdir()}
    assert {"hot.json", "warm.txt"} <= names
    assert not {"hot.txt", "warm.json"} & names
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.hot.predictor == saved.hot.predictor == CARD
    before, after = bundle.scores(MATRIX), loaded.scores(MATRIX)
    assert before.hot_probability.tobytes() == after.hot_probability.tobytes()
    for lead in MATRIX:
        told = explanation(loaded, lead, max_signals=3)
        points = sum(reason.points for reason in told.reasons)
        assert points == pytest.approx(100 * (told.probability - told.base_probability), abs=1e-9)
        assert told.probability == loaded.scores(lead[None, :]).hot_probability[0]


def test_a_row_alone_has_the_bits_it_has_among_others() -> None:
    together = CARD.margin(MATRIX)
    assert [CARD.margin(lead[None, :])[0] for lead in MATRIX] == together.tolist()
    assert CARD.margin(MATRIX[:0]).shape == (0,)


def test_a_booster_beside_a_card_of_one_horizon_is_refused(tmp_path) -> None:
    save_bundle(small_bundle(), tmp_path / "bundle")
    manifest = tmp_path / "bundle" / "manifest.json"
    data = json.loads(manifest.read_text())
    data["files"]["hot.json"] = data["files"]["hot.txt"]
    manifest.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="must list"):
        load_bundle(tmp_path / "bundle")


def test_json_names_features_and_bins_and_comes_back() -> None:
    data = json.loads(json.dumps(CARD.to_json(SPEC)))
    assert scorecard_from_json(data, SPEC) == CARD
    asked, country, size = data["qualities"]
    assert asked["in_words"] == "how many: price question, in the last 7 days"
    assert [one["in_words"] for one in asked["bins"]] == ["below 1", "1 to below 3", "3 and more"]
    assert [one["in_words"] for one in country["bins"]] == ["it", "pt", "another one"]
    assert country["unknown"] == {"in_words": "unknown or never", "points": -1, "share": 0.2}
    assert size["bins"][1] == {"from": 50.0, "in_words": "50 and more", "points": 6, "share": 0.3}


def test_a_person_may_change_points() -> None:
    data = CARD.to_json(SPEC)
    data["qualities"][0]["bins"][2]["points"] = 40
    edited = scorecard_from_json(data, SPEC)
    lead = row(asked=5)
    assert edited.points(lead) - CARD.points(lead) == 24
    average, found = edited.contributions(lead)
    assert average + found.sum() == pytest.approx(edited.margin(lead)[0])


@pytest.mark.parametrize("points", [2.5, "9", True, None, 1_001])
def test_points_that_are_not_whole_numbers_are_refused_by_name(points) -> None:
    data = CARD.to_json(SPEC)
    data["qualities"][1]["unknown"]["points"] = points
    with pytest.raises(ValueError, match=r"'attribute\[country\]' of the points card: Points must"):
        scorecard_from_json(data, SPEC)


def test_what_a_card_must_hold_is_said() -> None:
    data = CARD.to_json(SPEC)
    del data["qualities"][2]["bins"][1]["share"]
    with pytest.raises(ValueError, match=r"'attribute\[company_size\]'.* the key 'share' is missi"):
        scorecard_from_json(data, SPEC)
    data = CARD.to_json(SPEC)
    data["qualities"][0]["feature"] = "count[kind=telex]_7d"
    with pytest.raises(ValueError, match=r"'count\[kind=telex\]_7d', which is not among"):
        scorecard_from_json(data, SPEC)


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ({"edges": (3.0, 1.0)}, "rising"),
        ({"edges": (1.0, math.inf)}, "rising"),
        ({"points": (1, 2, 3)}, "one for what is unknown"),
        ({"shares": (0.7, 0.2, 0.2, 0.0)}, "add up to 1"),
        ({"shares": (1.2, -0.2, 0.0, 0.0)}, "add up to 1"),
    ],
)
def test_a_quality_that_cannot_be_is_refused(change, law: str) -> None:
    with pytest.raises(ValueError, match=law):
        dataclasses.replace(CARD.qualities[0], **change)


@pytest.mark.parametrize(
    "change",
    [
        {"qualities": (CARD.qualities[0], CARD.qualities[0])},
        {"columns": 3},
        {"doubling": 0.0},
        {"base": math.nan},
    ],
)
def test_a_card_that_cannot_be_is_refused(change) -> None:
    with pytest.raises(ValueError, match=r"different features|finite base"):
        dataclasses.replace(CARD, **change)


def test_a_printed_card_has_every_bin_that_a_look_fell_in() -> None:
    found = card_lines(CARD, SPEC)
    assert [(line.value, line.points) for line in found[:3]] == [
        ("below 1", -2),
        ("1 to below 3", 9),
        ("3 and more", 16),
    ]
    assert ("unknown or never", -1) in [(line.value, line.points) for line in found]
    assert len(found) == 3 + 4 + 3


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=30))
def test_every_value_is_in_the_bin_that_a_plain_loop_finds(values) -> None:
    quality = Characteristic(0, (-1.0, 0.5, 7.0), (0,) * 5, (0.2,) * 5)
    for value, found in zip(values, quality.bins(np.array(values)), strict=True):
        if math.isnan(value):
            assert found == 4
        else:
            assert found == sum(value >= edge for edge in quality.edges)
