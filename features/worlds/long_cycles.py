"""A made-up supplier of factories and authorities: who buys soon says nothing of who buys later.

Two hidden mechanisms go on side by side in every lead, independent of each other:

- *Impulse.* Now and then a need arises and passes within days: a spare part, a small order. While
  it lasts the lead asks for prices and stock, and may order.
- *Project.* A lead may have a project that goes, over a year or more, from idea to specification,
  tender and award; then it is decided, and won or lost. Each stage lasts four phases in a row
  (Erlang's distribution), so it is far from memoryless: what counts is how long ago the rare signs
  of a stage began. Projects may be given up, and new ones begin.

Whichever ends first ends the lead. Time goes in days from the lead's creation. Attributes that tell
of one mechanism tell nothing of the other, and so do interactions.

The truth is exact. On each day the impulse acts first, then the project; given that the lead is
open both beliefs are filtered apart, for neither the signs nor the survival of one depends on the
other. With f(d) the chance that a mechanism wins the lead on day d and S(d) that it leaves the lead
open through day d,

    P(won within h days) = ∑ f_impulse(d) S_project(d − 1) + S_impulse(d) f_project(d), d = 1 … h.

Where a rate of buyers is asked for, the chances of winning are raised to one power: 1 − (1 − p)^f.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool, Float64, Int64
from features.engine.history import is_known, when_known
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
    contact_columns,
    draw_codes,
    draw_creations,
    draw_recorded,
    factor_for_rate,
    lead_ids,
    truth_table,
)
from features.worlds.nuisances import as_world

# The impulse is calm or urgent; all rates are per day.
_ARISES, _PASSES = 0.0025, 0.18
_ORDERED = np.array([0.00008, 0.045])
_FORGOTTEN = 0.0015

# The project: none, then four stages of four phases each.
_STAGES = ("none", "idea", "specification", "tender", "award")
_PHASES = 4
_STAGE_OF = np.r_[0, np.repeat(np.arange(1, 5), _PHASES)]
_STAGE_MIX = np.array([0.58, 0.20, 0.12, 0.07, 0.03])
_STAGE_DAYS = np.array([160.0, 120.0, 90.0, 45.0])
_BEGINS, _GIVEN_UP = 0.0006, 0.0015
_WON_SHARE = 0.50
_DROPPED = np.array([0.004, 0.0008, 0.0005, 0.0005, 0.0005])  # by stage
_VALUE_KNOWN = np.array([0.08, 0.25, 0.55, 0.80, 0.90])  # by the stage at creation
_ORDER = np.array([-0.3, 0.2, 0.7, 1.2, 1.4])  # how far each stage is, for tilts of the mix
_RATE_LEADS = 1_000  # of so many leads, evenly spaced, the expected share of buyers is computed
_LOOKS_PER_CHUNK = 20_000


class _Choice(NamedTuple):
    """One value of an attribute, its share, and what it does; most do one thing only."""

    value: str | None
    share: float
    effect: float = 1.0


_REQUESTS = (  # the chance that the lead comes in with an urgent need
    _Choice("quote_request", 0.12, 0.30),
    _Choice("catalogue_order", 0.30, 0.04),
    _Choice("introduction", 0.38, 0.01),
    _Choice("fair_contact", 0.20, 0.02),
)
_TRADES = (  # factor on how often needs arise
    _Choice("workshop", 0.30, 2.0),
    _Choice("plant", 0.50, 0.9),
    _Choice("authority", 0.20, 0.3),
)
_ORDERED_BEFORE = (_Choice("yes", 0.25, 1.7), _Choice("no", 0.75, 0.8))  # factor on small orders
_ENTRIES = (  # how far the project is, in log share
    _Choice("tender_notice", 0.08, 2.2),
    _Choice("engineer", 0.15, 1.0),
    _Choice("recommendation", 0.17, 0.4),
    _Choice("website", 0.40, -0.3),
    _Choice("register", 0.20, -0.9),
)
_PROCUREMENTS = (  # factor on the speed of projects
    _Choice("public", 0.30, 0.7),
    _Choice("private", 0.50, 1.0),
    _Choice("group", 0.20, 1.3),
)
_INCUMBENTS = (  # factor on the odds of winning a project
    _Choice("us", 0.15, 3.0),
    _Choice("rival", 0.45, 0.5),
    _Choice(None, 0.40, 1.0),
)
_COUNTRIES = (_Choice("de", 0.35), _Choice("pl", 0.25), _Choice("cz", 0.15), _Choice("it", 0.25))
_OWNERS = (_Choice("karl", 0.4, 1.5), _Choice("lucia", 0.35), _Choice("marek", 0.25, 0.5))


class _Type(NamedTuple):
    """One type of interaction: its words, and its daily rate in each state of its mechanism."""

    channel: str
    kind: str
    direction: str
    outcome: str | None
    award: str | None
    rates: tuple[float, ...]


_AWARD_EXPECTED = {  # what is written down at visits and talks, by stage
    "this_quarter": np.array([0.02, 0.02, 0.05, 0.30, 0.80]),
    "this_year": np.array([0.08, 0.18, 0.55, 0.60, 0.18]),
    "later": np.array([0.90, 0.80, 0.40, 0.10, 0.02]),
}


def _sign(channel: str, kind: str, outcome: str | None, rates: tuple[float, ...]) -> _Type:
    return _Type(channel, kind, "inbound", outcome, None, rates)


def _noted(channel: str, kind: str, rates: tuple[float, ...]) -> list[_Type]:
    return [
        _Type(channel, kind, "outbound", "held", word, tuple(np.array(rates) * share))
        for word, share in _AWARD_EXPECTED.items()
    ]


_OF_IMPULSE = (  # calm, urgent
    _sign("web", "visit", None, (0.030, 0.30)),
    _sign("web", "price_list", None, (0.008, 0.30)),
    _sign("phone", "stock_question", "answered", (0.002, 0.22)),
    _sign("mail", "delivery_time_question", None, (0.001, 0.10)),
)
_OF_PROJECT = (  # none, idea, specification, tender, award
    _sign("web", "catalogue", None, (0.004, 0.020, 0.012, 0.004, 0.002)),
    _sign("mail", "drawing", None, (0.0003, 0.002, 0.018, 0.006, 0.003)),
    _sign("phone", "technical_question", "answered", (0.002, 0.006, 0.022, 0.015, 0.008)),
    _sign("portal", "tender_document", None, (0.0003, 0.0005, 0.003, 0.030, 0.006)),
    _sign("mail", "postponed", None, (0.003, 0.006, 0.005, 0.005, 0.003)),
    *_noted("site", "plant_visit", (0.001, 0.003, 0.008, 0.014, 0.020)),
    *_noted("meeting", "terms_talk", (0.0003, 0.0005, 0.001, 0.010, 0.045)),
)
_OF_OFFICE = (  # whatever the lead is about
    _Type("mail", "circular", "outbound", None, None, (0.020,)),
    _Type("phone", "courtesy_call", "outbound", "answered", None, (0.010,)),
    _Type("phone", "courtesy_call", "outbound", "no_answer", None, (0.012,)),
)
_TYPES = _OF_IMPULSE + _OF_PROJECT + _OF_OFFICE
_IMPULSE_RATES = np.array([t.rates for t in _OF_IMPULSE])
_PROJECT_RATES = np.array([t.rates for t in _OF_PROJECT])[:, _STAGE_OF]
_OFFICE_RATES = np.array([t.rates for t in _OF_OFFICE])
_IS_OURS = np.array([t.direction == "outbound" for t in _TYPES])
_IS_BOOKED = np.array([t.kind in {"plant_visit", "terms_talk"} for t in _TYPES])


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth."""
    population = _population(rng, leads, knobs.days)
    factor = 1.0 if knobs.rate is None else _factor(population, knobs.rate)
    impulses, projects = _impulses(factor), _projects(factor)
    lives = _lives(rng, population, impulses, projects, knobs.days)
    ids = lead_ids(leads)
    interactions, log = _logs(rng, population, lives, ids)
    hot, warm = conversion_probabilities(
        _within(impulses, WARM_DAYS), _within(projects, WARM_DAYS), population, lives.looks
    )
    return MadeUpCrm(
        leads=_leads(rng, population, lives, ids),
        interactions=interactions,
        attributes=log,
        truth=truth_table(ids, lives.looks.lead, lives.looks.as_of, hot, warm),
        config=_CONFIG,
    )


