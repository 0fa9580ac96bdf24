"""A made-up firm in which actions cause: who calls a lead, and when, changes whether it buys.

A lead is *gone*, *cold*, *curious* or *ready*, which nobody sees, and fresh, worked or refused,
which everybody sees. A fresh lead cools by the day until somebody calls. A call that reaches
somebody may warm them or annoy them; the cold are annoyed most, and the gone stay gone. Who refuses
is left in peace; some come back with an enquiry, are fresh again and go to somebody else.

People differ (`Firm`): a person's skill with leads that looked cold, warm or hot when they came in
multiplies the moves upwards in a call and the hazard of buying of worked leads. Who got which lead
in the past depended on how good it looked: people of standing got the better ones, and partly by a
sign of the hidden state that stands in no record (`Firm.hidden_bias`). In one half of the firms
standing follows skill, in the other it does not. So win rates of people look well in the first and
mislead in the second.

Leads are taken in between midnight and six; interactions happen until 18 and purchases and losses
from then until 22 o'clock (UTC). The truth is exact: the Bayes filter of the four states given the
attributes, who got the lead, all interactions before the instant, and that the lead is still open;
then the probability to buy in the days ahead as the firm works (`buying_chances`). The same
recursion answers what nobody can see in an export: what if this person called today, and what if
nobody called at all. Where a rate of buyers is asked for, one factor moves the hazards of buying.

Durations, times within a day, names and years of birth tell nothing. `contract_number` is given to
those who buy: it must not become a feature.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    draw_creations,
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

# States: gone, cold, curious, ready. Rates are per day.
_STATES = 4
_COLD, _CURIOUS = 1, 2
FRESH, WORKED, REFUSED = 0, 1, 2
"""Phases of a lead, which the records show: not called yet, called, and refused."""
_CALL_CHANCE = np.array([0.35, 0.12, 0.0])
_BUYING = np.array([0.0, 0.0002, 0.0010, 0.028])
_PHASE_APPEAL = np.array([0.6, 1.0, 0.4])
_LOSING = np.array([0.030, 0.012, 0.008, 0.005])


def _moves(*rows: tuple[float, float, float, float]) -> Float64:
    return np.array(rows)


_IDLE = _moves((1, 0, 0, 0), (0, 0.995, 0.005, 0), (0, 0.02, 0.974, 0.006), (0, 0, 0.03, 0.97))
_WAITING = _moves(
    (1, 0, 0, 0), (0.02, 0.975, 0.005, 0), (0, 0.07, 0.925, 0.005), (0, 0, 0.14, 0.86)
)
_CALLED = _moves(
    (1, 0, 0, 0), (0.06, 0.895, 0.045, 0), (0.01, 0.04, 0.875, 0.075), (0, 0, 0.02, 0.98)
)
_OUTCOMES = ("no_answer", "cool", "answered", "agreed_next_step", "refused")
_NO_ANSWER, _REFUSES = 0, 4
_OUTCOME_SHARES = np.array(
    [
        [0.50, 0.25, 0.10, 0.01, 0.14],
        [0.40, 0.25, 0.26, 0.03, 0.06],
        [0.35, 0.08, 0.40, 0.15, 0.02],
        [0.30, 0.02, 0.33, 0.34, 0.01],
    ]
)


class _Source(NamedTuple):
    """Where leads come from: their share, and the states in which they come in."""

    name: str
    share: float
    mix: tuple[float, float, float, float]


_SOURCES = (
    _Source("bought_list", 0.30, (0.50, 0.42, 0.07, 0.01)),
    _Source("website", 0.37, (0.18, 0.48, 0.27, 0.07)),
    _Source("trade_fair", 0.14, (0.10, 0.45, 0.33, 0.12)),
    _Source("referral", 0.19, (0.05, 0.32, 0.40, 0.23)),
)
_SIGNALS = (
    Signal(
        "form",
        ("general_call", "demo_download", "price_estimate", "callback"),
        (
            (0.40, 0.35, 0.15, 0.10),
            (0.30, 0.35, 0.22, 0.13),
            (0.18, 0.28, 0.34, 0.20),
            (0.10, 0.14, 0.38, 0.38),
        ),
    ),
    Signal(
        "decides",
        ("alone", "with_others", "somebody_else", None),
        (
            (0.15, 0.20, 0.30, 0.35),
            (0.22, 0.30, 0.22, 0.26),
            (0.30, 0.38, 0.14, 0.18),
            (0.42, 0.40, 0.07, 0.11),
        ),
    ),
    Signal(
        "fields_filled_in",
        (1, 2, 3, 4, 5),
        (
            (0.40, 0.28, 0.17, 0.10, 0.05),
            (0.28, 0.26, 0.22, 0.15, 0.09),
            (0.17, 0.22, 0.25, 0.21, 0.15),
            (0.10, 0.15, 0.23, 0.27, 0.25),
        ),
    ),
)
_ENQUIRY = 0
_TYPES = (
    InteractionType("web", "enquiry", "inbound", None, 0, (0.0005, 0.004, 0.020, 0.060)),
    InteractionType("web", "visit", "inbound", None, 0, (0.010, 0.040, 0.100, 0.180)),
    InteractionType("email", "newsletter_open", "inbound", None, 0, (0.02, 0.05, 0.06, 0.05)),
    InteractionType(
        "chat",
        "price_question",
        "inbound",
        "answered",
        120,
        (0.0005, 0.003, 0.020, 0.060),
        ("known_need", "price"),
    ),
    *(
        InteractionType("phone", "call", "outbound", outcome, seconds, (0, 0, 0, 0), learnt)
        for outcome, seconds, learnt in zip(
            _OUTCOMES,
            (0, 60, 180, 420, 45),
            (None, None, None, ("known_need", "delivery"), ("refusal_reason", "not_now")),
            strict=True,
        )
    ),
)
_FIRST_CALL_TYPE = 4
_INBOUND_RATES = np.array([t.rates for t in _TYPES[:_FIRST_CALL_TYPE]])
_NAMES = ("ana", "boris", "carla", "dinu", "elena", "fabio", "gil", "hanna")

TEMPERATURES = 3
"""How a lead looked when it came in: cold, warm or hot."""
WARM_LOOK, HOT_LOOK = 0.05, 0.11
"""From which chance to buy within 90 days on a fresh lead looks warm, and hot."""
# Skill per unit of log-odds of a purchase within 90 days.
_SKILL_PER_LOG_ODDS = 1.0
_LOOKS_WEIGHT = 0.6
_OPEN, _BOUGHT, _LOST = 0, 1, 2
_HAND_OVER_SECOND = 64_200  # after the day's interactions and ahead of its ends


@dataclass(frozen=True, slots=True)
class Firm:
    """The people of a firm, and who got which leads in the past.

    Parameters
    ----------
    skill : float64 array of shape (people, 3)
        Logarithm of what a person multiplies upward moves and hazards of buying by, for leads that
        looked cold, warm and hot.
    standing : float64 array of shape (people,)
        How much a person was favoured when good leads were handed out; mean 0, deviation 1.
    hidden_bias : float
        By how much, in log-odds, leads of somebody with standing 1 are better than they look.
    """

    skill: Float64
    standing: Float64
    hidden_bias: float

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.standing)


def draw_firm(
    rng: np.random.Generator,
    *,
    standing_follows_skill: bool,
    hidden_bias: float = 0.1,
    person_deviation: float = 0.2,
    temperature_deviation: float = 0.14,
    people: int = len(_NAMES),
) -> Firm:
    """Draw the people of a firm.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    standing_follows_skill : bool
        Whether those who are better were handed better leads; else standing is drawn by itself.
    hidden_bias : float, default 0.1
        See `Firm`; from 0 on.
    person_deviation : float, default 0.2
        Standard deviation of people in log-odds of a purchase within 90 days; 0 for equal people.
    temperature_deviation : float, default 0.14
        The same of what a person does differently with leads of each temperature.
    people : int, default 8
        How many people, at least 2.

    Raises
    ------
    ValueError
        A deviation or the bias is negative, or there are fewer than 2 people.
    """
    if min(hidden_bias, person_deviation, temperature_deviation) < 0:
        raise ValueError("hidden_bias and both deviations must be 0 or more.")
    if people < 2:
        raise ValueError(f"people must be at least 2, got {people}.")
    ability = rng.normal(size=people)
    by_temperature = rng.normal(size=(people, TEMPERATURES))
    luck = rng.normal(size=people)
    standing = 0.8 * ability + 0.6 * luck if standing_follows_skill else luck
    skill = _SKILL_PER_LOG_ODDS * (
        person_deviation * ability[:, None] + temperature_deviation * by_temperature
    )
    return Firm(skill, (standing - standing.mean()) / standing.std(), hidden_bias)


@dataclass(frozen=True, slots=True)
class FreshLeads:
    """Leads as they come in.

    Parameters
    ----------
    source : int64 array of shape (leads,)
        Position of each lead's source.
    signal_codes : list of int64 array of shape (leads,)
        Position of each lead's value, signal by signal.
    state : int64 array of shape (leads,)
        The hidden state.
    belief : float64 array of shape (leads, 4)
        Probability of each state given source and signals.
    temperature : int64 array of shape (leads,)
        How it looks by that belief: 0 cold, 1 warm, 2 hot.
    """

    source: Int64
    signal_codes: list[Int64]
    state: Int64
    belief: Float64
    temperature: Int64

    @property
    def attributes(self) -> Float64:
        """Source and signals as indicators, leads × values; what a score may be learned from."""
        codes = ((self.source, len(_SOURCES)), *zip(self.signal_codes, _SIGNAL_SIZES, strict=True))
        return np.hstack([np.eye(size)[code] for code, size in codes])


_SIGNAL_SIZES = [len(signal.values) for signal in _SIGNALS]


def draw_fresh_leads(rng: np.random.Generator, leads: int) -> FreshLeads:
    """Draw leads as they come in.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    leads : int
        How many.
    """
    source = draw_codes(rng, [s.share for s in _SOURCES], leads)
    mix = np.array([s.mix for s in _SOURCES])[source]
    state = draw_by_row(rng, mix)
    codes = [signal.draw(rng, state) for signal in _SIGNALS]
    likelihood = [s.log_likelihood(code) for s, code in zip(_SIGNALS, codes, strict=True)]
    belief = as_probabilities(np.log(mix) + sum(likelihood))
    temperature = np.searchsorted([WARM_LOOK, HOT_LOOK], belief @ _usual_chance(), "right")
    return FreshLeads(source, codes, state, belief, temperature)


@cache
def _usual_chance() -> Float64:
    """P(a fresh lead buys within 90 days | hidden state) where all people are equal."""
    equals = Firm(np.zeros((1, TEMPERATURES)), np.zeros(1), 0.0)
    chance: Float64 = buying_chances(equals, WARM_DAYS)[0, 0, FRESH]
    return chance


def owner_chances(firm: Firm, leads: FreshLeads) -> Float64:
    """P(a person is handed a lead | how it looks, hidden state), leads × states × people.

    Parameters
    ----------
    firm : Firm
        The people.
    leads : FreshLeads
        The leads that are handed out.
    """
    chance = _usual_chance()
    expected = leads.belief @ chance
    log_odds = np.log(expected / (1 - expected))
    looks = (log_odds - log_odds.mean()) / max(log_odds.std(), 1e-9)
    # So that a bias of b makes the leads of somebody with standing 1 by exp(b) better than they
    # look, to the first order: a tilt by r changes the mean by its covariance with the chance.
    unseen = float((leads.belief @ chance**2 - expected**2).mean())
    cue = (chance - expected.mean()) * expected.mean() / max(unseen, 1e-9)
    tilt = _LOOKS_WEIGHT * looks[:, None] + firm.hidden_bias * cue
    return as_probabilities(tilt[:, :, None] * firm.standing)


class _Mechanism(NamedTuple):
    """Probabilities of one day for each person and temperature.

    Attributes
    ----------
    buys : float64 array of shape (people, temperatures, phases, states)
        Probability to buy in the evening.
    called : float64 array of shape (people, temperatures, states, states)
        Moves of a day on which a call reached somebody.
    """

    buys: Float64
    called: Float64


def _mechanism(firm: Firm, factor: float) -> _Mechanism:
    boost = np.exp(firm.skill)[..., None]
    hazard = factor * _BUYING * _PHASE_APPEAL[:, None] * np.ones((*firm.skill.shape, 1, 1))
    hazard[..., WORKED, :] *= boost
    called = np.broadcast_to(_CALLED, (*firm.skill.shape, _STATES, _STATES)).copy()
    for state in (_COLD, _CURIOUS):
        upward = np.minimum(
            called[..., state, state + 1] * boost[..., 0], called[..., state, state]
        )
        called[..., state, state] -= upward - called[..., state, state + 1]
        called[..., state, state + 1] = upward
    return _Mechanism(-np.expm1(-hazard) * (1 - _LOSING), called)


def _day_before(mechanism: _Mechanism, later: Float64, call_chance: Float64) -> Float64:
    """P(buys from a morning on) from that of the next one.

    Both are arrays of shape (people, temperatures, phases, states).
    """

    def from_evening(phase: int, moves: Float64, next_day: Float64) -> Float64:
        buys = mechanism.buys[..., phase, :]
        stays = 1 - buys - _LOSING
        expected: Float64 = buys + stays * (moves @ next_day[..., None])[..., 0]
        return expected

    worked = later[..., WORKED, :]
    refuses = from_evening(REFUSED, mechanism.called, later[..., REFUSED, :])
    no_answer = from_evening(WORKED, _IDLE, worked)
    reached = from_evening(WORKED, mechanism.called, worked)
    share = _OUTCOME_SHARES
    called = share[:, _NO_ANSWER] * no_answer + share[:, _REFUSES] * refuses
    called += (1 - share[:, _NO_ANSWER] - share[:, _REFUSES]) * reached
    back = from_evening(
        FRESH, _IDLE, np.broadcast_to(later[..., FRESH, :].mean(axis=0), worked.shape)
    )
    returns = -np.expm1(-_INBOUND_RATES[_ENQUIRY])
    uncalled = np.stack(
        [
            from_evening(FRESH, _WAITING, later[..., FRESH, :]),
            no_answer,
            returns * back + (1 - returns) * from_evening(REFUSED, _IDLE, later[..., REFUSED, :]),
        ],
        axis=-2,
    )
    chance = call_chance[:, None]
    expected: Float64 = chance * called[..., None, :] + (1 - chance) * uncalled
    return expected


def buying_chances(
    firm: Firm, days: int, *, calls: bool = True, today: bool = False, factor: float = 1.0
) -> Float64:
    """P(buys within some days) by who has the lead, temperature, phase and hidden state.

    Parameters
    ----------
    firm : Firm
        The people.
    days : int
        Within how many days.
    calls : bool, default True
        Whether anybody calls in these days.
    today : bool, default False
        Whether the person calls today for certain; from tomorrow on as usual.
    factor : float, default 1.0
        Factor on all hazards of buying.

    Returns
    -------
    float64 array of shape (people, 3, 3, 4)
        The probability as of the morning.
    """
    mechanism = _mechanism(firm, factor)
    usual = _CALL_CHANCE if calls else np.zeros(3)
    probability = np.zeros((*firm.skill.shape, 3, _STATES))
    for day in reversed(range(days)):
        chance = np.ones(3) if today and day == 0 else usual
        probability = _day_before(mechanism, probability, chance)
    return probability


def waiting_week(firm: Firm) -> tuple[Float64, Float64]:
    """What a week without a call does to fresh leads.

    Parameters
    ----------
    firm : Firm
        The people; all hazards of fresh leads are the same for them.

    Returns
    -------
    bought : float64 array of shape (4,)
        Probability to buy in the week, by hidden state.
    stays : float64 array of shape (4, 4)
        Probability to be still open after it in each state (last axis), by state.
    """
    buys = _mechanism(firm, 1.0).buys[0, 0, FRESH]
    day = (1 - buys - _LOSING)[:, None] * _WAITING
    bought, stays = np.zeros(_STATES), np.eye(_STATES)
    for _ in range(7):
        bought = bought + stays @ buys
        stays = stays @ day
    return bought, stays


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth."""
    firm = draw_firm(rng, standing_follows_skill=bool(rng.random() < 0.5))
    creations = draw_creations(rng, leads, knobs.days)
    created_at = np.sort(creations // DAY * DAY + rng.integers(0, 21_600, leads))
    fresh = draw_fresh_leads(rng, leads)
    chances = owner_chances(firm, fresh)
    owner = draw_by_row(rng, chances[np.arange(leads), fresh.state])
    belief = fresh.belief * chances[np.arange(leads), :, owner]
    belief /= belief.sum(axis=1, keepdims=True)
    factor = _factor(firm, knobs, created_at, owner, fresh.temperature, belief)
    lives = _lives(rng, firm, factor, created_at, fresh, owner, belief, knobs.days)
    ids = lead_ids(leads)
    names = pa.array(_NAMES)
    interactions, log = event_tables(
        rng,
        ids,
        _TYPES,
        lives.event_lead,
        lives.event_at,
        lives.event_type,
        created_at,
        names.take(pa.array(owner)),
    )
    entry_lead = np.concatenate([np.arange(leads), lives.return_lead])
    entry_at = np.concatenate([created_at, lives.return_at])
    entry_owner = np.concatenate([owner, lives.return_owner])
    order = np.lexsort((entry_at, entry_lead))
    hand_overs = tuple(column[order] for column in (entry_lead, entry_at, entry_owner))
    hot, warm = (
        (lives.look_belief * buying_chances(firm, days, factor=factor)[
            lives.look_owner, fresh.temperature[lives.look_lead], lives.look_phase
        ]).sum(axis=1)
        for days in (HOT_DAYS, WARM_DAYS)
    )  # fmt: skip
    as_of = created_at[lives.look_lead] + DAY * lives.look_age
    return MadeUpCrm(
        leads=_leads_table(rng, fresh, lives, ids, created_at),
        interactions=_with_agents(interactions, ids, names, *hand_overs),
        attributes=_with_owners(log, ids, names, *hand_overs),
        truth=truth_table(ids, lives.look_lead, as_of, hot, warm),
        config=_CONFIG,
    )


def _factor(
    firm: Firm,
    knobs: Knobs,
    created_at: Int64,
    owner: Int64,
    temperature: Int64,
    belief: Float64,
) -> float:
    """Factor on the hazards of buying at which the expected share of buyers is the rate."""
    if knobs.rate is None:
        return 1.0
    days = (ENDS_AT - created_at) // DAY

    def share_that_buys(factor: float) -> float:
        mechanism = _mechanism(firm, factor)
        chance = np.zeros((*firm.skill.shape, 3, _STATES))
        expected = np.zeros(len(days))
        for day in range(1, knobs.days + 1):
            chance = _day_before(mechanism, chance, _CALL_CHANCE)
            rows = np.flatnonzero(days == day)
            expected[rows] = (belief[rows] * chance[owner[rows], temperature[rows], FRESH]).sum(
                axis=1
            )
        return float(expected.mean())

    return factor_for_rate(knobs.rate, share_that_buys)


class _Lives(NamedTuple):
    """What happened to the leads; instants in seconds, 0 for what did not happen."""

    converted_at: Int64
    closed_at: Int64
    event_lead: Int64
    event_at: Int64
    event_type: Int64
    return_lead: Int64
    return_at: Int64
    return_owner: Int64
    look_lead: Int64
    look_age: Int64
    look_owner: Int64
    look_phase: Int64
    look_belief: Float64


def _lives(
    rng: np.random.Generator,
    firm: Firm,
    factor: float,
    created_at: Int64,
    fresh: FreshLeads,
    first_owner: Int64,
    first_belief: Float64,
    days: int,
) -> _Lives:
    """Live through the calendar day by day, and filter as an observer would."""
    mechanism = _mechanism(firm, factor)
    state, owner, belief = fresh.state.copy(), first_owner.copy(), first_belief.copy()
    phase = np.full(len(state), FRESH)
    ended_at = np.zeros((3, len(state)), np.int64)
    starts_at = ENDS_AT - days * DAY
    first_day = (created_at - starts_at) // DAY
    next_fresh = np.searchsorted(first_day, np.arange(days + 1))
    lead = np.zeros(0, np.int64)
    events, returns, looks = [], [], []
    for day in range(days):
        lead = np.concatenate([lead, np.arange(next_fresh[day], next_fresh[day + 1])])
        age = day - first_day[lead]
        looked_at = lead[(age % SNAPSHOT_EVERY_DAYS == 0) & (age <= SNAPSHOT_UNTIL_DAYS)]
        looks.append(
            (
                looked_at,
                day - first_day[looked_at],
                owner[looked_at],
                phase[looked_at],
                belief[looked_at],
            )
        )
        midnight = starts_at + DAY * day
        counts = rng.poisson(_INBOUND_RATES.T[state[lead]])
        is_called = rng.random(len(lead)) < _CALL_CHANCE[phase[lead]]
        outcome = draw_by_row(rng, _OUTCOME_SHARES[state[lead]])
        position = np.repeat(np.arange(len(lead)), counts.sum(axis=1))
        inbound = np.tile(np.arange(_FIRST_CALL_TYPE), len(lead))
        types = np.concatenate(
            [np.repeat(inbound, counts.ravel()), _FIRST_CALL_TYPE + outcome[is_called]]
        )
        position = np.concatenate([position, np.flatnonzero(is_called)])
        second = rng.triangular(25_200, 43_200, 64_000, len(position)).astype(np.int64)
        events.append((lead[position], midnight + second, types))
        is_back = (phase[lead] == REFUSED) & (counts[:, _ENQUIRY] > 0)
        called = mechanism.called[owner[lead], fresh.temperature[lead]]
        moves = _moves_of_day(called, phase[lead], is_called, outcome)
        moves[is_back] = _IDLE
        back = lead[is_back]
        owner[back] = rng.integers(firm.people, size=len(back))
        returns.append((back, np.full(len(back), midnight + _HAND_OVER_SECOND), owner[back]))
        refuses = is_called & (outcome == _REFUSES)
        phase[lead] = np.select(
            [refuses, is_called, is_back], [REFUSED, WORKED, FRESH], phase[lead]
        )
        buys = mechanism.buys[owner[lead], fresh.temperature[lead], phase[lead]]
        belief[lead] = _updated(belief[lead], counts, is_called, outcome, buys, moves)
        rows = np.arange(len(lead))
        chance, end_second = rng.random(len(lead)), rng.integers(64_800, 79_200, len(lead))
        buys, loses = buys[rows, state[lead]], _LOSING[state[lead]]
        end = np.select([chance < buys, chance < buys + loses], [_BOUGHT, _LOST], _OPEN)
        ended_at[end, lead] = midnight + end_second
        state[lead] = draw_by_row(rng, moves[rows, state[lead]])
        lead = lead[end == _OPEN]
    event_columns = (np.concatenate(column) for column in zip(*events, strict=True))
    return_columns = (np.concatenate(column) for column in zip(*returns, strict=True))
    look_columns = (np.concatenate(column) for column in zip(*looks, strict=True))
    return _Lives(
        ended_at[_BOUGHT], ended_at[_LOST], *event_columns, *return_columns, *look_columns
    )


def _moves_of_day(called: Float64, phase: Int64, is_called: Bool, outcome: Int64) -> Float64:
    """Moves between states of each lead's day, leads × states × states."""
    moves = np.where((phase == FRESH)[:, None, None] & ~is_called[:, None, None], _WAITING, _IDLE)
    reached = is_called & (outcome != _NO_ANSWER)
    moves[reached] = called[reached]
    return moves


def _updated(
    belief: Float64, counts: Int64, is_called: Bool, outcome: Int64, buys: Float64, moves: Float64
) -> Float64:
    """Bayes' rule for one day that the lead has survived, then the step into the next.

    Whether somebody calls depends on the phase alone, so it says nothing of the state.
    """
    log_likelihood = counts @ np.log(_INBOUND_RATES) - _INBOUND_RATES.sum(axis=0)
    log_likelihood += np.where(is_called[:, None], np.log(_OUTCOME_SHARES.T[outcome]), 0.0)
    weight = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    posterior = belief * weight * (1 - buys - _LOSING)
    posterior /= posterior.sum(axis=1, keepdims=True)
    stepped: Float64 = (posterior[:, None, :] @ moves)[:, 0]
    return stepped


def _with_agents(
    interactions: pa.Table, ids: pa.Array, names: pa.Array, lead: Int64, since: Int64, owner: Int64
) -> pa.Table:
    """Name in each outbound interaction who had the lead then; hand-overs by lead and time."""
    of_lead = pc.index_in(interactions["lead_id"], value_set=ids).to_numpy().astype(np.int64)
    occurred_at = interactions["occurred_at"].cast(pa.int64()).to_numpy() // 1_000_000
    # Instants are below 2³⁴ seconds, so lead and instant make one ordered number.
    entry = np.searchsorted(lead * 2**34 + since, of_lead * 2**34 + occurred_at, side="right") - 1
    inbound = interactions["agent"].is_null().to_numpy()
    agent = names.take(pa.array(owner[entry], mask=inbound))
    return interactions.set_column(interactions.column_names.index("agent"), "agent", agent)


def _with_owners(
    log: pa.Table, ids: pa.Array, names: pa.Array, lead: Int64, since: Int64, owner: Int64
) -> pa.Table:
    """Add the hand-overs to the log of attributes."""
    hand_overs = pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "recorded_at": as_instants(since),
            "name": pa.array(["owner"] * len(lead)),
            "value": names.take(pa.array(owner)),
        }
    )
    by_time = [("recorded_at", "ascending"), ("lead_id", "ascending")]
    return pa.concat_tables([log, hand_overs]).combine_chunks().sort_by(by_time)


def _leads_table(
    rng: np.random.Generator, fresh: FreshLeads, lives: _Lives, ids: pa.Array, created_at: Int64
) -> pa.Table:
    """Make the leads as the export shows them."""
    codes = zip(_SIGNALS, fresh.signal_codes, strict=True)
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(created_at),
            "converted_at": as_instants(lives.converted_at),
            "closed_at": as_instants(lives.closed_at),
            "source": pa.array([s.name for s in _SOURCES]).take(pa.array(fresh.source)),
            **{signal.name: signal.column(code) for signal, code in codes},
            **identity_columns(rng, np.arange(len(ids))),
            "contract_number": pa.array(
                [f"C{i:07d}" for i in range(1, len(ids) + 1)], mask=lives.converted_at == 0
            ),
        }
    )


_CONFIG = config_text(
    fixed_at_creation=("source", *(signal.name for signal in _SIGNALS)),
    left_out="The others are not used: contact_name, email, phone and notes are personal data, "
    "birth_year is sensitive, and contract_number is given to a lead when it buys, so it would "
    "tell the outcome.",
    numbers=("fields_filled_in",),
    measures=("duration_seconds",),
    log=("owner", "known_need", "refusal_reason"),
)
