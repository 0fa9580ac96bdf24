"""Signals, interactions and contacts as the records of a made-up firm show them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import chisquare

from features.worlds.crm import DAY, ENDS_AT
from features.worlds.records import (
    InteractionType,
    Signal,
    as_probabilities,
    draw_by_row,
    event_tables,
    identity_columns,
)

SIGNAL = Signal("colour", ("red", "blue", None), ((0.5, 0.3, 0.2), (0.1, 0.1, 0.8)))
TYPES = (
    InteractionType("phone", "call", "outbound", "answered", 120, (0.1, 0.2)),
    InteractionType("shop", "visit", "inbound", None, 0, (0.1, 0.2), ("wish", "soon"), True),
)


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).to_numpy() // 1_000_000


def test_rows_are_drawn_with_their_probabilities() -> None:
    rows = np.repeat([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]], 20_000, axis=0)
    drawn = draw_by_row(np.random.default_rng(1), rows)
    assert chisquare(np.bincount(drawn[:20_000]), [10_000, 6_000, 4_000]).pvalue > 1e-4
    assert (drawn[20_000:] == 1).all()


def test_weights_become_probabilities_however_small_they_are() -> None:
    logs = np.array([[-1e4, -1e4 + np.log(3)], [0.0, -np.inf]])
    np.testing.assert_allclose(as_probabilities(logs), [[0.25, 0.75], [1, 0]])


def test_a_signal_has_the_shares_of_each_class_and_their_likelihood() -> None:
    hidden_class = np.repeat([0, 1], 20_000)
    codes = SIGNAL.draw(np.random.default_rng(2), hidden_class)
    for number in (0, 1):
        counts = np.bincount(codes[hidden_class == number])
        assert chisquare(counts, np.array(SIGNAL.shares[number]) * 20_000).pvalue > 1e-4
    np.testing.assert_allclose(
        np.exp(SIGNAL.log_likelihood(np.array([2, 0]))), [[0.2, 0.8], [0.5, 0.1]]
    )
    assert SIGNAL.column(np.array([1, 2, 0])).to_pylist() == ["blue", None, "red"]


@pytest.mark.parametrize("row", [(0.5, 0.5), (0.5, 0.3, 0.3)])
def test_shares_that_are_no_distribution_are_refused(row: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="'colour' must be 3 numbers that add up to 1"):
        Signal("colour", ("red", "blue", None), (row,))


def tables(events: int, seed: int = 3) -> tuple[pa.Table, pa.Table]:
    """Interactions of two leads in the forty days before the end of the export."""
    rng = np.random.default_rng(seed)
    return event_tables(
        rng,
        pa.array(["A", "B"]),
        TYPES,
        rng.integers(2, size=events),
        ENDS_AT - rng.integers(1, 40 * DAY, events),
        rng.integers(2, size=events),
        np.full(2, ENDS_AT - 60 * DAY),
        pa.array(["ines", "henk"]),
    )


def test_interactions_are_ordered_and_carry_the_words_of_their_type() -> None:
    interactions, _ = tables(200)
    rows = interactions.to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["lead_id"], row["occurred_at"]))
    seen = {
        (row["kind"], row["channel"], row["direction"], row["outcome"], row["agent"],
         row["lead_id"], row["duration_seconds"] is not None)
        for row in rows
    }  # fmt: skip
    assert seen == {
        ("call", "phone", "outbound", "answered", "ines", "A", True),
        ("call", "phone", "outbound", "answered", "henk", "B", True),
        ("visit", "shop", "inbound", None, None, "A", False),
        ("visit", "shop", "inbound", None, None, "B", False),
    }


def test_what_an_interaction_told_stands_in_the_log_once_it_is_known() -> None:
    interactions, log = tables(2_000)
    visits = interactions.filter(pc.equal(interactions["kind"], "visit"))
    occurred, recorded = (seconds(visits[name]) for name in ("occurred_at", "recorded_at"))
    assert 0.4 < (recorded < occurred).mean() < 0.6
    expected = zip(np.maximum(occurred, recorded), visits["lead_id"].to_pylist(), strict=True)
    entries = zip(seconds(log["recorded_at"]), log["lead_id"].to_pylist(), strict=True)
    assert list(entries) == sorted(expected)
    assert set(log["name"].to_pylist()) == {"wish"}
    assert set(log["value"].to_pylist()) == {"soon"}


def test_what_is_recorded_too_late_is_not_exported() -> None:
    interactions, _ = tables(80_000)
    missing = 80_000 - interactions.num_rows
    # Calls: one in twenty waits for 1.5 days. Visits: half of those are booked.
    expected = 0.05 * 1.5 / 40 * 80_000
    assert abs(missing - expected) < 5 * np.sqrt(expected)
    assert seconds(interactions["recorded_at"]).max() < ENDS_AT


def test_a_person_has_the_same_contacts_on_all_leads() -> None:
    columns = identity_columns(np.random.default_rng(5), np.array([0, 1, 0]))
    for name in ("birth_year", "contact_name", "email", "phone"):
        first, other, same = columns[name].to_pylist()
        assert first == same
        assert first != other