class _Population(NamedTuple):
    """The leads as created; the observer knows the mixes and variants, not the states."""

    created_at: Int64
    attributes: dict[str, pa.Array]
    owner: Int64
    impulse_variant: Int64
    impulse_mix: Float64
    project_variant: Int64
    project_mix: Float64
    project: Int64


def _population(rng: np.random.Generator, n: int, days: int) -> _Population:
    attributes, codes, effects = {}, {}, {}
    for name, choices in (
        ("request", _REQUESTS),
        ("trade", _TRADES),
        ("ordered_before", _ORDERED_BEFORE),
        ("entry", _ENTRIES),
        ("procurement", _PROCUREMENTS),
        ("incumbent", _INCUMBENTS),
        ("country", _COUNTRIES),
        ("owner", _OWNERS),
    ):
        codes[name] = draw_codes(rng, [c.share for c in choices], n)
        effects[name] = np.array([c.effect for c in choices])[codes[name]]
        values = pa.array([c.value for c in choices], pa.string())
        attributes[name] = values.take(pa.array(codes[name]))
    employees = np.maximum(1, rng.lognormal(4.0, 1.3, n).astype(np.int64))
    far = effects["entry"] + 0.2 * np.clip(np.log(employees) - 4, -2, 2)
    stage_mix = _STAGE_MIX * np.exp(far[:, None] * _ORDER)
    stage_mix /= stage_mix.sum(axis=1, keepdims=True)
    stage = _drawn(rng, stage_mix)
    # Whether a value is known depends on the stage, so it tells the observer of it.
    is_known_value = rng.random(n) < _VALUE_KNOWN[stage]
    stage_mix *= np.where(is_known_value[:, None], _VALUE_KNOWN, 1 - _VALUE_KNOWN)
    stage_mix /= stage_mix.sum(axis=1, keepdims=True)
    phase = rng.integers(_PHASES, size=n)
    value = 1_000 * np.maximum(5, rng.lognormal(5.0, 1.0, n).astype(np.int64))
    attributes["employees"] = pa.array(employees, mask=rng.random(n) < 0.1)
    attributes["project_value"] = pa.array(value, mask=~is_known_value)
    urgent = effects["request"]
    return _Population(
        created_at=draw_creations(rng, n, days),
        attributes=attributes,
        owner=codes["owner"],
        impulse_variant=codes["trade"] * len(_ORDERED_BEFORE) + codes["ordered_before"],
        impulse_mix=np.column_stack([1 - urgent, urgent]),
        project_variant=codes["procurement"] * len(_INCUMBENTS) + codes["incumbent"],
        project_mix=stage_mix[:, _STAGE_OF] / np.where(_STAGE_OF == 0, 1, _PHASES),
        project=np.where(stage == 0, 0, 1 + (stage - 1) * _PHASES + phase),
    )


