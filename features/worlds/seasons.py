"""A made-up builder whose sales follow the calendar, and whose sources of leads differ extremely.

Every lead is in one of four hidden states: *never* (a dead address, it stays so), *asleep*,
*weighing* and *ready*. Waking up, getting ready and buying go with the demand of the day: each
product has its season, a price rise that is announced six weeks ahead makes people hurry before it
and hesitate after it. On Sundays, holidays and in the two weeks when the firm is shut nobody buys
and nobody is called. Leads are not alike from day to day either: bought lists come in on single
days, each with hundreds of leads of which nearly none is alive; campaigns bring many poor leads for
three weeks. `source` tells nearly all about a fresh lead: one in fifty of a bought list is alive,
nine in ten of those whom a client refers.

Leads are taken in by night, between midnight and six; all else happens by day, interactions until
18 and purchases and losses from then until 22 o'clock (UTC). So each lead's day is a day of the
calendar, and the truth is exact: the Bayes filter of the four states given the attributes, all
interactions that occurred before the instant and that the lead is still open, and then the
probability to buy on the days ahead *as they will be*: seasons, holidays and the price rise are
known. No feature of a lead's history says when the season is, so a model stays below the truth by
what it cannot infer from ages and interactions. Where a rate of buyers is asked for, one factor
moves the hazards of buying and the odds of being alive; the expected rate is computed exactly.

Product, owner, durations, times within a day, names and years of birth tell nothing of the state;
the product decides the season. `warranty_number` is given to those who buy: it must not become a
feature.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrays import Bool, Float64, Int64
from features.worlds.crm import (
    DAY,
    ENDS_AT,
    HOT_DAYS,
    SNAPSHOT_EVERY_DAYS,
    SNAPSHOT_UNTIL_DAYS,
    WARM_DAYS,
    Knobs,
    MadeUpCrm,
    config_text,
)
from features.worlds.drawing import (
    as_instants,
    draw_codes,
    factor_for_rate,
    lead_ids,
    truth_table,
)
from features.worlds.nuisances import as_world
from features.worlds.records import (
    InteractionType,
    Signal,
    as_probabilities,
    draw_by_row,
    event_tables,
    identity_columns,
)

# States: never, asleep, weighing, ready. Hazards are per day of full demand and full work.
_BUYING = np.array([1e-5, 5e-5, 0.004, 0.100])
_LOSING = np.array([0.024, 0.007, 0.008, 0.004])
_WAKES, _GETS_READY, _FALLS_ASLEEP, _COOLS = 0.010, 0.025, 0.015, 0.050

_HOLIDAYS = ("01-01", "01-06", "05-01", "08-15", "11-01", "12-08", "12-25", "12-26")
_SHUT = (("08-05", "08-16"), ("12-24", "12-31"))
_PRICE_RISE = np.datetime64("2025-04-01", "D")
_CAMPAIGNS = (("02-12", "03-04"), ("09-10", "09-30"))
_LISTS_ARRIVE = ("02-07", "05-14", "07-09", "10-15", "11-20")


class _Product(NamedTuple):
    """What somebody wants built: its share, and its season."""

    name: str
    share: float
    peak: int  # day of the year on which demand is highest
    swing: float  # by which share demand then exceeds its mean


_PRODUCTS = (
    _Product("heating", 0.40, 290, 0.75),
    _Product("terrace", 0.35, 115, 0.85),
    _Product("kitchen", 0.25, 330, 0.25),
)


class _Source(NamedTuple):
    """Where leads come from: their share, and the mix of states in which they come in."""

    name: str
    share: float
    mix: tuple[float, float, float, float]
    arrives: str = "always"


_SOURCES = (
    _Source("bought_list", 0.54, (0.982, 0.015, 0.0025, 0.0005), "lists"),
    _Source("campaign", 0.18, (0.90, 0.08, 0.017, 0.003), "campaigns"),
    _Source("website", 0.10, (0.56, 0.28, 0.13, 0.03)),
    _Source("trade_fair", 0.04, (0.44, 0.32, 0.19, 0.05)),
    _Source("architect", 0.05, (0.16, 0.28, 0.40, 0.16)),
    _Source("client_referral", 0.09, (0.07, 0.19, 0.44, 0.30)),
)
_SIGNALS = (
    Signal(
        "fields_filled_in",
        (1, 2, 3, 4, 5, 6),
        (
            (0.34, 0.26, 0.18, 0.12, 0.06, 0.04),
            (0.24, 0.24, 0.20, 0.16, 0.10, 0.06),
            (0.14, 0.18, 0.22, 0.20, 0.15, 0.11),
            (0.08, 0.13, 0.19, 0.22, 0.21, 0.17),
        ),
    ),
    Signal(
        "decides",
        ("alone", "with_partner", "landlord", None),
        (
            (0.26, 0.22, 0.22, 0.30),
            (0.24, 0.34, 0.16, 0.26),
            (0.26, 0.44, 0.10, 0.20),
            (0.34, 0.46, 0.06, 0.14),
        ),
    ),
    Signal(
        "building_age",
        (None, 5, 15, 30, 60, 90),
        (
            (0.34, 0.12, 0.16, 0.18, 0.12, 0.08),
            (0.28, 0.12, 0.18, 0.20, 0.13, 0.09),
            (0.24, 0.09, 0.17, 0.24, 0.15, 0.11),
            (0.20, 0.08, 0.16, 0.26, 0.18, 0.12),
        ),
    ),
    Signal(
        "region",
        ("north", "coast", "river", "uplands"),
        (
            (0.30, 0.26, 0.24, 0.20),
            (0.29, 0.26, 0.25, 0.20),
            (0.27, 0.27, 0.25, 0.21),
            (0.27, 0.28, 0.24, 0.21),
        ),
    ),
)
_OWNERS = ("lena", "marek", "nadia", "otto")


def _type(
    words: str,
    seconds: int,
    rates: tuple[float, float, float, float],
    learnt: tuple[str, str] | None = None,
    is_booked: bool = False,
) -> InteractionType:
    """Interaction type of the words ``channel kind direction [outcome]``."""
    channel, kind, direction, *outcome = words.split()
    return InteractionType(
        channel,
        kind,
        "inbound" if direction == "inbound" else "outbound",
        outcome[0] if outcome else None,
        seconds,
        rates,
        learnt,
        is_booked,
    )


_TYPES = (
    _type("website price_page inbound", 0, (0.003, 0.020, 0.070, 0.110)),
    _type("website planner inbound", 0, (0.001, 0.008, 0.045, 0.050)),
    _type("mail brochure_request inbound", 0, (0.002, 0.010, 0.022, 0.012)),
    _type("telephone question inbound answered", 240, (0.001, 0.005, 0.025, 0.050)),
    _type("telephone date_question inbound answered", 180, (0.0003, 0.001, 0.006, 0.070)),
    _type("showroom visit inbound", 1800, (0.0005, 0.003, 0.018, 0.040)),
    _type("mail bounce inbound", 0, (0.012, 0.001, 0.0005, 0.0005)),
    _type("mail complaint inbound", 0, (0.004, 0.001, 0.0005, 0.0004)),
    _type("mail mailing outbound", 0, (0.030, 0.030, 0.030, 0.030)),
    _type("telephone sales_call outbound unreached", 0, (0.070, 0.050, 0.030, 0.018)),
    _type("telephone sales_call outbound wrong_number", 30, (0.012, 0.0008, 0.0004, 0.0003)),
    _type("telephone sales_call outbound polite_no", 80, (0.016, 0.018, 0.008, 0.002)),
    _type(
        "telephone sales_call outbound interested",
        300,
        (0.0004, 0.003, 0.010, 0.030),
        ("wish_date", "this_season"),
    ),
    _type(
        "telephone sales_call outbound interested",
        300,
        (0.0012, 0.009, 0.016, 0.006),
        ("wish_date", "next_season"),
    ),
    _type(
        "site measuring outbound finished",
        3600,
        (0.0001, 0.0006, 0.008, 0.040),
        ("access", "easy"),
        is_booked=True,
    ),
    _type(
        "site measuring outbound finished",
        3600,
        (0.0001, 0.0006, 0.006, 0.010),
        ("access", "hard"),
        is_booked=True,
    ),
    _type("mail estimate outbound", 0, (0.0002, 0.001, 0.016, 0.060)),
)
_RATES = np.array([t.rates for t in _TYPES])
_OUTBOUND = np.array([t.direction == "outbound" for t in _TYPES])
_TYPES_IN, _TYPES_OUT = np.flatnonzero(~_OUTBOUND), np.flatnonzero(_OUTBOUND)
_OPEN, _BOUGHT, _LOST = 0, 1, 2


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth."""
    calendar = _calendar(knobs.days)
    mechanism = _mechanism(_factor(knobs.rate, knobs.days), calendar)
    population = _population(rng, mechanism, calendar, leads)
    lives = _lives(rng, mechanism, calendar, population)
    ids = lead_ids(leads)
    owner = pa.array(_OWNERS).take(pa.array(draw_codes(rng, [0.25] * 4, leads)))
    interactions, log = event_tables(
        rng,
        ids,
        _TYPES,
        lives.event_lead,
        lives.event_at,
        lives.event_type,
        population.created_at,
        owner,
    )
    look = lives.look_lead
    day = population.first_day[look] + lives.look_age
    hot, warm = (
        (lives.look_belief * _buys_within(mechanism, horizon)[day, population.product[look]]).sum(1)
        for horizon in (HOT_DAYS, WARM_DAYS)
    )
    as_of = population.created_at[look] + DAY * lives.look_age
    return MadeUpCrm(
        leads=_leads_table(rng, population, lives, ids, owner),
        interactions=interactions,
        attributes=log,
        truth=truth_table(ids, look, as_of, hot, warm),
        config=_CONFIG,
    )


