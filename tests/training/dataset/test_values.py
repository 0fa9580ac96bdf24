"""Values become codes, and the code of an instant is what was known strictly before it."""

import numpy as np
import pyarrow as pa
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from tests.support.tables import tables_of
from training.dataset.values import NUMBER_BINS, attribute_versions, encode_values


def test_a_category_has_a_code_for_each_level_and_one_for_no_value() -> None:
    column = pa.chunked_array([["red", None], ["blue", "red"]])
    values = encode_values(column, "category", np.zeros(4, np.int64))
    assert [values.words[code] for code in values.codes] == ["red", "no value", "blue", "red"]
    assert values.codes[1] == values.missing
    assert values.present.tolist() == [True, False, True, True]


def test_numbers_share_bins_of_about_equal_counts_in_their_order() -> None:
    numbers = np.random.default_rng(1).permutation(2_000).astype(np.float64)
    values = encode_values(pa.chunked_array([numbers]), "number", np.zeros(2_000, np.int64))
    counts = np.bincount(values.codes)
    assert len(counts) == NUMBER_BINS
    assert counts.min() >= 99
    assert counts.max() <= 101
    order = np.argsort(numbers)
    assert (np.diff(values.codes[order]) >= 0).all()


def test_a_number_that_never_varies_is_one_bin() -> None:
    values = encode_values(pa.chunked_array([[3.0, 3.0, None]]), "number", np.zeros(3, np.int64))
    assert values.words == ("3", "no value")
    assert values.codes.tolist() == [0, 0, values.missing]


def test_a_column_without_any_number_has_no_value_but_the_missing_one() -> None:
    column = pa.chunked_array([pa.array([None, None], pa.float64())])
    values = encode_values(column, "number", np.zeros(2, np.int64))
    assert (values.words, values.codes.tolist()) == (("no value",), [0, 0])


@pytest.mark.parametrize("as_numbers", [True, False])
def test_an_instant_is_read_in_days_since_the_leads_creation(as_numbers: bool) -> None:
    instants = pa.array([12 * DAY, 22 * DAY], pa.int64())
    column = instants.cast(pa.float64()) if as_numbers else instants.cast(pa.timestamp("us", "UTC"))
    created_at = np.array([10, 20]) * DAY
    values = encode_values(pa.chunked_array([column]), "timestamp", created_at)
    assert values.words[values.codes[0]] == values.words[values.codes[1]] == "2 d after creation"


def test_the_log_tells_what_was_known_strictly_before_an_instant() -> None:
    log = [
        {"lead_id": "a", "recorded_at": 5, "name": "colour", "text": "blue"},
        {"lead_id": "a", "recorded_at": 2, "name": "colour", "text": "red"},
        {"lead_id": "b", "recorded_at": 3, "name": "colour", "text": None},
        {"lead_id": "a", "recorded_at": 1, "name": "size", "number": 4.0},
    ]
    tables = tables_of(
        [{"lead_id": name, "created_at": 0} for name in ("a", "b")],
        log=log,
        kinds={"colour": "category", "size": "number"},
    )
    versions = attribute_versions(tables, "colour", np.zeros(2, np.int64))
    assert versions.first_known().tolist() == [2 * DAY, NEVER]
    lead, instant = np.array([0, 0, 0, 0, 1]), np.array([2, 3, 5, 6, 9]) * DAY
    codes = versions.known_before(lead, instant)
    words = [versions.values.words[code] for code in codes]
    assert words == ["no value", "red", "red", "blue", "no value"]
