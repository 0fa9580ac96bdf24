"""Signals, interactions and contacts as the records of a made-up firm show them."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chisquare

from features.worlds.crm import DAY, ENDS_AT
from features.worlds.records import (
    InteractionType,
    Signal,
    as_probabilities,
    contact_columns,
    draw_by_row,
    event_tables,
)

SIGNAL = Signal("colour", ("red", "blue", None), ((0.5, 0.3, 0.2), (0.1, 0.1, 0.8)))
TYPES = (
    InteractionType("phone", "call", "outbound", "answered", 120, (0.1, 0.2)),
    InteractionType("shop", "visit", "inbound", None, 0, (0.1, 0.2), ("wish", "soon")),
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


def tables(late_share: float) -> tuple[pa.Table, pa.Table]:
    lead = np.array([1, 0, 0, 1])
    at = ENDS_AT - DAY * np.array([30, 20, 40, 35])
    return event_tables(
        np.random.default_rng(3), pa.array(["A", "B"]), TYPES, lead, at, np.array([0, 1, 0, 1]),
        pa.array(["ines", "henk"]), late_share,
    )  # fmt: skip


def test_interactions_are_ordered_and_carry_the_words_of_their_type() -> None:
    interactions, _ = tables(0.0)
    assert interactions["lead_id"].to_pylist() == ["A", "A", "B", "B"]
    assert ((ENDS_AT - seconds(interactions["occurred_at"])) // DAY).tolist() == [40, 20, 35, 30]
    assert interactions["kind"].to_pylist() == ["call", "visit", "visit", "call"]
    assert interactions["outcome"].to_pylist() == ["answered", None, None, "answered"]
    assert interactions["agent"].to_pylist() == ["ines", None, None, "henk"]
    assert interactions["duration_seconds"].is_valid().to_pylist() == [True, False, False, True]
    assert interactions["recorded_at"] == interactions["occurred_at"]


def test_what_an_interaction_told_stands_in_the_log_when_it_is_recorded() -> None:
    interactions, log = tables(1.0)
    assert log["lead_id"].to_pylist() == ["B", "A"]
    assert log.select(["name", "value"]).to_pylist() == [{"name": "wish", "value": "soon"}] * 2
    assert set(seconds(log["recorded_at"])) < set(seconds(interactions["recorded_at"]))


def test_a_share_is_recorded_late_and_what_is_too_late_is_not_exported() -> None:
    rng = np.random.default_rng(4)
    lead, at = np.zeros(40_000, np.int64), ENDS_AT - rng.integers(1, 40 * DAY, 40_000)
    interactions, _ = event_tables(
        rng, pa.array(["A"]), TYPES, lead, at, np.zeros(40_000, np.int64), pa.array(["ines"]), 0.3
    )
    wait = seconds(interactions["recorded_at"]) - seconds(interactions["occurred_at"])
    lost = 40_000 - interactions.num_rows  # 0.3 of those in a window as long as the mean delay
    assert abs(lost - 300) < 4 * np.sqrt(300)
    assert abs((wait > 0).mean() - 0.3) < 0.012
    assert abs(wait[wait > 0].mean() / DAY - 1) < 0.05
    assert seconds(interactions["recorded_at"]).max() < ENDS_AT


def test_a_person_has_the_same_contacts_on_all_leads() -> None:
    columns = contact_columns(np.random.default_rng(5), np.array([0, 1, 0]))
    for name in ("birth_year", "contact_name", "email", "phone"):
        first, other, same = columns[name].to_pylist()
        assert first == same
        assert first != other