class _Calendar(NamedTuple):
    """The days of the export and, behind them, those that the truth looks ahead to.

    Attributes
    ----------
    days : int
        Length of the export.
    starts_at : int
        Midnight before its first day, in seconds.
    work : float64 array of shape (days and more,)
        How much the firm works: 0 where it is shut, 0.5 on Saturdays, else 1.
    demand : float64 array of shape (days and more, products)
        Season times what the price rise does.
    arrivals : float64 array of shape (days, sources)
        Share of leads that come in on a day and from a source; adds up to 1.
    """

    days: int
    starts_at: int
    work: Float64
    demand: Float64
    arrivals: Float64


@cache
def _calendar(days: int) -> _Calendar:
    first_day = ENDS_AT // DAY - days
    date = np.arange(first_day, first_day + days + WARM_DAYS + 1).astype("datetime64[D]")
    year_start = date.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = (date - year_start).astype(np.int64)
    month_day = np.array([str(day)[5:] for day in date])
    weekday = (date.astype(np.int64) + 3) % 7  # Monday is 0
    shut = (weekday == 6) | np.isin(month_day, _HOLIDAYS) | _within(month_day, _SHUT)
    work = np.where(shut, 0.0, np.where(weekday == 5, 0.5, 1.0))
    season = np.stack(
        [1 + p.swing * np.cos(2 * np.pi * (day_of_year - p.peak) / 365.25) for p in _PRODUCTS],
        axis=1,
    )
    growth = np.where(weekday < 5, 1.0, 0.5) * (1 + np.arange(len(date)) / days)
    weight = {
        "always": growth * (season @ [p.share for p in _PRODUCTS]),
        "campaigns": np.where(_within(month_day, _CAMPAIGNS), 1.0, 0.0),
        "lists": np.isin(month_day, _LISTS_ARRIVE) * 1.0,
    }
    arrivals = np.stack([weight[s.arrives][:days] for s in _SOURCES], axis=1)
    # A short export may hold no campaign or list; then nothing comes from there.
    arrivals *= [s.share for s in _SOURCES] / np.maximum(arrivals.sum(axis=0), 1e-300)
    return _Calendar(
        days=days,
        starts_at=first_day * DAY,
        work=work,
        demand=season * _price_effect((date - _PRICE_RISE).astype(np.int64))[:, None],
        arrivals=arrivals / arrivals.sum(),
    )