def _drawn(rng: np.random.Generator, probabilities: Float64) -> Int64:
    """Draw one state for each row of probabilities."""
    below = np.cumsum(probabilities[:, :-1], axis=1)
    state: Int64 = (rng.random(len(probabilities))[:, None] >= below).sum(axis=1)
    return state


class Mechanism(NamedTuple):
    """A hidden Markov chain that may end a lead, in several variants.

    Parameters
    ----------
    won : float64 array of shape (variants, states)
        Chance to win the lead on a day, by the state in which the day begins.
    lost : float64 array of shape (variants, states)
        Chance to lose it.
    moves : float64 array of shape (variants, states, states)
        Chances to go from state to state at the end of a day that left the lead open.
    """

    won: Float64
    lost: Float64
    moves: Float64

    @property
    def open(self) -> Float64:
        """Chance to leave the lead open on a day, variants × states."""
        return 1 - self.won - self.lost


def _raised(chance: Float64, factor: float) -> Float64:
    """Raise a chance to 1 − (1 − p)^factor, which is a factor on the hazard."""
    raised: Float64 = -np.expm1(factor * np.log1p(-chance))
    return raised


def _impulses(factor: float) -> Mechanism:
    """Make the mechanism of impulses, a variant for each trade and whether one ordered before."""
    variants = [(trade.effect, before.effect) for trade in _TRADES for before in _ORDERED_BEFORE]
    arises = np.array([_ARISES * often for often, _ in variants])
    moves = np.empty((len(variants), 2, 2))
    moves[:, 0, 1], moves[:, 0, 0] = arises, 1 - arises
    moves[:, 1, 0], moves[:, 1, 1] = _PASSES, 1 - _PASSES
    won = _raised(np.array([_ORDERED * eager for _, eager in variants]), factor)
    return Mechanism(won, (1 - won) * _FORGOTTEN, moves)


