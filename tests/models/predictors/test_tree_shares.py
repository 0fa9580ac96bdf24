"""Contributions that are looked up are those of LightGBM's own TreeSHAP, and of `shap`."""

import json
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from models.predictors.tree_shares import TreeShares

CATEGORIES = [0, 1]


@dataclass(frozen=True)
class Grown:
    booster: lgb.Booster
    rows: np.ndarray


def made_up(rows: int, seed: int) -> np.ndarray:
    """Two categories with levels that are not seen in fitting, and numbers; much is missing."""
    random = np.random.default_rng(seed)
    matrix = random.normal(0.0, 3.0, (rows, 9)).round(1)
    matrix[:, CATEGORIES] = random.integers(0, 12, (rows, 2))
    # The second category and the last number are always known in fitting: their missing values
    # count as LightGBM has it where it never saw one.
    matrix[:, [0, *range(2, 8)]][random.random((rows, 7)) < 0.2] = np.nan
    holes = random.random((rows, 9)) < 0.2
    holes[:, [1, 8]] = False
    matrix[holes] = np.nan
    return matrix


def grown(leaves: int) -> Grown:
    matrix = made_up(3_000, seed=1)
    level = np.nan_to_num(matrix[:, 0]) % 3 - matrix[:, 1] % 2
    margin = level + np.nan_to_num(matrix[:, 2] * matrix[:, 3]) / 5 + matrix[:, 8]
    outcome = np.random.default_rng(2).random(3_000) < 1 / (1 + np.exp(-margin))
    data = lgb.Dataset(matrix, outcome, categorical_feature=CATEGORIES)
    settings = {"objective": "binary", "num_leaves": leaves, "verbose": -1, "num_threads": 1}
    booster = lgb.train(settings | {"feature_fraction": 0.6, "seed": 3}, data, 60)
    rows = made_up(400, seed=4)
    rows[::7, 1] = np.nan
    rows[::5, 8] = np.nan
    rows[::3, 0] = 40.0
    return Grown(lgb.Booster(model_str=booster.model_to_string()), rows)


@pytest.fixture(scope="module")
def small() -> Grown:
    return grown(leaves=7)


def test_they_are_those_of_lightgbm(small: Grown) -> None:
    expected = small.booster.predict(small.rows, pred_contrib=True, num_threads=1)
    found = TreeShares(small.booster).contributions(small.rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    kinds = {
        (node["decision_type"], node["missing_type"])
        for tree in small.booster.dump_model()["tree_info"]
        for node in [tree["tree_structure"]]
    }
    assert len(kinds) > 1, "the trees must decide in more than one manner to be a test"


def test_they_are_those_of_the_shap_package() -> None:
    """Numbers of `shap` itself: its `TreeExplainer(…).shap_interaction_values(rows).sum(axis=2)`.

    Plain `shap_values` would be no test: for LightGBM's models the package asks LightGBM.
    """
    known = json.loads(Path(__file__).with_name("shap_values.json").read_text(encoding="utf-8"))
    rows = np.array(known["rows"], np.float64)
    found = TreeShares(lgb.Booster(model_str=known["model"])).contributions(rows)
    np.testing.assert_allclose(found[:, :-1], known["values"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[:, -1], known["expected"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("together", [1, 3, 64, 200])
def test_a_row_has_the_bits_that_it_has_alone(small: Grown, together: int) -> None:
    shares = TreeShares(small.booster)
    alone = np.concatenate([shares.contributions(row.reshape(1, -1)) for row in small.rows])
    parts = range(0, len(small.rows), together)
    found = [shares.contributions(small.rows[at : at + together]) for at in parts]
    assert np.concatenate(found).tobytes() == alone.tobytes()


def test_trees_of_many_leaves_are_left_to_lightgbm() -> None:
    large = grown(leaves=15)
    expected = np.asarray(large.booster.predict(large.rows, pred_contrib=True, num_threads=1))
    assert TreeShares(large.booster).contributions(large.rows).tobytes() == expected.tobytes()


def test_a_booster_that_never_splits_has_nothing_to_share() -> None:
    data = lgb.Dataset(np.zeros((100, 3)), np.arange(100) % 2)
    booster = lgb.train({"objective": "binary", "verbose": -1}, data, 2)
    found = TreeShares(booster).contributions(np.zeros((2, 3)))
    expected = np.asarray(booster.predict(np.zeros((2, 3)), pred_contrib=True))
    np.testing.assert_array_equal(found, expected)