def _within(month_day: npt.NDArray[np.str_], spans: tuple[tuple[str, str], ...]) -> Bool:
    """Whether days of the year lie in one of the spans, both ends included."""
    inside = np.zeros(len(month_day), np.bool_)
    for begin, end in spans:
        inside |= (month_day >= begin) & (month_day <= end)
    return inside


def _price_effect(since_rise: Int64) -> Float64:
    """Factor on demand: up to 2.5 in the six weeks before the rise, 0.35 after it, then 0.8."""
    hurry = 1 + 1.5 * np.clip(1 + since_rise / 42, 0, 1)
    effect: Float64 = np.where(
        since_rise < 0, hurry, 0.8 - 0.45 * np.exp(-np.maximum(since_rise, 0) / 45)
    )
    return effect


class _Mechanism(NamedTuple):
    """Probabilities by day of the calendar, product and state, and the mix that sources bring.

    Attributes
    ----------
    mix : float64 array of shape (sources, states)
        States of fresh leads.
    buys, loses : float64 arrays of shape (days, products, states)
        Probability of the end on a day.
    moves : float64 array of shape (days, products, states, states)
        Probability to be in a state (last axis) on the next day.
    """

    mix: Float64
    buys: Float64
    loses: Float64
    moves: Float64


def _mechanism(factor: float, calendar: _Calendar) -> _Mechanism:
    mix = np.array([s.mix for s in _SOURCES]) * np.array([1, *[factor**0.6] * 3])
    demand, work = calendar.demand[:, :, None], calendar.work[:, None, None]
    buying = factor**0.4 * _BUYING * demand * work
    losing = np.broadcast_to(_LOSING * work, buying.shape)
    total = buying + losing
    ends = -np.expm1(-total) / np.where(total > 0, total, 1)
    moves = np.zeros((*calendar.demand.shape, 4, 4))
    moves[..., 0, 0] = 1
    moves[..., 1, 2] = -np.expm1(-_WAKES * calendar.demand)
    moves[..., 2, 3] = -np.expm1(-_GETS_READY * calendar.demand)
    moves[..., 2, 1] = _FALLS_ASLEEP
    moves[..., 3, 2] = _COOLS
    for state in (1, 2, 3):
        moves[..., state, state] = 1 - moves[..., state, :].sum(axis=-1)
    return _Mechanism(mix / mix.sum(axis=1, keepdims=True), ends * buying, ends * losing, moves)


