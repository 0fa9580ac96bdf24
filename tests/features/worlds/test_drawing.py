"""What several worlds draw in the same way."""

import numpy as np
import pytest

from features.worlds.crm import DAY, ENDS_AT
from features.worlds.drawing import (
    as_instants,
    contact_columns,
    draw_codes,
    draw_creations,
    draw_recorded,
    factor_for_rate,
    lead_ids,
    truth_table,
)


def test_ids_count_up_and_a_zero_is_no_instant() -> None:
    assert lead_ids(2).to_pylist() == ["L0000001", "L0000002"]
    instants = as_instants(np.array([0, ENDS_AT]))
    assert instants.null_count == 1
    assert instants[1].as_py().isoformat() == "2026-01-01T00:00:00+00:00"


def test_the_truth_names_the_lead_of_each_look() -> None:
    table = truth_table(
        lead_ids(3), np.array([2, 0]), np.array([1, 2]), np.array([0.1, 0.2]), np.array([0.3, 0.4])
    )
    assert table["lead_id"].to_pylist() == ["L0000003", "L0000001"]
    assert table["warm_probability"].to_pylist() == [0.3, 0.4]


def test_codes_come_in_their_shares() -> None:
    codes = draw_codes(np.random.default_rng(1), [0.2, 0.5, 0.3], 40_000)
    share = np.bincount(codes, minlength=3) / 40_000
    assert np.abs(share - [0.2, 0.5, 0.3]).max() < 4 * np.sqrt(0.25 / 40_000)


@pytest.mark.parametrize("days", [304, 731])
def test_leads_come_in_all_the_time_few_at_weekends_twice_as_many_at_the_end(days: int) -> None:
    created_at = draw_creations(np.random.default_rng(2), 60_000, days)
    assert (np.diff(created_at) >= 0).all()
    assert ENDS_AT - days * DAY <= created_at[0]
    assert created_at[-1] < ENDS_AT
    since_end = (ENDS_AT - created_at) / DAY
    # The density grows linearly from 1 to 2: the second half of the time has 7/12 of the leads.
    assert abs((since_end < days / 2).mean() - 7 / 12) < 0.012
    weekday = (created_at // DAY + 3) % 7
    assert abs((weekday >= 5).mean() - 0.80 / 5.9) < 0.006


def test_the_factor_gives_the_rate_that_is_asked_for() -> None:
    factor = factor_for_rate(0.2, lambda factor: 1 - np.exp(-0.01 * factor))
    assert factor == pytest.approx(-np.log(0.8) / 0.01, rel=1e-4)


def test_a_rate_that_no_factor_gives_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rate must be one that this world can have, got 0\.5"):
        factor_for_rate(0.5, lambda factor: 0.3 * factor / (1 + factor))


def test_one_in_twenty_is_written_down_late_and_what_is_booked_often_ahead() -> None:
    n = 40_000
    occurred_at = np.full(n, ENDS_AT)
    created_at = occurred_at - 3 * DAY
    is_booked = np.arange(n) % 2 == 0
    recorded_at = draw_recorded(np.random.default_rng(3), created_at, occurred_at, is_booked)
    late, ahead = recorded_at > occurred_at, recorded_at < occurred_at
    assert abs(late.mean() - 0.05) < 4 * np.sqrt(0.05 / n)
    assert abs((recorded_at - occurred_at)[late].mean() / DAY - 1.5) < 4 * 1.5 / np.sqrt(0.05 * n)
    assert not ahead[~is_booked].any()
    assert abs(ahead[is_booked].mean() - 0.5) < 4 * np.sqrt(0.25 / (n / 2))
    assert recorded_at.min() == created_at[0]


def test_personal_data_are_of_nobody() -> None:
    columns = contact_columns(3)
    assert columns["email"].to_pylist()[2] == "contact3@example.org"
    assert len(set(columns["contact_name"].to_pylist())) == 3
    assert columns["phone"][0].as_py() == "+1 202 555 0101"
