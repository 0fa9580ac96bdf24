"""Reasons of many leads at once are the reasons of each lead alone, and they add up."""

import numpy as np
import pytest

from models.bundle import Bundle
from models.explain import columns_by_signal, explanation, explanations
from tests.support.bundles import SPEC, random_lead, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY

MATRIX = np.concatenate(
    [
        feature_matrix(SPEC, random_lead(np.random.default_rng(i)), np.array([0]), np.array([t]))
        for i in range(60)
        for t in (5 * DAY, 25 * DAY)
    ]
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return small_bundle()


@pytest.mark.parametrize("most", [0, 3, 100])
def test_many_are_explained_as_each_alone_bit_for_bit(bundle, most: int) -> None:
    together = explanations(bundle, MATRIX, most)
    assert together == [explanation(bundle, row, most) for row in MATRIX]


def test_no_rows_have_no_explanations(bundle) -> None:
    assert explanations(bundle, MATRIX[:0]) == []


def test_signals_that_were_worked_out_before_change_nothing(bundle) -> None:
    columns = columns_by_signal(bundle.spec)
    assert explanations(bundle, MATRIX, columns=columns) == explanations(bundle, MATRIX)


def test_the_boosters_are_asked_once_for_all_rows(bundle, monkeypatch) -> None:
    asked = []
    predict = type(bundle.hot.predictor).predict

    def counting(self, matrix, **options):
        asked.append(len(matrix))
        return predict(self, matrix, **options)

    monkeypatch.setattr(type(bundle.hot.predictor), "predict", counting)
    explanations(bundle, MATRIX)
    assert set(asked) == {len(MATRIX)}
    assert len(asked) <= 2


def test_where_no_signal_is_named_the_rest_is_the_whole_change(bundle) -> None:
    told = explanation(bundle, MATRIX[0], max_signals=0)
    (rest,) = told.reasons
    assert (rest.signal, rest.text) == ("", "all the rest")
    assert rest.points == pytest.approx(100 * (told.probability - told.base_probability))