def _buys_within(mechanism: _Mechanism, days: int) -> Float64:
    """P(buys within some days | state at the beginning of a day), days × products × states."""
    probability = np.zeros_like(mechanism.buys)
    for _ in range(days):
        next_day = np.concatenate([probability[1:], probability[-1:]])
        probability = _one_day_before(mechanism, np.s_[:], next_day)
    return probability


def _one_day_before(mechanism: _Mechanism, day: slice | int, next_day: Float64) -> Float64:
    """Probability to buy, on a day or later, from that of the next day's states."""
    stays = 1 - mechanism.buys[day] - mechanism.loses[day]
    later: Float64 = (mechanism.moves[day] @ next_day[..., None])[..., 0]
    return mechanism.buys[day] + stays * later


@cache
def _factor(rate: float | None, days: int) -> float:
    if rate is None:
        return 1.0
    calendar = _calendar(days)
    return factor_for_rate(
        rate, lambda factor: _share_that_buys(_mechanism(factor, calendar), calendar)
    )


def _share_that_buys(mechanism: _Mechanism, calendar: _Calendar) -> float:
    """Share of leads that have bought by the end of the export, in expectation."""
    probability = np.zeros((len(_PRODUCTS), 4))
    share = 0.0
    for day in reversed(range(calendar.days)):
        probability = _one_day_before(mechanism, day, probability)
        fresh = calendar.arrivals[day] @ mechanism.mix
        share += float(_product_shares(calendar)[day] @ probability @ fresh)
    return share


