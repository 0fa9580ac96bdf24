"""A lead's number depends on its `lead_id` alone, and is spread evenly over 64 bits."""

import numpy as np

from tests.support.tables import tables_of
from training.dataset.draws import drawn_by_lead


def numbers(names: list[str], **more: object) -> np.ndarray:
    return drawn_by_lead(tables_of([{"lead_id": name, "created_at": 0, **more} for name in names]))


def test_a_number_is_the_same_in_every_process_and_on_every_machine() -> None:
    # blake2b of 8 bytes, read little-endian.
    assert numbers(["a", "lead 2"]).tolist() == [0x2F42665B399EF840, 0xFF05C2BC21B22C79]


def test_a_number_depends_neither_on_the_order_of_leads_nor_on_their_outcome() -> None:
    names = [f"lead {i}" for i in range(50)]
    np.testing.assert_array_equal(numbers(names), numbers(names[::-1])[::-1])
    np.testing.assert_array_equal(numbers(names), numbers(names, converted_at=3))


def test_numbers_are_spread_evenly() -> None:
    shares = numbers([str(i) for i in range(4_000)]) / 2.0**64
    counts = np.histogram(shares, bins=10, range=(0, 1))[0]
    # 400 expected in each tenth, with a standard deviation of 19.
    assert counts.min() > 320
    assert counts.max() < 480
