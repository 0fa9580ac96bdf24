"""When leads began, ended and converted."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import NEVER
from tests.support.tables import tables_of
from training.dataset.lives import Lives, first_by_lead, lead_index


def test_a_lead_that_was_closed_has_ended_without_being_won() -> None:
    lives = Lives(
        created_at=np.array([0, 0, 0]),
        converted_at=np.array([5, NEVER, NEVER]),
        ended_at=np.array([5, 4, NEVER]),
        data_end=10,
    )
    assert lives.won.tolist() == [True, False, False]
    assert lives.ended.tolist() == [True, True, False]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100))))
def test_the_first_instant_of_a_lead_is_its_least(pairs: list[tuple[int, int]]) -> None:
    lead = np.array([pair[0] for pair in pairs], np.int64)
    instant = np.array([pair[1] for pair in pairs], np.int64)
    expected = [min((at for one, at in pairs if one == i), default=NEVER) for i in range(4)]
    assert first_by_lead(lead, instant, leads=4).tolist() == expected


def test_rows_are_matched_to_leads_by_name() -> None:
    tables = tables_of([{"lead_id": name, "created_at": 0} for name in ("b", "a", "c")])
    index = lead_index(tables, pa.chunked_array([["a", "c"], ["b", "a"]]))
    assert index.tolist() == [1, 2, 0, 1]
    assert index.dtype == np.int64