def _product_shares(calendar: _Calendar) -> Float64:
    """What the leads of each day want, days × products: more of what is in season."""
    demand = calendar.demand * [p.share for p in _PRODUCTS]
    shares: Float64 = demand / demand.sum(axis=1, keepdims=True)
    return shares


class _Population(NamedTuple):
    """The leads as they come in, in the order of their creation."""

    created_at: Int64
    first_day: Int64
    source: Int64
    product: Int64
    state: Int64
    signal_codes: list[Int64]
    belief: Float64


def _population(
    rng: np.random.Generator, mechanism: _Mechanism, calendar: _Calendar, leads: int
) -> _Population:
    cell = np.sort(rng.choice(calendar.arrivals.size, leads, p=calendar.arrivals.ravel()))
    first_day, source = np.divmod(cell, len(_SOURCES))
    created_at = calendar.starts_at + DAY * first_day + rng.integers(0, 21_600, leads)
    order = np.argsort(created_at, kind="stable")
    created_at, source = created_at[order], source[order]  # the days are in order already
    state = draw_by_row(rng, mechanism.mix[source])
    signal_codes = [signal.draw(rng, state) for signal in _SIGNALS]
    log_belief = np.log(mechanism.mix)[source] + sum(
        signal.log_likelihood(codes) for signal, codes in zip(_SIGNALS, signal_codes, strict=True)
    )
    return _Population(
        created_at=created_at,
        first_day=first_day,
        source=source,
        product=draw_by_row(rng, _product_shares(calendar)[first_day]),
        state=state,
        signal_codes=signal_codes,
        belief=as_probabilities(log_belief),
    )


class _Lives(NamedTuple):
    """What happened to the leads; instants in seconds, 0 for what did not happen."""

    converted_at: Int64
    closed_at: Int64
    event_lead: Int64
    event_at: Int64
    event_type: Int64
    look_lead: Int64
    look_age: Int64
    look_belief: Float64


def _lives(
    rng: np.random.Generator, mechanism: _Mechanism, calendar: _Calendar, population: _Population
) -> _Lives:
    """Live through the calendar day by day, and filter as an observer would."""
    first_day, product = population.first_day, population.product
    state, belief = population.state.copy(), population.belief.copy()
    ended_at = np.zeros((3, len(state)), np.int64)
    next_fresh = np.searchsorted(first_day, np.arange(calendar.days + 1))
    lead = np.zeros(0, np.int64)
    events, looks = [], []
    for day in range(calendar.days):
        lead = np.concatenate([lead, np.arange(next_fresh[day], next_fresh[day + 1])])
        age = day - first_day[lead]
        is_look = (age % SNAPSHOT_EVERY_DAYS == 0) & (age <= SNAPSHOT_UNTIL_DAYS)
        looks.append((lead[is_look], age[is_look], belief[lead[is_look]]))
        midnight = calendar.starts_at + DAY * day
        effort = calendar.work[day] * (1 + 3 * np.exp(-age / 5))
        position, type_code = _emissions(rng, state[lead], effort)
        second = rng.triangular(25_200, 43_200, 64_800, len(position)).astype(np.int64)
        events.append((lead[position], midnight + second, type_code))
        buys, loses = (p[day][product[lead]] for p in (mechanism.buys, mechanism.loses))
        moves = mechanism.moves[day][product[lead]]
        belief[lead] = _updated(belief[lead], position, type_code, effort, 1 - buys - loses, moves)
        rows = np.arange(len(lead))
        chance, end_second = rng.random(len(lead)), rng.integers(64_800, 79_200, len(lead))
        buys, loses = buys[rows, state[lead]], loses[rows, state[lead]]
        end = np.select([chance < buys, chance < buys + loses], [_BOUGHT, _LOST], _OPEN)
        ended_at[end, lead] = midnight + end_second
        state[lead] = draw_by_row(rng, moves[rows, state[lead]])
        lead = lead[end == _OPEN]
    event_columns = (np.concatenate(column) for column in zip(*events, strict=True))
    look_columns = (np.concatenate(column) for column in zip(*looks, strict=True))
    return _Lives(ended_at[_BOUGHT], ended_at[_LOST], *event_columns, *look_columns)


