"""A booster is made alike from the same data, and knows what it has learned from."""

import numpy as np

from models.calibration import sigmoid
from training.config import ModelSettings
from training.fitting.booster import evidence_of, fit_booster


def test_the_same_data_and_seed_give_the_same_booster_byte_for_byte() -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(1_000, 6))
    converted = random.random(1_000) < sigmoid(matrix[:, 0] - 2)
    settings = ModelSettings(trees=20, threads=1)
    texts = [fit_booster(matrix, converted, (), settings).model_to_string() for _ in range(2)]
    assert texts[0] == texts[1]
    other = fit_booster(matrix, converted, (), settings.model_copy(update={"seed": 9}))
    assert other.model_to_string() != texts[0]


def test_evidence_counts_leads_that_converted_and_not_their_rows() -> None:
    converted = np.array([True, True, True, False])
    found = evidence_of(np.zeros((4, 1)), converted, np.array([7, 7, 8, 9]), ())
    assert found.conversions == 2


def test_evidence_counts_converting_leads_level_by_level_where_levels_are_few() -> None:
    random = np.random.default_rng(3)
    lead = random.integers(0, 120, 500)
    converted = random.random(500) < 0.3
    level = random.integers(0, 4, 500).astype(float)
    level[random.random(500) < 0.2] = np.nan
    level[random.random(500) < 0.1] = -1.0
    many, number = random.integers(0, 20, 500).astype(float), random.random(500)
    never = np.full(500, np.nan)
    found = evidence_of(
        np.column_stack([number, level, many, never]), converted, lead, categorical=(1, 2, 3)
    )
    expected = [
        len({lead[row] for row in range(500) if converted[row] and same(level[row])})
        for same in (
            *(lambda value, n=n: value == n for n in range(4)),
            lambda value: not value >= 0,
        )
    ]
    assert found.converted_by_level == {
        1: tuple(expected),
        3: (len(np.unique(lead[converted])),),
    }


def test_a_number_a_little_beyond_those_seen_is_like_them_but_a_level_is_not() -> None:
    matrix = np.column_stack([np.linspace(0, 10, 11), np.arange(11.0)])
    found = evidence_of(matrix, np.zeros(11, bool), np.arange(11), categorical=(1,))
    assert found.count_unseen(np.array([[10.9, 10.0], [11.1, 10.0], [5.0, 11.0]])).tolist() == [
        0,
        1,
        1,
    ]


def test_what_was_always_known_is_strange_when_missing_and_the_reverse() -> None:
    matrix = np.array([[1.0, np.nan], [2.0, np.nan]])
    found = evidence_of(matrix, np.zeros(2, bool), np.arange(2), ())
    rows = np.array([[1.5, np.nan], [np.nan, np.nan], [1.5, 3.0]])
    assert found.count_unseen(rows).tolist() == [0, 1, 1]
