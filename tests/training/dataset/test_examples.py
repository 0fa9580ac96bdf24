"""Rows that are selected keep their features, outcome, lead and weight together."""

import numpy as np
import pytest

from training.dataset.examples import Examples


@pytest.fixture
def examples() -> Examples:
    return Examples(
        matrix=np.arange(10.0).reshape(5, 2),
        converted=np.array([True, True, False, False, True]),
        lead=np.array([7, 7, 7, 8, 9]),
        weight=np.array([0.0, 2.0, 1.0, 1.0, 0.0]),
    )


def test_leads_that_convert_are_counted_once(examples: Examples) -> None:
    assert examples.converting_leads == 2


def test_a_mask_and_positions_select_the_same_rows(examples: Examples) -> None:
    mask = np.array([False, True, False, True, False])
    for selected in (examples.among(mask), examples.among(np.array([1, 3]))):
        assert selected.matrix.tolist() == [[2.0, 3.0], [6.0, 7.0]]
        assert selected.converted.tolist() == [True, False]
        assert selected.lead.tolist() == [7, 8]
        assert selected.weight.tolist() == [2.0, 1.0]


def test_positions_may_repeat_and_reorder_rows(examples: Examples) -> None:
    assert examples.among(np.array([4, 4, 0])).lead.tolist() == [9, 9, 7]


def test_rows_that_others_stand_for_are_left_out(examples: Examples) -> None:
    weighted = examples.with_weight()
    assert weighted.weight.tolist() == [2.0, 1.0, 1.0]
    assert weighted.lead.tolist() == [7, 7, 8]