def _emissions(rng: np.random.Generator, state: Int64, effort: Float64) -> tuple[Int64, Int64]:
    """Draw a day's interactions: the position of the lead and the type of each."""
    parts = []
    for types, factor in ((_TYPES_IN, 1.0), (_TYPES_OUT, effort)):
        total = _RATES[types].sum(axis=0)
        counts = rng.poisson(total[state] * factor)
        position = np.repeat(np.arange(len(state)), counts)
        shares = (_RATES[types] / total).T[state[position]]
        parts.append((position, types[draw_by_row(rng, shares)]))
    position, type_code = (np.concatenate(column) for column in zip(*parts, strict=True))
    return position, type_code


def _updated(
    belief: Float64,
    position: Int64,
    type_code: Int64,
    effort: Float64,
    survival: Float64,
    moves: Float64,
) -> Float64:
    """Bayes' rule for one day that the lead has survived, then the step into the next.

    The likelihood of Poisson counts n_k with rates λ_k(state) is ∏ λ_k^n_k · exp(−∑ λ_k); factors
    that are the same in all states cancel.
    """
    log_likelihood = -_RATES[_TYPES_IN].sum(axis=0) - np.outer(
        effort, _RATES[_TYPES_OUT].sum(axis=0)
    )
    np.add.at(log_likelihood, position, np.log(_RATES)[type_code])
    posterior = belief * survival * np.exp(log_likelihood - log_likelihood.max(axis=1)[:, None])
    posterior /= posterior.sum(axis=1, keepdims=True)
    stepped: Float64 = (posterior[:, None, :] @ moves)[:, 0]
    return stepped


def _leads_table(
    rng: np.random.Generator,
    population: _Population,
    lives: _Lives,
    ids: pa.Array,
    owner: pa.Array,
) -> pa.Table:
    """Make the leads as the export shows them."""
    leads = len(ids)
    codes = zip(_SIGNALS, population.signal_codes, strict=True)
    sources = pa.array([s.name for s in _SOURCES])
    products = pa.array([p.name for p in _PRODUCTS])
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(population.created_at),
            "converted_at": as_instants(lives.converted_at),
            "closed_at": as_instants(lives.closed_at),
            "source": sources.take(pa.array(population.source)),
            "product": products.take(pa.array(population.product)),
            **{signal.name: signal.column(code) for signal, code in codes},
            "owner": owner,
            **identity_columns(rng, np.arange(leads)),
            "warranty_number": pa.array(
                [f"W{i:07d}" for i in range(1, leads + 1)], mask=lives.converted_at == 0
            ),
        }
    )


_CONFIG = config_text(
    fixed_at_creation=("source", "product", *(signal.name for signal in _SIGNALS), "owner"),
    left_out="The others are not used: contact_name, email, phone and notes are personal data, "
    "birth_year is sensitive, and warranty_number is given to a lead when it buys, so it would "
    "tell the outcome.",
    numbers=("fields_filled_in", "building_age"),
    measures=("duration_seconds",),
    log=("wish_date", "access"),
)
