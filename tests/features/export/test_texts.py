"""Text of cells: one law for single values and for typed columns."""

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.single_values import EXACT_FLOAT, text_of_scalar
from features.export.texts import (
    text_of,
    texts_of_column,
    texts_of_ids,
    texts_of_values,
)

decimals = st.decimals(-(10**12), 10**12, places=4)
moments = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001
CELLS = {
    pa.bool_(): st.booleans(),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.string(): st.text(),
    pa.decimal128(20, 4): decimals,
    pa.date32(): st.dates(dt.date(1970, 1, 1), dt.date(2200, 1, 1)),
    pa.timestamp("us"): moments,
    pa.timestamp("us", "UTC"): moments.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(dt.timedelta(0), dt.timedelta(days=400)),
    pa.binary(): st.binary(),
}


def comparable(text: str | None) -> object:
    """What a text says, so that two spellings of one number or moment are the same."""
    if text is None:
        return None
    for reading in (
        float,
        lambda written: dt.datetime.fromisoformat(written.rstrip("0").rstrip(".")),
        dt.datetime.fromisoformat,
        dt.time.fromisoformat,
    ):
        try:
            return reading(text)
        except ValueError:
            continue
    return text


@pytest.mark.parametrize("kind", CELLS, ids=str)
@given(st.data())
def test_a_typed_column_and_single_values_have_one_text(kind, data) -> None:
    values = data.draw(st.lists(st.none() | CELLS[kind], max_size=6))
    by_column = texts_of_column(pa.array(values, kind)).to_pylist()
    by_value = texts_of_values(values).to_pylist()
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_integer(kind):
        assert by_column == by_value  # also where a text only looks like a number: "NAN"
        return
    assert [*map(comparable, by_column)] == [*map(comparable, by_value)]


@given(st.lists(st.none() | st.floats(), min_size=1))
def test_a_float_keeps_its_value_and_only_nan_is_missing(values) -> None:
    texts = texts_of_column(pa.array(values, pa.float64())).to_pylist()
    for text, value in zip(texts, values, strict=True):
        if value is None or math.isnan(value):
            assert text is None
        else:
            assert float(text) == value


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_float_is_written_with_its_digits(number) -> None:
    assert text_of(float(number)) == str(number)
    assert texts_of_column(pa.array([float(number)])).to_pylist() == [str(number)]


def test_a_float_that_no_longer_tells_whole_numbers_apart_says_so() -> None:
    large = [EXACT_FLOAT, 1.2345678901234568e17]
    for text in [*texts_of_column(pa.array(large)).to_pylist(), *map(text_of, large)]:
        assert "e+" in text


def test_a_narrow_float_has_the_digits_that_it_was_written_with() -> None:
    assert texts_of_column(pa.array([0.1, 12.5], pa.float32())).to_pylist() == ["0.1", "12.5"]


def test_words_are_read_however_the_file_keeps_them() -> None:
    for column in (
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None], pa.string_view()),
        pa.array([b"a", None]),
    ):
        assert texts_of_column(column).to_pylist() == ["a", None]


def test_missing_values_of_every_library_are_missing() -> None:
    missing = [None, float("nan"), Decimal("nan")]
    assert texts_of_values(missing).to_pylist() == [None] * 3
    assert texts_of_column(pa.array([1.0, float("nan")]).dictionary_encode()).to_pylist() == [
        "1",
        None,
    ]


@pytest.mark.parametrize(
    ("decimal", "text"),
    [("12.50", "12.5"), ("-3.00", "-3"), ("0.000", "0"), ("-0.00", "0"), ("1E+3", "1000")],
)
def test_a_decimal_number_is_written_out(decimal, text) -> None:
    assert text_of(Decimal(decimal)) == text


def test_a_decimal_number_of_many_digits_does_not_fill_the_memory() -> None:
    assert text_of(Decimal("1E+999999")) == "1E+999999"


def test_a_column_of_records_is_refused() -> None:
    with pytest.raises(pa.ArrowNotImplementedError):
        texts_of_column(pa.array([{"a": 1}]))


@given(st.from_regex(r"[A-Za-z0-9]{1,12}", fullmatch=True), st.text(" \t\u00a0\u200b\ufeff"))
def test_nothing_that_nobody_sees_is_part_of_an_id(id_, unseen) -> None:
    padded = pa.array([f"{unseen}{id_}{unseen}", f"{id_[:1]}\u200b{id_[1:]}"])
    assert texts_of_ids(padded).to_pylist() == [id_, id_]


def test_an_id_keeps_what_can_be_seen() -> None:
    kept = ["00184", "+39 02", "1.10", "a b", "1e5", "-1", "a\nb"]
    assert texts_of_ids(pa.array(kept)).to_pylist() == kept


json_numbers = st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)


@given(value=json_numbers)
def test_a_number_of_json_has_the_text_of_a_cell(value) -> None:
    assert text_of_scalar(value) == text_of(value)
