import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine import codebook
from features.engine.codebook import codebooks
from features.engine.history import labels_of
from features.language.kinds import LABEL_FIELDS, Selection

allowed = st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple)
selections = st.lists(
    st.builds(Selection, channel=allowed, kind=allowed, direction=allowed, outcome=allowed),
    min_size=1,
    max_size=4,
).map(tuple)
event = st.fixed_dictionaries({name: st.sampled_from([None, *"abcd"]) for name in LABEL_FIELDS})


@pytest.mark.parametrize("most_codes", [1, 12, 10_000], ids=["apart", "in pairs", "together"])
@given(selections, st.lists(event, max_size=6))
def test_codes_admit_what_the_conditions_of_a_selection_admit(most_codes, chosen, events) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codebook, "MOST_CODES", most_codes)
        books = codebooks(chosen)
    labels = {name: labels_of([one[name] for one in events]) for name in LABEL_FIELDS}
    admitted = np.ones((len(chosen), len(events)), bool)
    for book in books:
        admitted &= book.admitted.take(book.code(labels), axis=1)
    for row, selection in zip(admitted.tolist(), chosen, strict=True):
        conditions = selection.conditions()
        assert row == [all(one[name] in values for name, values in conditions) for one in events]


def test_fields_that_nobody_restricts_need_no_codes() -> None:
    assert codebooks((Selection(), Selection(by_owner=True))) == ()
    (book,) = codebooks((Selection(), Selection(kind=("call",))))
    assert list(book.indices) == ["kind"]
    assert book.admitted.tolist() == [[True, True], [True, False]]