def _projects(factor: float) -> Mechanism:
    """Make the mechanism of projects, a variant for each procurement and incumbent."""
    variants = [(p.effect, i.effect) for p in _PROCUREMENTS for i in _INCUMBENTS]
    states = len(_STAGE_OF)
    won, lost = np.zeros((2, len(variants), states))
    moves = np.zeros((len(variants), states, states))
    for variant, (speed, odds) in enumerate(variants):
        moves[variant, 0, 1] = _BEGINS
        for state in range(1, states):
            on = speed * _PHASES / _STAGE_DAYS[_STAGE_OF[state] - 1]
            if state < states - 1:
                moves[variant, state, state + 1] = on
            else:  # the decision
                odds_won = odds * _WON_SHARE / (1 - _WON_SHARE)
                share = _raised(np.array(odds_won / (1 + odds_won)), factor)
                won[variant, state] = on * share
                lost[variant, state] = on * (1 - share)
            if _STAGE_OF[state] < len(_STAGES) - 1:
                moves[variant, state, 0] = _GIVEN_UP
    lost = lost + (1 - won - lost) * _DROPPED[_STAGE_OF]
    stays = 1 - moves.sum(axis=2)
    moves[:, np.arange(states), np.arange(states)] = stays
    return Mechanism(won, lost, moves)


class Fates(NamedTuple):
    """What a mechanism does in the coming days, by variant and state.

    Parameters
    ----------
    wins : float64 array of shape (variants, states, days)
        Chance to win the lead on each of the coming days.
    leaves_open : float64 array of shape (variants, states, days + 1)
        Chance to leave it open through so many days, 0 to all.
    """

    wins: Float64
    leaves_open: Float64


def _within(mechanism: Mechanism, days: int) -> Fates:
    """Look ahead by backward recursion, as if the other mechanism did nothing."""
    moves = mechanism.open[:, :, None] * mechanism.moves
    ahead = [np.stack([mechanism.won, np.ones_like(mechanism.won)], axis=2)]
    for _ in range(days):
        ahead.append(moves @ ahead[-1])
    wins, leaves_open = np.moveaxis(np.stack(ahead), (3, 0), (0, 3))
    return Fates(wins[:, :, :days], leaves_open)


def _daily_wins(impulse: tuple[Float64, Float64], project: tuple[Float64, Float64]) -> Float64:
    """Chance that the lead is won on each coming day, rows × days, from both mechanisms' fates."""
    (impulse_wins, impulse_open), (project_wins, project_open) = impulse, project
    daily: Float64 = impulse_wins * project_open[:, :-1] + impulse_open[:, 1:] * project_wins
    return daily


