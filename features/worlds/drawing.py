"""What several worlds draw in the same way, and the columns that they make of it.

Random numbers come from the generator that is handed in, in the order of the calls: a world that
calls these functions in the same order gets the same bits.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq

from features.arrays import Bool, Float64, Int64
from features.worlds.crm import DAY, DAYS, ENDS_AT


def lead_ids(leads: int) -> pa.Array:
    """Names of the leads in the order of their creation: L0000001 and so on."""
    return pa.array([f"L{i:07d}" for i in range(1, leads + 1)])


def as_instants(seconds: Int64) -> pa.Array:
    """Seconds since the epoch as an Arrow timestamp in UTC; 0 is null."""
    return pa.array(1_000_000 * seconds, pa.int64(), mask=seconds == 0).cast(
        pa.timestamp("us", tz="UTC")
    )


def truth_table(ids: pa.Array, lead: Int64, as_of: Int64, hot: Float64, warm: Float64) -> pa.Table:
    """Make the table of true probabilities.

    Parameters
    ----------
    ids : pyarrow.Array
        Name of each lead.
    lead : int64 array of shape (looks,)
        Position of the lead in `ids`.
    as_of : int64 array of shape (looks,)
        Instant of the look, in seconds.
    hot : float64 array of shape (looks,)
        True probability of a purchase within 14 days.
    warm : float64 array of shape (looks,)
        The same for 90 days.
    """
    return pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "as_of": as_instants(as_of),
            "hot_probability": hot,
            "warm_probability": warm,
        }
    )


def draw_codes(rng: np.random.Generator, shares: Sequence[float], leads: int) -> Int64:
    """Draw which of several values each lead has.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    shares : sequence of float
        Share of each value; they add up to 1.
    leads : int
        How many to draw.
    """
    return rng.choice(len(shares), leads, p=shares)


def draw_creations(rng: np.random.Generator, leads: int, days: int = DAYS) -> Int64:
    """Draw when the leads come in: twice as many at the end, few at weekends and by night.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    leads : int
        How many to draw.
    days : int
        Length of the export in days; its end is `ENDS_AT`.

    Returns
    -------
    int64 array of shape (leads,)
        Instants in seconds, ascending.
    """
    starts_at = ENDS_AT - days * DAY
    since_start = np.arange(days)
    week = np.array([1.1, 1.1, 1.0, 1.0, 0.9, 0.45, 0.35])  # from Monday on
    weekday = (since_start + starts_at // DAY + 3) % 7  # 1970-01-01 was a Thursday
    weight = (1 + since_start / days) * week[weekday]
    day = rng.choice(since_start, leads, p=weight / weight.sum())
    clock = rng.triangular(21_600, 46_800, 82_800, leads).astype(int)
    return np.sort(starts_at + day * DAY + clock)


def draw_recorded(
    rng: np.random.Generator, created_at: Int64, occurred_at: Int64, is_booked: Bool
) -> Int64:
    """Draw when each interaction is written down.

    One in twenty is late, by 1.5 days on average; half of what is booked is written down when it is
    booked, up to a week ahead.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    created_at : int64 array of shape (interactions,)
        When the lead came in, in seconds; nothing is written down before.
    occurred_at : int64 array of shape (interactions,)
        When the interaction took place, in seconds.
    is_booked : bool array of shape (interactions,)
        Whether it is of a kind that is booked ahead, such as a meeting.
    """
    chance = rng.random(len(occurred_at))
    late_at = occurred_at + 60 + rng.exponential(1.5 * DAY, len(occurred_at)).astype(np.int64)
    booked_at = occurred_at - rng.integers(3600, 7 * DAY, len(occurred_at))
    recorded = np.where(chance < 0.05, late_at, occurred_at)
    return np.where(is_booked & (chance > 0.5), np.maximum(booked_at, created_at), recorded)


def contact_columns(leads: int) -> dict[str, pa.Array]:
    """Personal data of each lead, none of it anybody's: names, addresses, telephone numbers."""
    numbers = range(1, leads + 1)
    return {
        "contact_name": pa.array([f"Contact Person {i}" for i in numbers]),
        "email": pa.array([f"contact{i}@example.org" for i in numbers]),
        "phone": pa.array([f"+1 202 555 01{i % 100:02d}" for i in numbers]),
    }


def factor_for_rate(rate: float, share_that_buys: Callable[[float], float]) -> float:
    """Find the factor on all hazards of buying at which the expected share of buyers is `rate`.

    Parameters
    ----------
    rate : float
        Share of leads that buy, between 0 and 1.
    share_that_buys : callable
        Expected share of leads that buy at a factor; it grows with the factor.

    Returns
    -------
    float
        The factor, between 1e-4 and 1e5.

    Raises
    ------
    ValueError
        No factor gives this rate.
    """
    low, high = np.log(1e-4), np.log(1e5)

    def miss(log_factor: float) -> float:
        return share_that_buys(float(np.exp(log_factor))) - rate

    if not miss(low) < 0 < miss(high):
        raise ValueError(f"rate must be one that this world can have, got {rate}.")
    return float(np.exp(brentq(miss, low, high, rtol=1e-5)))
