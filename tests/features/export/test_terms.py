"""The export's terms survive the way through JSON, and what is no such terms is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.formats import ColumnFormat
from features.export.terms import ExportTerms, FieldTerms, Notation, terms_from_json

words = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
formats = st.builds(
    ColumnFormat,
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from([None, " ", "'"]),
    dates=st.lists(st.sampled_from(["iso", "%d/%m/%Y"]), min_size=1, unique=True).map(tuple),
    durations=st.sampled_from([None, "MM:SS"]),
    timezone=st.sampled_from([None, "Europe/Rome"]),
    midnight=st.sampled_from([None, "day"]),
)
notations = st.builds(Notation, words, formats, st.sampled_from([None, "UTC"]))
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
fields = st.dictionaries(
    st.text(max_size=5),
    st.builds(
        FieldTerms,
        st.lists(st.text(max_size=5), max_size=2).map(tuple),
        st.lists(notations, max_size=2).map(tuple),
        numbers,
        numbers,
    ),
    max_size=2,
)


@given(st.builds(ExportTerms, fields, fields, fields, fields))
def test_terms_are_read_back_as_they_were(terms):
    assert terms_from_json(json.loads(json.dumps(terms.to_json()))) == terms


def test_what_is_as_everywhere_is_not_written():
    assert ExportTerms(lead={"lead_id": FieldTerms(notations=(Notation(),))}).to_json() == {
        "lead": {"lead_id": {"notations": [{}]}}
    }


@pytest.mark.parametrize(
    ("format_", "law"),
    [
        ({"dates": ["dd/mm"]}, "must be iso"),
        ({"dates": ["%Y-%m-%d %q"]}, "knows no %q"),
        ({"timezone": "Europe/Atlantis"}, "must be a time zone"),
        ({"timezone": "../etc/passwd"}, "must be a time zone"),
        ({"durations": "HH"}, "durations"),
        ({"dates": [7]}, "dates"),
    ],
)
def test_a_notation_that_cannot_be_read_by_is_refused(format_, law):
    field = {"notations": [{"format_": format_}]}
    with pytest.raises(ValueError, match=law):
        terms_from_json({"lead": {"created_at": field}})


@pytest.mark.parametrize("data", [[], 7, {"lead": 7}, {"measures": {"x": {"low": "much"}}}])
def test_other_json_is_refused(data):
    with pytest.raises(ValueError, match="not of this version"):
        terms_from_json(data)


def test_a_range_without_an_end_is_refused():
    with pytest.raises(ValueError, match="must be finite"):
        FieldTerms(high=float("inf"))
