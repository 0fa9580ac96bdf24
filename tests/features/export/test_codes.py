"""Digits that are codes."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.codes import are_codes


def codes(values: list[str], name: str = "x") -> bool:
    return are_codes(name, pa.chunked_array([pa.array(values, pa.string())]))


@pytest.mark.parametrize(
    "values",
    [
        ["00184", "20121", "80331"],
        ["007", "12"],
        ["+39", "+351", "+7"],
        ["1e5", "2e3", "3e1"],
        ["1.1", "1.10", "1.2"],
        ["1.8", "1.9", "1.10", "2.0"],
        ["1234567890123456", "1234567890123457"],
    ],
)
def test_codes_stay_codes(values) -> None:
    assert codes(values)


@pytest.mark.parametrize(
    "values",
    [
        ["1", "-2.5", "1e3"],
        ["0", "0.5", "10"],
        ["12.50", "3.00", "7.25"],
        ["12.5", "3", "7.25"],
        ["+1", "-1", "+2"],
        ["1.5e+10", "2e-05"],
        ["2024", "1999"],
        [],
    ],
)
def test_numbers_stay_numbers(values) -> None:
    assert not codes(values)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_what_a_program_writes_of_numbers_is_no_code(numbers) -> None:
    assert not codes([repr(number) for number in numbers])


@given(st.lists(st.decimals(0, 1000, places=2), min_size=1, max_size=60))
def test_prices_of_one_length_are_no_codes(prices) -> None:
    assert not codes([f"{price:.2f}" for price in prices])


@pytest.mark.parametrize(
    "name", ["zip", "Postal_Code", "billingPostalCode", "plz", "CAP", "индекс"]
)
def test_a_name_says_that_its_numbers_are_codes(name) -> None:
    assert codes(["80331", "20121"], name)


def test_a_slip_among_many_numbers_makes_no_codes_of_them() -> None:
    assert not codes(["07", *map(str, range(1, 1000))])


def test_prices_written_in_two_ways_are_numbers() -> None:
    prices = [f"{i}.5" for i in range(40)] + [f"{i}.50" for i in range(40)]
    assert not codes(prices)