def _expected(fates: Fates, variant: Int64, mix: Float64) -> tuple[Float64, Float64]:
    """Wins and openness of leads of a variant and a belief over its states, rows × days."""
    days = fates.wins.shape[2]
    wins, leaves_open = np.empty((len(mix), days)), np.empty((len(mix), days + 1))
    for number in np.unique(variant):
        rows = variant == number
        wins[rows] = mix[rows] @ fates.wins[number]
        leaves_open[rows] = mix[rows] @ fates.leaves_open[number]
    return wins, leaves_open


def _factor(population: _Population, rate: float) -> float:
    """Factor on the chances of winning at which the expected share of buyers is the rate."""
    sample = slice(None, None, max(1, len(population.created_at) // _RATE_LEADS))
    impulse_variant, impulse_mix = (
        population.impulse_variant[sample],
        population.impulse_mix[sample],
    )
    project_variant, project_mix = (
        population.project_variant[sample],
        population.project_mix[sample],
    )
    days = (ENDS_AT - population.created_at[sample]) // DAY + 1
    is_within = np.arange(days.max()) < days[:, None]

    def share_that_buys(factor: float) -> float:
        daily = _daily_wins(
            _expected(_within(_impulses(factor), days.max()), impulse_variant, impulse_mix),
            _expected(_within(_projects(factor), days.max()), project_variant, project_mix),
        )
        return float(daily[is_within].sum() / len(days))

    return factor_for_rate(rate, share_that_buys)


class Looks(NamedTuple):
    """Looks at open leads, and what an observer believes there.

    Parameters
    ----------
    lead : int64 array of shape (looks,)
        Position of the lead.
    as_of : int64 array of shape (looks,)
        Instant, in seconds.
    impulse : float64 array of shape (looks, 2)
        Probability of each state of the impulse.
    project : float64 array of shape (looks, 17)
        Probability of each state of the project.
    """

    lead: Int64
    as_of: Int64
    impulse: Float64
    project: Float64


def conversion_probabilities(
    impulses: Fates, projects: Fates, population: _Population, looks: Looks
) -> tuple[Float64, Float64]:
    """P(is won within 14 and within 90 days) at looks.

    Parameters
    ----------
    impulses : Fates
        What impulses do in the coming 90 days.
    projects : Fates
        What projects do in them.
    population : _Population
        The leads' variants.
    looks : Looks
        Beliefs at the looks.
    """
    hot, warm = np.empty(len(looks.lead)), np.empty(len(looks.lead))
    for rows in np.array_split(np.arange(len(hot)), 1 + len(hot) // _LOOKS_PER_CHUNK):
        lead = looks.lead[rows]
        daily = _daily_wins(
            _expected(impulses, population.impulse_variant[lead], looks.impulse[rows]),
            _expected(projects, population.project_variant[lead], looks.project[rows]),
        )
        hot[rows] = daily[:, :HOT_DAYS].sum(axis=1)
        warm[rows] = hot[rows] + daily[:, HOT_DAYS:].sum(axis=1)
    return hot, warm


class _Lives(NamedTuple):
    """What happened to the leads; instants in seconds, 0 for what did not happen."""

    won_at: Int64
    lost_at: Int64
    project: Int64
    event_lead: Int64
    event_at: Int64
    event_type: Int64
    looks: Looks


def _lives(
    rng: np.random.Generator,
    population: _Population,
    impulses: Mechanism,
    projects: Mechanism,
    days: int,
) -> _Lives:
    """Live through all leads side by side, day by day, and filter as an observer would."""
    created_at, project = population.created_at, population.project.copy()
    ended_at = np.zeros((2, len(created_at)), dtype=np.int64)
    lead = np.arange(len(created_at))
    impulse = _drawn(rng, population.impulse_mix)
    beliefs = [population.impulse_mix, population.project_mix]
    variants = [population.impulse_variant, population.project_variant]
    diligence = np.array([c.effect for c in _OWNERS])[population.owner]
    events, looks = [], []
    for day in range(days + 1):
        dawn = created_at[lead] + day * DAY
        if day % SNAPSHOT_EVERY_DAYS == 0 and day <= SNAPSHOT_UNTIL_DAYS:
            looks.append((lead, dawn, *beliefs))
        impulse_signs = _signs(rng, _IMPULSE_RATES, impulse)
        project_signs = _signs(rng, _PROJECT_RATES, project[lead])
        effort = diligence[lead]
        office_signs = _signs(rng, _OFFICE_RATES, np.zeros(len(lead), dtype=np.int64), effort)
        position = np.r_[impulse_signs[0], project_signs[0], office_signs[0]]
        kind = np.r_[
            impulse_signs[1],
            len(_OF_IMPULSE) + project_signs[1],
            len(_OF_IMPULSE) + len(_OF_PROJECT) + office_signs[1],
        ]
        second = _working_seconds(rng, created_at[lead[position]])
        ending = [
            _ending(rng, mechanism, variant[lead], state)
            for mechanism, variant, state in zip(
                (impulses, projects), variants, (impulse, project[lead]), strict=True
            )
        ]
        end = np.where(ending[0] == _OPEN, ending[1], ending[0])  # the impulse acts first
        end_second = np.where(
            end == _OPEN, DAY, np.maximum(_working_seconds(rng, created_at[lead]), 1)
        )
        for how in (_WON, _LOST):
            ended_at[how, lead[end == how]] = (dawn + end_second)[end == how]
        happened = second < end_second[position]  # nothing happens to a lead that has ended
        events.append(
            (lead[position[happened]], (dawn[position] + second)[happened], kind[happened])
        )
        beliefs = [
            _updated(belief, rates, signs, mechanism, variant[lead])
            for belief, rates, signs, mechanism, variant in zip(
                beliefs,
                (_IMPULSE_RATES, _PROJECT_RATES),
                (impulse_signs, project_signs),
                (impulses, projects),
                variants,
                strict=True,
            )
        ]
        stays = (end == _OPEN) & (dawn + DAY < ENDS_AT)
        lead, impulse = lead[stays], impulse[stays]
        beliefs = [belief[stays] for belief in beliefs]
        impulse = _moved(rng, impulses, variants[0][lead], impulse)
        project[lead] = _moved(rng, projects, variants[1][lead], project[lead])
    won_at, lost_at = np.where(ended_at < ENDS_AT, ended_at, 0)
    event_lead, event_at, event_type = map(np.concatenate, zip(*events, strict=True))
    return _Lives(
        won_at=won_at,
        lost_at=lost_at,
        project=project,
        event_lead=event_lead,
        event_at=event_at,
        event_type=event_type,
        looks=Looks(*map(np.concatenate, zip(*looks, strict=True))),
    )


_WON, _LOST, _OPEN = 0, 1, 2


def _signs(
    rng: np.random.Generator, rates: Float64, state: Int64, effort: Float64 | None = None
) -> tuple[Int64, Int64]:
    """Draw a day's interactions of a mechanism: the position of the lead and the type of each."""
    total = rates.sum(axis=0)
    share = np.cumsum(rates / total, axis=0)[:-1].T
    counts = rng.poisson(total[state] if effort is None else total[state] * effort)
    position = np.repeat(np.arange(len(state)), counts)
    chance = rng.random(len(position))
    return position, (chance[:, None] >= share[state[position]]).sum(axis=1)


def _ending(rng: np.random.Generator, mechanism: Mechanism, variant: Int64, state: Int64) -> Int64:
    """Draw how a day ends as far as a mechanism goes."""
    chance, won = rng.random(len(state)), mechanism.won[variant, state]
    return np.select(
        [chance < won, chance < won + mechanism.lost[variant, state]], [_WON, _LOST], _OPEN
    )


def _moved(rng: np.random.Generator, mechanism: Mechanism, variant: Int64, state: Int64) -> Int64:
    """Draw the states of the next day."""
    return _drawn(rng, mechanism.moves[variant, state])


def _updated(
    belief: Float64,
    rates: Float64,
    signs: tuple[Int64, Int64],
    mechanism: Mechanism,
    variant: Int64,
) -> Float64:
    """Bayes' rule for one day that left the lead open, then the moves into the next."""
    position, kind = signs
    log_likelihood = np.tile(-rates.sum(axis=0), (len(belief), 1))
    np.add.at(log_likelihood, position, np.log(rates)[kind])
    log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
    belief = belief * np.exp(log_likelihood) * mechanism.open[variant]
    following = np.empty_like(belief)
    for number in range(len(mechanism.moves)):
        rows = variant == number
        following[rows] = belief[rows] @ mechanism.moves[number]
    updated: Float64 = following / following.sum(axis=1, keepdims=True)
    return updated


def _working_seconds(rng: np.random.Generator, created_at: Int64) -> Int64:
    """Seconds since the start of the lead's own day that fall, by the clock, into working hours."""
    clock = rng.triangular(25_200, 39_600, 64_800, len(created_at)).astype(np.int64)
    return (clock - created_at) % DAY


def _logs(
    rng: np.random.Generator, population: _Population, lives: _Lives, ids: pa.Array
) -> tuple[pa.Table, pa.Table]:
    """Make the interactions as the export shows them, and the log of what was written down."""
    order = np.lexsort((lives.event_type, lives.event_at, lives.event_lead))
    lead, occurred_at, kind = (
        column[order] for column in (lives.event_lead, lives.event_at, lives.event_type)
    )
    recorded_at = draw_recorded(rng, population.created_at[lead], occurred_at, _IS_BOOKED[kind])
    exported: Bool = is_known(when_known(occurred_at, recorded_at), ENDS_AT)
    lead, occurred_at, kind, recorded_at = (
        column[exported] for column in (lead, occurred_at, kind, recorded_at)
    )
    words = {
        word: pa.array([getattr(t, word) for t in _TYPES], pa.string()).take(pa.array(kind))
        for word in ("channel", "kind", "direction", "outcome", "award")
    }
    award = words.pop("award")
    owners = pa.array([c.value for c in _OWNERS])
    hours = 1 + rng.poisson(2.0, len(lead))
    table = pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "occurred_at": as_instants(occurred_at),
            "recorded_at": as_instants(recorded_at),
            **words,
            "agent": owners.take(pa.array(population.owner[lead], mask=~_IS_OURS[kind])),
            "hours": pa.array(hours, mask=~_IS_BOOKED[kind]),
        }
    )
    log = pa.table(
        {
            "lead_id": table["lead_id"],
            # Written down after the visit, even where the visit itself was entered when booked.
            "recorded_at": as_instants(when_known(occurred_at, recorded_at)),
            "name": pa.array(["award_expected"] * table.num_rows, pa.string()),
            "value": award,
        }
    ).filter(pc.is_valid(award))
    return table, log.sort_by([("recorded_at", "ascending"), ("lead_id", "ascending")])


def _leads(
    rng: np.random.Generator, population: _Population, lives: _Lives, ids: pa.Array
) -> pa.Table:
    n = len(ids)
    numbers = range(1, n + 1)
    stage = pa.array(_STAGES).take(pa.array(_STAGE_OF[lives.project]))
    ended = (lives.won_at > 0) | (lives.lost_at > 0)
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(population.created_at),
            "converted_at": as_instants(lives.won_at),
            "closed_at": as_instants(lives.lost_at),
            **population.attributes,
            "gender": pa.array(["f", "m", "x"]).take(pa.array(rng.integers(3, size=n))),
            **contact_columns(n),
            "order_number": pa.array([f"PO{i:06d}" for i in numbers], mask=lives.won_at == 0),
            "pipeline_stage": pc.if_else(pa.array(ended), "closed", stage),
        }
    )


_CONFIG = config_text(
    fixed_at_creation=(
        "request",
        "trade",
        "ordered_before",
        "entry",
        "procurement",
        "incumbent",
        "country",
        "owner",
        "employees",
        "project_value",
    ),
    left_out=(
        "The others are not used: contact_name, email and phone are personal data, gender is "
        "sensitive, and order_number and pipeline_stage are overwritten as the lead goes on, so "
        "they would tell the outcome."
    ),
    numbers=("employees", "project_value"),
    measures=("hours",),
    log=("award_expected",),
)
