"""The list as columns."""

from serving.pages.work_table import SENTENCES, list_columns
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.work import lively_list


def test_words_that_programs_read_are_the_same_in_every_language() -> None:
    english, russian = (
        list_columns(lively_list(), SPEC, house().zone, has_previous=True, code=code)
        for code in ("en", "ru")
    )
    assert list(english) == list(russian)
    for name, values in english.items():
        if name not in SENTENCES:
            assert values == russian[name], name
    assert english["reasons"] != russian["reasons"]
    assert {len(values) for values in english.values()} == {7}


def test_no_cell_of_sentences_begins_as_a_formula() -> None:
    columns = list_columns(lively_list(), SPEC, house().zone, has_previous=True)
    cells = [cell for name in SENTENCES for cell in columns[name]]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\N{MINUS SIGN}")]


def test_what_is_told_of_a_row() -> None:
    columns = list_columns(lively_list(), SPEC, house().zone, has_previous=True, code="en")
    row = columns["lead_id"].index("B1")
    told = {name: values[row] for name, values in columns.items()}
    assert told["clock"] == "promised"
    assert told["due_by"] == "2026-01-05T13:48+00:00"
    assert told["why_person"] == "It is yours."
    assert told["mention"] == "call, 9 days ago"
    assert told["as_of"] == "2026-01-05T09:00:00+00:00"
