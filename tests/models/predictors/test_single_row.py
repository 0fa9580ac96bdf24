"""A booster asked about one row answers with the bits of `Booster.predict`."""

import gc
from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest

from models.predictors.single_row import SingleRow
from tests.support.bundles import small_bundle

RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    predictor = small_bundle().hot.predictor
    assert isinstance(predictor, lgb.Booster)
    return predictor


@pytest.fixture(scope="module")
def rows(booster: lgb.Booster) -> np.ndarray:
    """Rows with missing values, and levels that nobody has seen."""
    found = RANDOM.normal(5.0, 20.0, (300, booster.num_feature())).round(1)
    found[RANDOM.random(found.shape) < 0.2] = np.nan
    return found


def test_the_margin_has_the_bits_of_predict(booster: lgb.Booster, rows: np.ndarray) -> None:
    single = SingleRow(booster)
    expected = booster.predict(rows, raw_score=True, num_threads=1)
    assert single.margins(rows).tolist() == expected.tolist()
    assert [single.margins(row.reshape(1, -1))[0] for row in rows] == expected.tolist()


@pytest.mark.slow
def test_threads_that_ask_at_once_get_their_own_answers(
    booster: lgb.Booster, rows: np.ndarray
) -> None:
    single = SingleRow(booster)
    many = [row.reshape(1, -1) for row in rows] * 20
    with ThreadPoolExecutor(4) as pool:
        found = [margin for (margin,) in pool.map(single.margins, many)]
    assert found == booster.predict(rows, raw_score=True, num_threads=1).tolist() * 20


@pytest.mark.slow
def test_it_keeps_its_booster_and_lets_go_of_it(booster: lgb.Booster, rows: np.ndarray) -> None:
    """Read anew, so that nothing else holds the booster."""
    text = booster.model_to_string()
    single = SingleRow(lgb.Booster(model_str=text))
    gc.collect()
    row = rows[:1]
    expected = lgb.Booster(model_str=text).predict(row, raw_score=True, num_threads=1)
    assert single.margins(row) == expected[0]
    for _ in range(50):
        SingleRow(lgb.Booster(model_str=text)).margins(row)


@pytest.mark.parametrize("row", [np.zeros((1, 3)), np.zeros((1, 11), np.float32), np.zeros(11)])
def test_what_is_no_row_of_the_model_is_refused(booster: lgb.Booster, row: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Rows of 11 float64 are needed"):
        SingleRow(booster).margins(row)


def test_a_row_need_not_lie_in_one_piece(booster: lgb.Booster, rows: np.ndarray) -> None:
    single = SingleRow(booster)
    wide = np.repeat(rows[:1], 2, axis=1)[:, ::2]
    assert not wide.flags.c_contiguous
    assert single.margins(wide) == single.margins(rows[:1])
